package insightshub_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

const (
	base     = "/api/technicaltokenmanager/v3"
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	header   = "X-SPACE-AUTH-KEY"
)

// key is the base64 of the right client id and secret.
func key() string {
	return base64.StdEncoding.EncodeToString([]byte(tokenservertest.ClientID() + ":" + tokenservertest.Secret()))
}

// wrongKey has a secret that is nobody's.
func wrongKey() string {
	return base64.StdEncoding.EncodeToString([]byte(tokenservertest.ClientID() + ":" + tokenservertest.WrongSecret()))
}

// body is that of a request for one token.
func body(edits ...string) string {
	text := `{"appName":"kpi","appVersion":"1.0.0","hostTenant":"operator-co","userTenant":"acme"}`
	return strings.NewReplacer(edits...).Replace(text)
}

// severalBody is that of a request for several.
func severalBody(tenants ...string) string {
	list, err := json.Marshal(tenants)
	if err != nil {
		panic(err) // strings have a JSON
	}
	return `{"appName":"kpi","appVersion":"1.0.0","hostTenantId":"operator-co","userTenantIds":` + string(list) + `}`
}

const query = "appName=kpi&appVersion=1.0.0&hostTenant=operator-co&userTenant=acme"

// post is a POST of JSON with headers, which come as name, value.
func post(path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	return with(r, headers...)
}

func get(path string, headers ...string) *http.Request {
	return with(httptest.NewRequest(http.MethodGet, path, http.NoBody), headers...)
}

func with(r *http.Request, headers ...string) *http.Request {
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// typed replaces the Content-Type.
func typed(r *http.Request, media string) *http.Request {
	r.Header.Set("Content-Type", media)
	return r
}

// checkRefusal checks an error in this API's envelope.
func checkRefusal(t *testing.T, got tokenservertest.Answer, status int, code string) {
	t.Helper()
	list, _ := got.JSON["errors"].([]any)
	if got.Status != status || len(list) != 1 || len(got.JSON) != 1 {
		t.Fatalf("got %d %s, want %d", got.Status, got.Text, status)
	}
	entry, _ := list[0].(map[string]any)
	if entry["code"] != "mdsp.technicaltokenmanager."+code || entry["logref"] != got.Header.Get("X-Request-Id") {
		t.Errorf("got %s, want the code %s and the request id %s", got.Text, code, got.Header.Get("X-Request-Id"))
	}
	if message, _ := entry["message"].(string); message == "" {
		t.Errorf("nothing says what to do: %s", got.Text)
	}
	if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != jsonType {
		t.Errorf("headers %v", got.Header)
	}
	if (status == http.StatusUnauthorized) != (got.Header.Get("WWW-Authenticate") != "") {
		t.Errorf("status %d with WWW-Authenticate %q", status, got.Header.Get("WWW-Authenticate"))
	}
}

// checkToken checks that the answer is one token.
func checkToken(t *testing.T, got tokenservertest.Answer) {
	t.Helper()
	if got.Status != http.StatusOK || strings.Count(got.Member("access_token"), ".") != 2 || got.Member("token_type") != "bearer" ||
		got.JSON["expires_in"] != 1799.0 || got.Member("scope") == "" || len(got.Member("jti")) != 32 || len(got.JSON) != 5 {
		t.Errorf("got %d %s", got.Status, got.Text)
	}
	if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
		t.Errorf("a token could be stored: %v", got.Header)
	}
}
