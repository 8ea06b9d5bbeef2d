package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

const formType = "application/x-www-form-urlencoded"

// basic is the right client authentication.
func basic() string {
	return tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.Secret())
}

// post is a POST with a body and headers, which come as name, value.
func post(path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	return with(r, header...)
}

func get(path string, header ...string) *http.Request {
	return with(httptest.NewRequest(http.MethodGet, path, http.NoBody), header...)
}

// with adds headers: a name that is there twice is a header that is there twice.
func with(r *http.Request, header ...string) *http.Request {
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// tokenForm is a request for a token with Basic authentication; the parameters come as name, value.
func tokenForm(parameters ...string) string {
	form := []string{"grant_type=client_credentials"}
	for i := 0; i < len(parameters); i += 2 {
		form = append(form, url.QueryEscape(parameters[i])+"="+url.QueryEscape(parameters[i+1]))
	}
	return strings.Join(form, "&")
}

// refusal checks an answer of the standard face: code is that of the error, or empty for a 200.
func checkAnswer(t *testing.T, got tokenservertest.Answer, status int, code string) {
	t.Helper()
	if got.Status != status || got.Member("error") != code {
		t.Errorf("got %d %s, want %d %s", got.Status, got.Text, status, code)
	}
	if code != "" && got.Member("error_description") == "" {
		t.Errorf("nothing says what to do: %s", got.Text)
	}
	if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
		t.Errorf("the answer could be stored: %v", got.Header)
	}
	if (status == http.StatusUnauthorized) != (got.Header.Get("WWW-Authenticate") != "") {
		t.Errorf("status %d with WWW-Authenticate %q", status, got.Header.Get("WWW-Authenticate"))
	}
	if code != "" && strings.Contains(got.Text, "access_token") {
		t.Errorf("there is a token in a refusal: %s", got.Text)
	}
}
