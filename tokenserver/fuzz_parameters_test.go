package tokenserver_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

func FuzzTokens(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	for _, body := range []string{
		"", "{}", "null", "[]", `{"tenants":["acme"]}`, `{"tenants":["acme","other","operator-co"],"scope":"assets:read","audience":"https://api.example.com"}`,
		`{"tenants":["a","b","c","d","e","f"]}`, `{"tenants":[null]}`, `{"tenants":["acme"],"tenants":["acme"]}`, `{"tenants":["acme"]}{}`,
		`{"Tenants":["acme"]}`, `{"tenants":"acme"}`, `{"\ud800":1}`, `{"tenants":["acme"],"scope":"a  b"}`, `{"a\"\\\u0000":{"b":[1e999]}}`,
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, authenticated bool) {
		r := newPost("/v1/tokens", jsonType, body)
		if authenticated {
			r.Header.Set("Authorization", tokenservertest.BasicAuth(id, secret))
		}
		status, answer := z.ask(t, r)
		if status != http.StatusOK {
			return
		}
		if !authenticated {
			t.Fatalf("%q yielded %v without authentication", body, answer)
		}
		results, _ := answer["tokens"].([]any)
		if len(results) < 1 || len(results) > 5 {
			t.Fatalf("%q yielded %v", body, answer)
		}
		for _, result := range results {
			entry, _ := result.(map[string]any)
			if granted := entry["tenant"] == "acme" || entry["tenant"] == "operator-co"; entry["access_token"] != nil && !granted {
				t.Fatalf("%q yielded %v", body, entry)
			}
		}
	})
}

func FuzzInsightsHubParameters(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	for _, seed := range [][3]string{
		{hubBody, jsonType, ""},
		{hubBody, jsonType + "; charset=utf-8", "grant_type=client_credentials"},
		{"", "", hubQuery},
		{hubQuery, formType, ""},
		{"{}", jsonType, hubQuery},
		{hubSeveral, jsonType, ""},
		{hubBody + hubBody, jsonType, ""},
		{`{"appName":1}`, jsonType, "appName=%zz"},
		{`{"appName":"kpi","appName":"kpi","nested":{"a":[null,1e9]}}`, jsonType, "page=1"},
		{`{"caller_context":{"a":1},"caller_context_type":"x"}`, jsonType, "caller_context=1"},
		{"[", jsonType, ";"},
		{"x", "text/plain", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], true)
		f.Add(seed[0], seed[1], seed[2], false)
	}
	f.Fuzz(func(t *testing.T, body, media, query string, authenticated bool) {
		if !sendable(media) {
			return
		}
		for _, path := range []string{"/oauth/token", "/oauthTokens"} {
			r := newPost(hubPath+path, media, body)
			r.URL.RawQuery = query
			if authenticated {
				r.Header.Set("X-SPACE-AUTH-KEY", tokenservertest.BasicAuth(id, secret))
			}
			if status, answer := z.ask(t, r); status == http.StatusOK && !authenticated {
				t.Fatalf("%s: %q and %q yielded %v without authentication", path, body, query, answer)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	encode := base64.RawURLEncoding.EncodeToString
	for _, cursor := range []string{
		"", "x", "Mjo", "Mjo=", encode([]byte("2:grant-of-acme")), encode([]byte("2:grant-of-other")), encode([]byte("1:acme")),
		encode([]byte("2:\x00")), encode([]byte("2:" + strings.Repeat("f", 64))), "%00", "\xff",
	} {
		f.Add(cursor, "1")
		f.Add(cursor, "")
	}
	f.Add("", "-1")
	f.Add("", "99999999999999999999")
	f.Fuzz(func(t *testing.T, cursor, limit string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/tenants?"+url.Values{"cursor": {cursor}, "limit": {limit}}.Encode(), http.NoBody)
		r.Header.Set("Authorization", tokenservertest.BasicAuth(id, secret))
		status, answer := z.ask(t, r)
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Fatalf("got %d %v", status, answer)
		}
		tenants, _ := answer["tenants"].([]any)
		for _, tenant := range tenants {
			entry, _ := tenant.(map[string]any)
			if entry["id"] != "acme" && entry["id"] != "operator-co" {
				t.Fatalf("the cursor %q lists %v", cursor, entry)
			}
		}
		if limit == "1" && len(tenants) > 1 {
			t.Fatalf("a page of %d", len(tenants))
		}
	})
}
