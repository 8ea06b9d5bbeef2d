package insightshub

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// tokenParams are the parameters of a request for one token, from the JSON body, a form or the query.
type tokenParams struct {
	AppName    string `json:"appName"`
	AppVersion string `json:"appVersion"`
	HostTenant string `json:"hostTenant"`
	UserTenant string `json:"userTenant"`
	manner
}

// manner is how tokens are asked for: there is one grant type, and nobody impersonates a user.
type manner struct {
	GrantType         string `json:"grant_type"`
	CallerContextType string `json:"caller_context_type"`
	CallerContext     any    `json:"caller_context"`
}

// field is a parameter that can stand in a query.
type field struct {
	name  string
	value *string
}

func (p *tokenParams) fields() []field {
	return []field{
		{"appName", &p.AppName},
		{"appVersion", &p.AppVersion},
		{"hostTenant", &p.HostTenant},
		{"userTenant", &p.UserTenant},
		{"grant_type", &p.GrantType},
	}
}

// readTokenParams reads the parameters from the body or from the query, but not some from each; grant_type alone may stand in
// the query beside a body, where the vendor's Java SDK has it.
func readTokenParams(r *http.Request) (*tokenParams, *oauth.Error) {
	body, media, err := readBody(r)
	if err != nil {
		return nil, err
	}
	query, problem := url.ParseQuery(r.URL.RawQuery)
	if problem != nil {
		return nil, badRequest("the query cannot be read")
	}
	if impersonates(query) {
		return nil, noImpersonation()
	}
	params := &tokenParams{}
	switch media {
	case "application/json":
		err = oauth.DecodeObject(body, params, oauth.IgnoreUnknown)
	case "application/x-www-form-urlencoded":
		var form url.Values
		if form, problem = url.ParseQuery(string(body)); problem != nil {
			return nil, badRequest("the body is not form-encoded")
		}
		err = params.take(form)
	}
	if err != nil {
		return nil, err
	}
	if params.empty() {
		return params, params.take(query)
	}
	return params, params.takeGrantType(query)
}

// empty reports whether no parameter is there.
func (p *tokenParams) empty() bool {
	return p.CallerContext == nil && !slices.ContainsFunc(p.fields(), func(field field) bool { return *field.value != "" })
}

func (p *tokenParams) take(values url.Values) *oauth.Error {
	for _, field := range p.fields() {
		value, err := once(values, field.name)
		if err != nil {
			return err
		}
		*field.value = value
	}
	if impersonates(values) {
		return noImpersonation()
	}
	return nil
}

// takeGrantType takes what may stand in the query beside a body that has parameters.
func (p *tokenParams) takeGrantType(query url.Values) *oauth.Error {
	for _, field := range p.fields() {
		if field.name != "grant_type" && query.Has(field.name) {
			return badRequest("parameters stand in the body and in the query: send all of them in one place")
		}
	}
	return p.manner.takeGrantType(query)
}

func (m *manner) takeGrantType(query url.Values) *oauth.Error {
	value, err := once(query, "grant_type")
	if err != nil {
		return err
	}
	if value != "" && m.GrantType != "" && value != m.GrantType {
		return badRequest("grant_type in the query contradicts the one in the body")
	}
	m.GrantType = cmp.Or(value, m.GrantType)
	return nil
}

// check says what is missing or not served, before anybody is authenticated.
func (p *tokenParams) check() *oauth.Error {
	for _, field := range p.fields()[:4] {
		if *field.value == "" {
			return badRequest(field.name + " is missing: appName, appVersion, hostTenant and userTenant are required")
		}
	}
	return p.manner.check()
}

func (m *manner) check() *oauth.Error {
	if m.GrantType != "" && m.GrantType != oauth.GrantClientCredentials {
		return oauth.BadRequest(oauth.UnsupportedGrantType, "the one grant_type served is client_credentials")
	}
	if m.CallerContextType != "" || m.CallerContext != nil {
		return noImpersonation()
	}
	return nil
}

// impersonates reports whether parameters outside of a JSON body ask for a user's token. One without a value is as one that is
// not there, here as everywhere.
func impersonates(values url.Values) bool {
	return slices.ContainsFunc(slices.Concat(values["caller_context"], values["caller_context_type"]),
		func(value string) bool { return value != "" })
}

func noImpersonation() *oauth.Error {
	return badRequest("caller_context is not supported: tokens are for tenants, not for users; leave caller_context and " +
		"caller_context_type out")
}

// checkOwn says which of the names is not the authenticated client's own. They are compared exactly.
func checkOwn(session exchange.Session, application, version, hostTenant, hostName string) *oauth.Error {
	switch {
	case application != session.Application():
		return badRequest("appName is not that of the client's credentials")
	case version != session.Version():
		return badRequest("appVersion is not that of the client's credentials; versions are compared exactly, 1.0.0 is not v1.0.0")
	case hostTenant != session.Host():
		return badRequest(hostName + " is not that of the client's credentials")
	}
	return nil
}
