package insightshub

import (
	"net/http"
	"net/url"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// Tokens answers POST …/oauthTokens: a token for each of several user tenants. The shape of its answer is ours.
type Tokens struct{ Exchange *exchange.Exchange }

// tokensParams has other names than tokenParams, as the original has.
type tokensParams struct {
	AppName       string   `json:"appName"`
	AppVersion    string   `json:"appVersion"`
	HostTenantID  string   `json:"hostTenantId"`
	UserTenantIDs []string `json:"userTenantIds"`
	manner
}

type tokensAnswer struct {
	Tokens []tenantToken `json:"tokens"`
}

// tenantToken is a token or the reason why there is none.
type tenantToken struct {
	UserTenantID string `json:"userTenantId"`
	*tokenAnswer
	Error *tenantError `json:"error,omitempty"`
}

type tenantError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (h Tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, answer, err := h.answer(r)
	respond(w, r, status, answer, err)
}

func (h Tokens) answer(r *http.Request) (int, *tokensAnswer, *oauth.Error) {
	params, err := readTokensParams(r)
	if err != nil {
		return 0, nil, err
	}
	id, secret, err := clientAuth(r.Header)
	if err != nil {
		return 0, nil, h.Exchange.Unidentified(r.Context(), exchange.InsightsHub, err)
	}
	if err := params.check(); err != nil {
		return 0, nil, err
	}
	session, err := h.Exchange.Authenticate(r.Context(), exchange.InsightsHub, id, secret)
	if err != nil {
		return 0, nil, err
	}
	if err := checkOwn(session, params.AppName, params.AppVersion, params.HostTenantID, "hostTenantId"); err != nil {
		return 0, nil, h.Exchange.Contradicted(r.Context(), session, err)
	}
	return h.issue(r, session, params.UserTenantIDs)
}

// issue asks for each tenant on its own: one that is refused does not spoil the others. The status is 200 when there is a
// token in the answer, and else that of the first error.
func (h Tokens) issue(r *http.Request, session exchange.Session, tenants []string) (int, *tokensAnswer, *oauth.Error) {
	requests := make([]exchange.Request, len(tenants))
	for i, tenant := range tenants {
		requests[i].Tenant = tenant
	}
	results, err := h.Exchange.IssueEach(r.Context(), session, requests)
	if err != nil {
		return 0, nil, err
	}
	answer, status := &tokensAnswer{}, 0
	for i, result := range results {
		one := tenantToken{UserTenantID: tenants[i]}
		if result.Err == nil {
			token := answerOf(result.Token)
			one.tokenAnswer, status = &token, http.StatusOK
		} else {
			one.Error = &tenantError{Code: codeOf(result.Err), Message: messageOf(result.Err)}
			if status == 0 {
				status = statusOf(result.Err)
			}
		}
		answer.Tokens = append(answer.Tokens, one)
	}
	return status, answer, nil
}

func readTokensParams(r *http.Request) (*tokensParams, *oauth.Error) {
	body, media, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if media != "application/json" {
		return nil, badRequest("a JSON body with appName, appVersion, hostTenantId and userTenantIds is required")
	}
	query, problem := url.ParseQuery(r.URL.RawQuery)
	if problem != nil {
		return nil, badRequest("the query cannot be read")
	}
	if impersonates(query) {
		return nil, noImpersonation()
	}
	for _, name := range []string{"appName", "appVersion", "hostTenantId", "userTenantIds"} {
		if query.Has(name) {
			return nil, badRequest(name + " stands in the query: send all parameters in the JSON body")
		}
	}
	params := &tokensParams{}
	if err := oauth.DecodeObject(body, params, oauth.IgnoreUnknown); err != nil {
		return nil, err
	}
	return params, params.takeGrantType(query)
}

func (p *tokensParams) check() *oauth.Error {
	if p.AppName == "" || p.AppVersion == "" || p.HostTenantID == "" || len(p.UserTenantIDs) == 0 {
		return badRequest("appName, appVersion, hostTenantId and userTenantIds are required")
	}
	if err := exchange.CheckTenants("userTenantIds", p.UserTenantIDs); err != nil {
		return err
	}
	return p.manner.check()
}
