package insightshub

import (
	"net/http"
	"strings"
	"time"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/token"
)

// Paths of this API.
const (
	PathToken       = token.InsightsHubPath + "/oauth/token"
	PathTokens      = token.InsightsHubPath + "/oauthTokens"
	PathUserTenants = token.InsightsHubPath + "/userTenants"
	PathTokenKeys   = "/token_keys"
)

// Token answers POST …/oauth/token: one token for one user tenant.
type Token struct{ Exchange *exchange.Exchange }

// tokenAnswer is a token as this API hands it out.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is in seconds.
	ExpiresIn int64  `json:"expires_in"`
	Scope     string `json:"scope"`
	ID        string `json:"jti"`
}

func answerOf(issued token.Token) tokenAnswer {
	return tokenAnswer{
		AccessToken: issued.Access,
		TokenType:   "bearer",
		// The second that has begun does not count: the original says 1799 of a fresh token.
		ExpiresIn: max(0, int64(issued.Lifetime/time.Second)-1),
		Scope:     strings.Join(issued.Scopes, " "),
		ID:        issued.ID,
	}
}

func (h Token) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, r, http.StatusOK, answer, err)
}

func (h Token) answer(r *http.Request) (*tokenAnswer, *oauth.Error) {
	params, err := readTokenParams(r)
	if err != nil {
		return nil, err
	}
	id, secret, err := clientAuth(r.Header)
	if err != nil {
		return nil, h.Exchange.Unidentified(r.Context(), exchange.InsightsHub, err)
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	session, err := h.Exchange.Authenticate(r.Context(), exchange.InsightsHub, id, secret)
	if err != nil {
		return nil, err
	}
	if err := checkOwn(session, params.AppName, params.AppVersion, params.HostTenant, "hostTenant"); err != nil {
		return nil, h.Exchange.Contradicted(r.Context(), session, err)
	}
	issued, err := h.Exchange.Issue(r.Context(), session, exchange.Request{Tenant: params.UserTenant})
	if err != nil {
		return nil, err
	}
	answer := answerOf(issued)
	return &answer, nil
}
