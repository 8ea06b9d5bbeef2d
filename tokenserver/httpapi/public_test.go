package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// public is what anybody may read.
var public = []string{
	"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/token_keys",
}

const origin = "https://app.example.com"

func ask(w *tokenservertest.World, method, path string, header ...string) tokenservertest.Answer {
	return w.Do(with(httptest.NewRequest(method, path, http.NoBody), append(header, "Origin", origin)...))
}

func TestPublicDocumentsCanBeComparedByTheirETag(t *testing.T) {
	w := tokenservertest.New(t)
	for _, path := range public {
		got := ask(w, http.MethodGet, path)
		tag := got.Header.Get("ETag")
		if got.Status != http.StatusOK || tag == "" || got.Header.Get("Content-Type") != "application/json" ||
			got.Header.Get("Content-Length") != strconv.Itoa(len(got.Text)) || len(got.JSON) == 0 {
			t.Errorf("%s: %d %v %s", path, got.Status, got.Header, got.Text)
		}
		for _, header := range [][]string{
			{"If-None-Match", tag},
			{"If-None-Match", "W/" + tag},
			{"If-None-Match", `"x", ` + tag},
			{"If-None-Match", "*"},
			{"If-None-Match", `"x"`, "If-None-Match", tag},
		} {
			again := ask(w, http.MethodGet, path, header...)
			if again.Status != http.StatusNotModified || again.Text != "" || again.Header.Get("Content-Type") != "" {
				t.Errorf("%s with %v: %d %s", path, header, again.Status, again.Text)
			}
			for _, name := range []string{"ETag", "Cache-Control", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"} {
				if again.Header.Get(name) != got.Header.Get(name) || again.Header.Get(name) == "" {
					t.Errorf("%s: %s is %q in a 304 and %q in a 200", path, name, again.Header.Get(name), got.Header.Get(name))
				}
			}
		}
		for _, other := range []string{`"x"`, tag[:len(tag)-1], ""} {
			if again := ask(w, http.MethodGet, path, "If-None-Match", other); again.Status != http.StatusOK {
				t.Errorf("%s with the tag %q of another document: %d", path, other, again.Status)
			}
		}
	}
}

func TestHEADSaysWhatGETWouldSay(t *testing.T) {
	w := tokenservertest.New(t)
	server := httptest.NewServer(w.Handler)
	defer server.Close()
	for _, path := range public {
		got := ask(w, http.MethodGet, path)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		head, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		head.Body.Close()
		if head.StatusCode != http.StatusOK || head.ContentLength != int64(len(got.Text)) {
			t.Errorf("%s: %d, %d bytes", path, head.StatusCode, head.ContentLength)
		}
		for _, name := range []string{"ETag", "Cache-Control", "Content-Type", "Access-Control-Allow-Origin"} {
			if head.Header.Get(name) != got.Header.Get(name) {
				t.Errorf("%s: %s is %q and %q", path, name, head.Header.Get(name), got.Header.Get(name))
			}
		}
	}
}

func TestScriptsOfAnyOriginReadPublicDocuments(t *testing.T) {
	w := tokenservertest.New(t)
	for _, path := range public {
		got := ask(w, http.MethodGet, path)
		if got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Expose-Headers") != "ETag" ||
			got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, got.Header)
		}
		preflight := ask(w, http.MethodOptions, path,
			"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "if-none-match")
		if preflight.Status != http.StatusNoContent || preflight.Text != "" {
			t.Errorf("%s: preflight: %d %s", path, preflight.Status, preflight.Text)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Max-Age": "86400",
			"Access-Control-Allow-Headers": "If-None-Match", "Allow": "GET, HEAD, OPTIONS",
		} {
			if preflight.Header.Get(name) != want {
				t.Errorf("%s: preflight: %s is %q", path, name, preflight.Header.Get(name))
			}
		}
		if refused := ask(w, http.MethodPost, path); refused.Status != http.StatusMethodNotAllowed ||
			refused.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: POST: %d, Allow %q", path, refused.Status, refused.Header.Get("Allow"))
		}
	}
	blind := tokenservertest.NewBlind(t)
	got := ask(blind, http.MethodGet, "/.well-known/jwks.json")
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Access-Control-Allow-Origin") != "*" ||
		got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("without keys: %d %v", got.Status, got.Header)
	}
}

func TestScriptsOfAnotherOriginReadNothingElse(t *testing.T) {
	w := tokenservertest.New(t)
	const hub = "/api/technicaltokenmanager/v3"
	for _, path := range []string{
		"/oauth2/token", "/v1/tokens", "/v1/tenants", hub + "/oauth/token", hub + "/oauthTokens", hub + "/userTenants",
		"/healthz", "/readyz", "/nothing", "/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			got := ask(w, method, path, "Authorization", basic(), "Access-Control-Request-Method", http.MethodPost)
			for name := range got.Header {
				if len(name) > 14 && name[:15] == "Access-Control-" {
					t.Errorf("%s %s: %s: %s", method, path, name, got.Header.Get(name))
				}
			}
			if method == http.MethodOptions && got.Status != http.StatusMethodNotAllowed && got.Status != http.StatusNotFound {
				t.Errorf("OPTIONS %s: %d", path, got.Status)
			}
		}
	}
}
