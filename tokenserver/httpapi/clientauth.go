package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// clientAuth is a client id and its secret, or an assertion in the secret's place, as they were sent, not yet proven.
type clientAuth struct{ id, secret, assertion string }

// authenticate has it proven.
func (a clientAuth) authenticate(ctx context.Context, by *exchange.Exchange) (exchange.Session, *oauth.Error) {
	if a.assertion != "" {
		return by.AuthenticateAssertion(ctx, a.id, a.assertion)
	}
	return by.Authenticate(ctx, exchange.Standard, a.id, a.secret)
}

// basicAuth reads client_secret_basic (RFC 6749 section 2.3.1): id and secret are form-encoded before they are joined. It
// returns false where there is no Authorization header.
func basicAuth(header http.Header) (clientAuth, bool, *oauth.Error) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return clientAuth{}, false, nil
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Basic") {
		return clientAuth{}, true, malformed("use one Authorization header with the scheme Basic")
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return clientAuth{}, true, malformed("what stands behind Basic is not base64")
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	if !found {
		return clientAuth{}, true, malformed("there is no colon between client id and secret")
	}
	auth := clientAuth{}
	if auth.id, err = url.QueryUnescape(id); err == nil {
		auth.secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return clientAuth{}, true, malformed("client id and secret are form-encoded before they are joined, and these do not decode")
	}
	return auth, true, nil
}

// headerSession authenticates the client of a request that has no form.
func headerSession(r *http.Request, by *exchange.Exchange) (exchange.Session, *oauth.Error) {
	auth, err := headerAuth(r.Header)
	if err != nil {
		return exchange.Session{}, by.Unidentified(r.Context(), exchange.Standard, err)
	}
	return auth.authenticate(r.Context(), by)
}

// headerAuth reads client authentication of a request that has no form: by HTTP Basic authentication, in which the projected
// token of a ServiceAccount may stand in place of the secret (ours: RFC 7523 knows forms alone).
func headerAuth(header http.Header) (clientAuth, *oauth.Error) {
	auth, found, err := basicAuth(header)
	if err == nil && !found {
		err = unauthenticated("client authentication is missing: send client id and secret by HTTP Basic authentication")
	}
	// A JWT has two dots, a client secret none.
	if err == nil && strings.Count(auth.secret, ".") == 2 {
		auth.secret, auth.assertion = "", auth.secret
	}
	return auth, err
}

// formParameters are those that formAuth reads.
func formParameters() []string {
	return []string{"client_id", "client_secret", "client_assertion_type", "client_assertion"}
}

// formAuth reads client authentication from the header or from the form, as client_secret_post or as an assertion (RFC 7523
// section 2.2), but from one of them alone.
func formAuth(r *http.Request, form form) (clientAuth, *oauth.Error) {
	auth, basic, err := basicAuth(r.Header)
	if err != nil {
		return clientAuth{}, err
	}
	id, secret := form["client_id"], form["client_secret"]
	asserted := form["client_assertion_type"] != "" || form["client_assertion"] != ""
	switch {
	case basic && secret != "", basic && asserted, secret != "" && asserted:
		return clientAuth{}, oauth.BadRequest(oauth.InvalidRequest, "two methods of client authentication in one request: send one of "+
			"Authorization in the header, client_secret in the form, or client_assertion in the form")
	case asserted:
		return assertionAuth(form)
	case !basic && (id == "" || secret == ""):
		return clientAuth{}, unauthenticated("client authentication is missing: send client_id and client_secret by HTTP " +
			"Basic authentication or in the form, or client_id and client_assertion in the form")
	case !basic:
		return clientAuth{id: id, secret: secret}, nil
	case id != "" && id != auth.id:
		return clientAuth{}, oauth.BadRequest(oauth.InvalidRequest,
			"client_id in the form contradicts the one in the Authorization header: leave it out of the form")
	}
	return auth, nil
}

// assertionAuth reads an assertion, with the client id that RFC 7523 makes optional: the token of a ServiceAccount has a subject
// that is no client id.
func assertionAuth(form form) (clientAuth, *oauth.Error) {
	for _, name := range []string{"client_id", "client_assertion_type", "client_assertion"} {
		if form[name] == "" {
			return clientAuth{}, oauth.BadRequest(oauth.InvalidRequest,
				name+" is missing: client_id, client_assertion_type and client_assertion go together")
		}
	}
	if form["client_assertion_type"] != oauth.AssertionTypeJWT {
		return clientAuth{}, unauthenticated("the one client_assertion_type served is " + oauth.AssertionTypeJWT)
	}
	return clientAuth{id: form["client_id"], assertion: form["client_assertion"]}, nil
}

// malformed is a header that cannot be read. It is a failed client authentication (RFC 6749 section 5.2).
func malformed(what string) *oauth.Error {
	return unauthenticated("the Authorization header is malformed: " + what +
		"; it is Basic and the base64 of client id, colon, client secret")
}

func unauthenticated(description string) *oauth.Error {
	err := oauth.Unauthenticated()
	err.Description = description
	return err
}
