package httpapi

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/token"
)

// PathToken is the token endpoint.
const PathToken = "/oauth2/token"

// Token is the token endpoint (RFC 6749 section 4.4): POST with a form.
//
// The parameter tenant names the user tenant (ours; absent: the host tenant itself), scope narrows, and resource (RFC 8707) or
// audience (the same, ours) names one of the application's resource servers (absent: the first).
type Token struct{ Exchange *exchange.Exchange }

// tokenAnswer is that of RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is in seconds.
	ExpiresIn int64  `json:"expires_in"`
	Scope     string `json:"scope"`
}

func (h Token) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Token) answer(r *http.Request) (*tokenAnswer, *oauth.Error) {
	form, err := readForm(r, append(formParameters(), "grant_type", "tenant", "scope", "resource", "audience")...)
	if err != nil {
		return nil, err
	}
	auth, err := formAuth(r, form)
	if err != nil {
		return nil, h.Exchange.Unidentified(r.Context(), exchange.Standard, err)
	}
	wanted, err := requestOf(form)
	if err != nil {
		return nil, err
	}
	session, err := auth.authenticate(r.Context(), h.Exchange)
	if err != nil {
		return nil, err
	}
	issued, err := h.Exchange.Issue(r.Context(), session, wanted)
	if err != nil {
		return nil, err
	}
	return answerOf(issued), nil
}

func answerOf(issued token.Token) *tokenAnswer {
	return &tokenAnswer{
		AccessToken: issued.Access,
		TokenType:   oauth.TokenType,
		ExpiresIn:   int64(issued.Lifetime / time.Second),
		Scope:       strings.Join(issued.Scopes, " "),
	}
}

func requestOf(form form) (exchange.Request, *oauth.Error) {
	switch form["grant_type"] {
	case oauth.GrantClientCredentials:
	case "":
		return exchange.Request{}, oauth.BadRequest(oauth.InvalidRequest, "grant_type is missing: it is client_credentials")
	default:
		return exchange.Request{}, oauth.BadRequest(oauth.UnsupportedGrantType, "the one grant type served is client_credentials")
	}
	audience, err := audienceOf(form["resource"], form["audience"])
	if err != nil {
		return exchange.Request{}, err
	}
	scopes, err := scopesOf(form["scope"])
	return exchange.Request{Tenant: form["tenant"], Audience: audience, Scopes: scopes}, err
}

// audienceOf takes one name for what can be said under two.
func audienceOf(resource, audience string) (string, *oauth.Error) {
	if resource != "" && audience != "" && resource != audience {
		return "", oauth.BadRequest(oauth.InvalidTarget, "audience and resource differ: a token has one audience")
	}
	return cmp.Or(resource, audience), nil
}

// scopesOf reads a scope parameter (RFC 6749 section 3.3).
func scopesOf(text string) ([]string, *oauth.Error) {
	if text == "" {
		return nil, nil
	}
	scopes := strings.Split(text, " ")
	for _, scope := range scopes {
		if scope == "" || strings.ContainsFunc(scope, notInScope) {
			return nil, oauth.BadRequest(oauth.InvalidScope, "scope is a list of scopes with single spaces between them")
		}
	}
	return scopes, nil
}

func notInScope(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' }
