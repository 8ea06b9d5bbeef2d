package flow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"countersign.dev/api/v1alpha1"
)

const hub = "/api/technicaltokenmanager/v3"

// hubBody is the body of a request for one token, as clients send it.
func (w *tenancy) hubBody(version, userTenant string) string {
	return fmt.Sprintf(`{"appName":"kpi","appVersion":%q,"hostTenant":%q,"userTenant":%q}`, version, w.host, userTenant)
}

// hub is a POST with client authentication.
func (w *tenancy) hub(path, body string, header ...string) request {
	w.Helper()
	id, secret := w.credentials("1.0.0")
	r := request{method: http.MethodPost, path: hub + path, body: body, header: map[string]string{
		"Content-Type":     "application/json",
		"X-SPACE-AUTH-KEY": "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret)),
	}}
	for i := 0; i < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
	return r
}

func TestEveryFormOfClientAuthenticationThatRealClientsSendWorks(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	id, secret := w.credentials("1.0.0")
	encoded := base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
	bare := strings.TrimRight(encoded, "=")
	for _, header := range []string{"X-SPACE-AUTH-KEY", "Authorization"} {
		for _, value := range []string{
			"Basic " + encoded, "Bearer " + encoded, "basic " + encoded, encoded, "Basic " + bare, bare,
			"Basic <" + encoded + ">", "<" + encoded + ">", "Bearer <" + bare + ">",
		} {
			r := w.hub("/oauth/token", w.hubBody("1.0.0", w.user))
			delete(r.header, "X-SPACE-AUTH-KEY")
			r.header[header] = value
			got := w.ask(r)
			if got.Status != http.StatusOK || got.text("token_type") != "bearer" || got.Body["expires_in"] != float64(1799) {
				t.Errorf("%s: %.12s…: %d %s", header, value, got.Status, strings.ReplaceAll(got.Text, secret, "…"))
			}
		}
	}
}

func TestParametersStandInTheBodyOrInTheQuery(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	query := url.Values{"appName": {"kpi"}, "appVersion": {"1.0.0"}, "hostTenant": {w.host}, "userTenant": {w.user}}.Encode()
	body := w.hubBody("1.0.0", w.user)
	secretInBody := strings.Replace(body, "{", `{"clientSecret":"x","nested":{"a":[1]},`, 1)
	doubled := w.hub("/oauth/token", body)
	doubled.path = "/" + doubled.path
	for sentence, r := range map[string]request{
		"the body":                        w.hub("/oauth/token", body),
		"the query":                       w.hub("/oauth/token?"+query, ""),
		"the query without a type":        w.hub("/oauth/token?"+query, "", "Content-Type", ""),
		"the body, grant_type in a query": w.hub("/oauth/token?grant_type=client_credentials", body),
		"a form":                          w.hub("/oauth/token", query, "Content-Type", "application/x-www-form-urlencoded"),
		"a body with unknown fields":      w.hub("/oauth/token", secretInBody),
		"a doubled slash":                 doubled,
	} {
		if got := w.ask(r); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", sentence, got.Status, got.Text)
		}
	}
}

func TestTheInsightsHubFaceRefusesInItsOwnEnvelope(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	body := w.hubBody("1.0.0", w.user)
	_, foreign := w.credentials("1.1.0")
	id, _ := w.credentials("1.0.0")
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+foreign))
	several := func(tenants ...string) string {
		list, err := json.Marshal(tenants)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"appName":"kpi","appVersion":"1.0.0","hostTenantId":%q,"userTenantIds":%s}`, w.host, list)
	}
	for sentence, test := range map[string]struct {
		request request
		status  int
	}{
		"a wrong secret":               {w.hub("/oauth/token", body, "X-SPACE-AUTH-KEY", wrong), 401},
		"broken base64":                {w.hub("/oauth/token", body, "X-SPACE-AUTH-KEY", "Basic %%%"), 400},
		"two different headers":        {w.hub("/oauth/token", body, "Authorization", wrong), 400},
		"another version's name":       {w.hub("/oauth/token", w.hubBody("v1.0.0", w.user)), 400},
		"a tenant without a grant":     {w.hub("/oauth/token", w.hubBody("1.0.0", w.another)), 403},
		"a tenant that there is not":   {w.hub("/oauth/token", w.hubBody("1.0.0", "nobody")), 403},
		"a missing parameter":          {w.hub("/oauth/token", `{"appName":"kpi"}`), 400},
		"a wrong type":                 {w.hub("/oauth/token", `{"appName":1}`), 400},
		"no object":                    {w.hub("/oauth/token", `[]`), 400},
		"no JSON":                      {w.hub("/oauth/token", `{`), 400},
		"a second value behind it":     {w.hub("/oauth/token", body+body), 400},
		"something behind it":          {w.hub("/oauth/token", body+"x"), 400},
		"body and query":               {w.hub("/oauth/token?appName=kpi", body), 400},
		"a user's context":             {w.hub("/oauth/token", strings.Replace(body, "{", `{"caller_context_type":"id_token",`, 1)), 400},
		"another grant type":           {w.hub("/oauth/token?grant_type=password", body), 400},
		"a text":                       {w.hub("/oauth/token", body, "Content-Type", "text/plain"), 415},
		"a body over 64 KiB":           {w.hub("/oauth/token", body+strings.Repeat(" ", 64<<10)), 413},
		"another method":               {w.hub("/oauth/token", "").at(hub + "/oauth/token"), 405},
		"another path":                 {w.hub("/nothing", body), 404},
		"six tenants":                  {w.hub("/oauthTokens", several("a", "b", "c", "d", "e", "f")), 400},
		"no tenants":                   {w.hub("/oauthTokens", several()), 400},
		"a tenant twice":               {w.hub("/oauthTokens", several("a", "a")), 400},
		"the list without a token":     {request{method: http.MethodGet, path: hub + "/userTenants"}, 401},
		"the list with the credential": {w.hub("", "").at(hub + "/userTenants"), 401},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := w.ask(test.request)
			list, _ := got.Body["errors"].([]any)
			if got.Status != test.status || len(list) != 1 {
				t.Fatalf("got %d: %s; want %d", got.Status, got.Text, test.status)
			}
			entry, _ := list[0].(map[string]any)
			code, _ := entry["code"].(string)
			if !strings.HasPrefix(code, "mdsp.") || entry["message"] == "" || entry["logref"] != got.Header.Get("X-Request-Id") {
				t.Errorf("got %s", got.Text)
			}
		})
	}
}

func TestSeveralTokensComeInTheOrderAskedAndOneRefusalSpoilsNone(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	body := func(tenants string) string {
		return fmt.Sprintf(`{"appName":"kpi","appVersion":"1.0.0","hostTenantId":%q,"userTenantIds":[%s]}`, w.host, tenants)
	}
	got := w.ask(w.hub("/oauthTokens", body(fmt.Sprintf(`%q,%q,%q`, w.another, w.user, w.host))))
	tokens, _ := got.Body["tokens"].([]any)
	if got.Status != http.StatusOK || len(tokens) != 3 {
		t.Fatalf("got %d %s", got.Status, got.Text)
	}
	for i, tenant := range []string{w.another, w.user, w.host} {
		entry, _ := tokens[i].(map[string]any)
		if entry["userTenantId"] != tenant || (entry["access_token"] == nil) != (tenant == w.another) ||
			(entry["error"] == nil) == (tenant == w.another) {
			t.Errorf("entry %d: %v", i, entry)
		}
	}
	if got := w.ask(w.hub("/oauthTokens", body(`"nobody"`))); got.Status != http.StatusForbidden {
		t.Errorf("without any token: %d %s", got.Status, got.Text)
	}
}

func TestUserTenantsTakesATokenOfItsOwnForTheHostAndNoOther(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	list := func(token, query string) response {
		return w.ask(request{
			method: http.MethodGet, path: hub + "/userTenants" + query, header: map[string]string{"Authorization": "Bearer " + token},
		})
	}
	own := w.ask(w.hub("/oauth/token", w.hubBody("1.0.0", w.host))).text("access_token")
	foreign := w.ask(w.hub("/oauth/token", w.hubBody("1.0.0", w.user))).text("access_token")
	standard := w.ask(w.form("1.0.0", w.host)).text("access_token")

	got := list(own, "")
	want := fmt.Sprintf(`{"page":{"size":100,"totalElements":2,"totalPages":1,"number":0},"userTenants":[{"id":%q},{"id":%q}]}`, w.host, w.user)
	if got.Text != want {
		t.Errorf("got %d %s, want %s", got.Status, got.Text, want)
	}
	if got := list(own, "?page=9&size=1"); got.Status != http.StatusOK || !strings.Contains(got.Text, `"userTenants":[]`) {
		t.Errorf("past the end: %d %s", got.Status, got.Text)
	}
	if got := list(own, "?size=501"); got.Status != http.StatusBadRequest {
		t.Errorf("a page of 501: %d", got.Status)
	}
	parts := strings.Split(own, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for sentence, token := range map[string]string{
		"for another tenant":         foreign,
		"of the standard face":       standard,
		"without a signature":        none + "." + parts[1] + ".",
		"with another's signature":   parts[0] + "." + parts[1] + "." + strings.Split(foreign, ".")[2],
		"with the public key as MAC": forged(t, w, parts[1]),
		"that is none":               "x",
	} {
		if got := list(token, ""); got.Status != http.StatusUnauthorized {
			t.Errorf("a token %s: %d %s", sentence, got.Status, got.Text)
		}
	}

	if err := platform.Delete(w.ctx, w.app); err != nil {
		t.Fatal(err)
	}
	w.eventually("a good token of a deleted application is refused", func() bool {
		return list(own, "").Status == http.StatusUnauthorized
	})
}

// forged signs the payload with HMAC and the published key, which a verifier that believes the header would take.
func forged(t *testing.T, w *tenancy, payload string) string {
	t.Helper()
	keys := w.ask(request{method: http.MethodGet, path: "/token_keys"})
	list, _ := keys.Body["keys"].([]any)
	first, _ := list[0].(map[string]any)
	kid, _ := first["kid"].(string)
	pem, _ := first["value"].(string)
	header, err := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT", "kid": kid})
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + payload
	signature, err := jwt.SigningMethodHS256.Sign(input, []byte(pem))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestAnInsightsHubTokenHasTheClaimsThatItsClientsRead(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	id, _ := w.credentials("1.0.0")
	answer := w.ask(w.hub("/oauth/token", w.hubBody("1.0.0", w.user)))
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(answer.text("access_token"), claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"sub": id, "client_id": id, "cid": id, "azp": id, "grant_type": "client_credentials", "zid": w.user, "ten": w.user,
		"iss": running.Issuer + "/oauth/token", "jti": answer.text("jti"), "host_tenant": w.host,
	} {
		if claims[name] != want {
			t.Errorf("claim %s: got %v, want %v", name, claims[name], want)
		}
	}
	if scopes, _ := claims["scope"].([]any); len(scopes) != 2 {
		t.Errorf("scope: %v", claims["scope"])
	}
	if signature, _ := claims["rev_sig"].(string); len(signature) != 8 || len(answer.text("jti")) != 32 {
		t.Errorf("rev_sig %v, jti %v", claims["rev_sig"], claims["jti"])
	}
	if expires, _ := claims["exp"].(float64); expires-claims["iat"].(float64) != 1800 {
		t.Errorf("exp %v, iat %v", claims["exp"], claims["iat"])
	}
	keys := w.ask(request{method: http.MethodGet, path: "/token_keys"})
	list, _ := keys.Body["keys"].([]any)
	if first, _ := list[0].(map[string]any); first["kid"] != token.Header["kid"] || token.Header["alg"] != "RS256" {
		t.Errorf("the key that signs must be the first: %v, %v", keys.Text, token.Header)
	}
}
