package httpapi

import (
	"mime"
	"net/http"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// PathTokens is where a client asks for tokens for several tenants at once.
const PathTokens = "/v1/tokens"

// Tokens issues a token for each of several tenants: POST with client_secret_basic and a JSON body. The answer is 200 whenever
// the request is well formed, with a result for each tenant in the order asked, a token or an error: one tenant that is refused
// does not spoil the others.
type Tokens struct{ Exchange *exchange.Exchange }

// tokensRequest is the body. Every member but tenants can be left out, and means what it means at the token endpoint.
type tokensRequest struct {
	Tenants  []string `json:"tenants"`
	Scope    string   `json:"scope"`
	Audience string   `json:"audience"`
	Resource string   `json:"resource"`
}

type tokensAnswer struct {
	Tokens []tenantToken `json:"tokens"`
}

// tenantToken is a token as the token endpoint would hand it out, or the error that it would answer with.
type tenantToken struct {
	Tenant string `json:"tenant"`
	*tokenAnswer
	*oauth.ErrorBody
}

func (h Tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Tokens) answer(r *http.Request) (*tokensAnswer, *oauth.Error) {
	requests, err := readTokensRequest(r)
	if err != nil {
		return nil, err
	}
	session, err := headerSession(r, h.Exchange)
	if err != nil {
		return nil, err
	}
	results, err := h.Exchange.IssueEach(r.Context(), session, requests)
	if err != nil {
		return nil, err
	}
	answer := &tokensAnswer{}
	for i, result := range results {
		one := tenantToken{Tenant: requests[i].Tenant}
		if result.Err == nil {
			one.tokenAnswer = answerOf(result.Token)
		} else {
			body := result.Err.Body()
			one.ErrorBody = &body
		}
		answer.Tokens = append(answer.Tokens, one)
	}
	return answer, nil
}

// readTokensRequest returns what is wanted for each tenant. A parameter that nobody knows is refused, since it could be one that
// is misspelt: a token with more than was wanted would be the answer.
func readTokensRequest(r *http.Request) ([]exchange.Request, *oauth.Error) {
	body, err := readJSON(r)
	if err != nil {
		return nil, err
	}
	params := tokensRequest{}
	if err := oauth.DecodeObject(body, &params, oauth.RefuseUnknown); err != nil {
		return nil, err
	}
	if err := exchange.CheckTenants("tenants", params.Tenants); err != nil {
		return nil, err
	}
	audience, err := audienceOf(params.Resource, params.Audience)
	if err != nil {
		return nil, err
	}
	scopes, err := scopesOf(params.Scope)
	if err != nil {
		return nil, err
	}
	requests := make([]exchange.Request, 0, len(params.Tenants))
	for _, tenant := range params.Tenants {
		requests = append(requests, exchange.Request{Tenant: tenant, Audience: audience, Scopes: scopes})
	}
	return requests, nil
}

func readJSON(r *http.Request) ([]byte, *oauth.Error) {
	if r.URL.RawQuery != "" {
		return nil, oauth.BadRequest(oauth.InvalidRequest, "parameters in the URL are refused: send them in the JSON body")
	}
	if media, _, problem := mime.ParseMediaType(r.Header.Get("Content-Type")); problem != nil || media != "application/json" {
		return nil, &oauth.Error{
			Code: oauth.InvalidRequest, Description: "the body must be of Content-Type application/json",
			Status: http.StatusUnsupportedMediaType,
		}
	}
	return oauth.ReadBody(r)
}
