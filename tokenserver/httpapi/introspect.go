package httpapi

import (
	"net/http"
	"strings"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// PathIntrospection is where a resource server asks what a token is worth today.
const PathIntrospection = "/oauth2/introspect"

// Introspection is the introspection endpoint (RFC 7662): POST with a form, in which token is the token. token_type_hint makes
// no difference: there are access tokens alone.
//
// Tokens of the Insights Hub API are not active here: they are another issuer's, and no API that verifies this issuer's by its
// keys takes them either.
type Introspection struct{ Exchange *exchange.Exchange }

// introspectionAnswer is that of RFC 7662 section 2.2. Of a token that is not active it has nothing but that.
type introspectionAnswer struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	ID        string `json:"jti,omitempty"`

	// The rest is ours, and means what the claims of these names mean.
	Tenant       string `json:"tenant,omitempty"`
	HostTenant   string `json:"host_tenant,omitempty"`
	Application  string `json:"app,omitempty"`
	Version      string `json:"app_version,omitempty"`
	CredentialID string `json:"credential_id,omitempty"`
	Grant        string `json:"grant,omitempty"`
}

func (h Introspection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Introspection) answer(r *http.Request) (*introspectionAnswer, *oauth.Error) {
	form, err := readForm(r, "token", "token_type_hint")
	if err != nil {
		return nil, err
	}
	inspector, err := h.Exchange.AuthenticateInspector(r.Context(), bearerOf(r.Header))
	if err != nil {
		return nil, err
	}
	if form["token"] == "" {
		return nil, oauth.BadRequest(oauth.InvalidRequest, "token is missing: it is the token to be introspected")
	}
	found := h.Exchange.Introspect(r.Context(), inspector, form["token"])
	if !found.Active {
		return &introspectionAnswer{}, nil
	}
	return &introspectionAnswer{
		Active:       true,
		Scope:        strings.Join(found.Scopes, " "),
		ClientID:     found.Token.ClientID,
		TokenType:    oauth.TokenType,
		Expires:      found.Expires.Unix(),
		IssuedAt:     found.Token.Issued.Unix(),
		Subject:      found.Token.Subject,
		Audience:     found.Token.Audience,
		Issuer:       found.Token.Issuer,
		ID:           found.Token.ID,
		Tenant:       found.Token.Tenant,
		HostTenant:   found.Client.Host,
		Application:  found.Client.Application.Name,
		Version:      found.Client.Version,
		CredentialID: found.Token.CredentialID,
		Grant:        found.Grant,
	}, nil
}

// bearerOf returns the token of an Authorization header (RFC 6750 section 2.1). Where there is none, or more than one header, it
// is a token that nobody has.
func bearerOf(header http.Header) string {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(text)
}
