package exchange_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
)

// audited returns the audit lines: those with an outcome.
func audited(t *testing.T, w *tokenservertest.World) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(w.Log.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("reading the log: %v", err)
		}
		if line["outcome"] != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

func withVersionsOfObjects(o *tokenservertest.Objects) {
	o.Grant.ResourceVersion = "48151"
	suspended := tokenservertest.NewGrant("other")
	suspended.ResourceVersion, suspended.Spec.State = "48152", v1alpha1.StateSuspended
	o.More = append(o.More, suspended)
}

func TestALineSaysWhoGotWhatOnWhichGround(t *testing.T) {
	w := tokenservertest.New(t, withVersionsOfObjects)
	r := first().standard("tenant", tokenservertest.Tenant, "scope", "assets:read", "audience", tokenservertest.Audience)
	r.RemoteAddr = "198.51.100.7:4711"
	r.Header.Set("X-Request-Id", "request-1")
	r.Header.Set("User-Agent", "curl/8.5.0")
	answer := w.Do(r)
	lines := audited(t, w)
	if len(lines) != 1 {
		t.Fatalf("there are %d lines: %s", len(lines), w.Log)
	}
	claims := claimsOf(t, answer.Member("access_token"))
	want := map[string]any{
		"level": "INFO", "msg": "Issued a token", "outcome": "issued", "reason": "Granted", "face": "standard",
		"endpoint": "/oauth2/token", "request_id": "request-1", "source_address": "198.51.100.7", "user_agent": "curl/8.5.0",
		"client_id": tokenservertest.ClientID(), "host_tenant": tokenservertest.Host, "app": tokenservertest.App,
		"app_version": tokenservertest.Version, "credential_id": tokenservertest.CredentialID, "tenant": tokenservertest.Tenant,
		"audience": tokenservertest.Audience, "scopes_asked": "assets:read", "scopes_given": "assets:read",
		"jti": claims["jti"], "kid": tokenservertest.SharedKeys().Standard.ID, "grant": "grant-of-acme", "grant_resource_version": "48151",
		"time": lines[0]["time"],
	}
	if !maps.Equal(lines[0], want) {
		t.Errorf("got  %v\nwant %v", lines[0], want)
	}
	if lines[0]["jti"] == nil || lines[0]["time"] == nil {
		t.Errorf("got %v", lines[0])
	}
}

func TestARefusalSaysWhichGrantItIsAbout(t *testing.T) {
	w := tokenservertest.New(t, withVersionsOfObjects)
	w.Do(first().standard("tenant", "other"))
	line := audited(t, w)[0]
	if line["reason"] != "GrantSuspended" || line["grant"] != "grant-of-other" || line["grant_resource_version"] != "48152" ||
		!strings.Contains(fmt.Sprint(line["detail"]), "spec.state") {
		t.Errorf("got %v", line)
	}
}

// decisions are requests by what comes of them, one or more for each outcome.
func decisions(t *testing.T, w *tokenservertest.World) map[string]*http.Request {
	t.Helper()
	bearer := w.Do(first().hub(tokenservertest.Host)).Member("access_token")
	foreign := w.Do(first().hub(tokenservertest.Tenant)).Member("access_token")
	return map[string]*http.Request{
		"issued Granted standard":                     first().standard("tenant", tokenservertest.Tenant),
		"issued Granted insights_hub":                 first().hub(tokenservertest.Tenant),
		"listed  standard":                            first().tenants(),
		"listed  insights_hub":                        userTenants(bearer),
		"refused TenantNotFound standard":             first().standard("tenant", "nobody"),
		"refused TenantNotFound insights_hub":         first().hub("nobody"),
		"refused InvalidScope standard":               first().standard("scope", "assets:read assets:delete"),
		"refused AudienceNotAllowed standard":         first().standard("audience", "https://other.example.com"),
		"refused contradiction insights_hub":          client{"9.9.9", first().id, first().secret}.hub(tokenservertest.Tenant),
		"unauthenticated invalid_client standard":     impostor().standard(),
		"unauthenticated invalid_client insights_hub": impostor().batch(tokenservertest.Tenant),
		"unauthenticated invalid_token insights_hub":  userTenants(foreign),
	}
}

func TestEachDecisionHasOneLineAndIsCountedOnce(t *testing.T) {
	w := tokenservertest.New(t)
	for want, r := range decisions(t, w) {
		t.Run(want, func(t *testing.T) {
			w.Restart(func(*tokenserver.Deps) {})
			w.Log.Reset()
			w.Do(r)
			expect(t, w, want)
		})
	}
}

// expect checks that there is one audit line, which is "outcome reason face", and one decision in the metrics.
func expect(t *testing.T, w *tokenservertest.World, want string) {
	t.Helper()
	lines := audited(t, w)
	if len(lines) != 1 {
		t.Fatalf("there are %d lines: %s", len(lines), w.Log)
	}
	if got := fmt.Sprintf("%v %v %v", lines[0]["outcome"], lines[0]["reason"], lines[0]["face"]); got != want {
		t.Errorf("got %s: %v", got, lines[0])
	}
	parts := strings.Split(want, " ")
	counted := fmt.Sprintf("countersign_decisions_total{face=%q,outcome=%q,reason=%q} 1\n", parts[2], parts[0], parts[1])
	metrics := metricsOf(w)
	if !strings.Contains(metrics, counted) || strings.Count(metrics, "\ncountersign_decisions_total{") != 1 {
		t.Errorf("want %s alone in\n%s", counted, metrics)
	}
}

func metricsOf(w *tokenservertest.World) string {
	recorder := httptest.NewRecorder()
	w.Server.MetricsHandler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}

func TestWhoIsLimitedHasALineInPlaceOfTheOther(t *testing.T) {
	for want, r := range map[string]*http.Request{
		"limited client_rate standard":      first().standard(),
		"limited client_rate insights_hub":  first().batch(tokenservertest.Tenant),
		"limited address_rate standard":     impostor().tenants(),
		"limited address_rate insights_hub": userTenants("x"),
	} {
		t.Run(want, func(t *testing.T) {
			w := tokenservertest.New(t)
			config := limit.Config{ClientRate: 1, ClientBurst: 5, FailureRate: 1, FailureBurst: 1}
			w.Restart(func(d *tokenserver.Deps) { d.Limits = limit.New(config, w.Clock) })
			for range 5 {
				w.Do(first().standard())
			}
			w.Do(impostor().standard())
			spent := w.Server
			w.Restart(func(*tokenserver.Deps) {}) // the same limits, with new metrics
			if spent == w.Server {
				t.Fatal("the server is the old one")
			}
			w.Log.Reset()
			w.Do(r)
			expect(t, w, want)
		})
	}
}

func TestAServerThatCannotDecideSaysSoInALine(t *testing.T) {
	w := tokenservertest.New(t)
	w.GoBlind()
	w.Log.Reset()
	w.Do(first().standard())
	expect(t, w, "unavailable view standard")
}

func TestEachTokenOfABatchHasALine(t *testing.T) {
	w := tokenservertest.New(t)
	w.Do(first().batch(tokenservertest.Tenant, "nobody", tokenservertest.Host))
	var got []string
	for _, line := range audited(t, w) {
		got = append(got, fmt.Sprint(line["outcome"], " ", line["tenant"]))
	}
	if want := []string{"issued acme", "refused nobody", "issued operator-co"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Each endpoint that authenticates answers 401 to those who do not even try, and that is a decision, too.
func TestAuthenticationThatCannotBeReadHasALine(t *testing.T) {
	w := tokenservertest.New(t)
	for name, test := range map[string]struct {
		request *http.Request
		header  string
	}{
		"token, none":              {first().standard(), ""},
		"token, another scheme":    {first().standard(), "Digest x"},
		"token, no base64":         {first().standard(), "Basic %"},
		"token, no colon":          {first().standard(), "Basic eA=="},
		"tenants, none":            {first().tenants(), ""},
		"tenants, no base64":       {first().tenants(), "Basic %"},
		"v3 token, none":           {first().hub(tokenservertest.Tenant), ""},
		"v3 token, no base64":      {first().hub(tokenservertest.Tenant), "Basic !"},
		"v3 tokens, no colon":      {first().batch(tokenservertest.Tenant), "Basic eA=="},
		"v3 tokens, none":          {first().batch(tokenservertest.Tenant), ""},
		"v3 tenants, none":         {userTenants("x"), ""},
		"v3 tenants, another kind": {userTenants("x"), "Basic x"},
	} {
		t.Run(name, func(t *testing.T) {
			w.Log.Reset()
			test.request.Header.Del("X-Space-Auth-Key")
			if test.request.Header.Del("Authorization"); test.header != "" {
				test.request.Header.Set("Authorization", test.header)
			}
			answer := w.Do(test.request)
			lines := audited(t, w)
			if answer.Status/100 != 4 || len(lines) != 1 || lines[0]["outcome"] != "unauthenticated" {
				t.Errorf("%d, with the lines %v", answer.Status, lines)
			}
		})
	}
}

func TestWhatAsksForNoDecisionHasNoLine(t *testing.T) {
	w := tokenservertest.New(t)
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil),
		httptest.NewRequest(http.MethodGet, "/nowhere", nil),
		httptest.NewRequest(http.MethodGet, "/oauth2/token", nil),
		first().standard("grant_type", "password"),
		first().batch("a", "b", "c", "d", "e", "f"),
	} {
		w.Do(r)
	}
	if lines := audited(t, w); len(lines) != 0 {
		t.Errorf("got %v", lines)
	}
}

// A client can put its secret, or a token, anywhere, in any encoding: by mistake, or since a framework does.
func TestNoSecretAndNoTokenReachesTheLogFromWhereverItIsSent(t *testing.T) {
	w := tokenservertest.New(t)
	id, secret := tokenservertest.ClientID(), tokenservertest.Secret()
	token := w.Do(first().hub(tokenservertest.Host)).Member("access_token")
	pair := id + ":" + secret
	leaks := map[string]string{
		"the secret": secret, "the secret in capitals": strings.ToUpper(secret), "the secret in base64": base64.StdEncoding.EncodeToString([]byte(secret)),
		"the secret in base32": strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret))),
		"the secret in hex":    hex.EncodeToString([]byte(secret)), "id and secret": pair,
		"id and secret in base64":    base64.StdEncoding.EncodeToString([]byte(pair)),
		"id and secret in base64url": base64.RawURLEncoding.EncodeToString([]byte(pair)),
		"the secret, escaped":        "csk%5F" + secret[len("csk_"):],
		"a token":                    token,
		"the token's signature":      token[strings.LastIndex(token, ".")+1:],
	}
	for leak, text := range leaks {
		for place, send := range places(token) {
			t.Run(leak+" as "+place, func(t *testing.T) {
				w.Log.Reset()
				w.Do(send(text))
				// What is left of it in whichever form would have a piece of it.
				for at := 0; at+16 <= len(text); at += 16 {
					piece := text[at : at+16]
					if strings.Contains(pair[:len(id)+1], piece) || strings.Contains(strings.ToLower(id), strings.ToLower(piece)) {
						continue // the client id is in the log, and no secret
					}
					if strings.Contains(w.Log.String(), piece) {
						t.Fatalf("%q is in the log: %s", piece, w.Log)
					}
				}
				w.Log.CheckDiscreet(t)
			})
		}
	}
}

// places are where a text can be sent.
func places(token string) map[string]func(string) *http.Request {
	header := func(name string, r *http.Request) func(string) *http.Request {
		return func(text string) *http.Request {
			r := r.Clone(r.Context())
			r.Header.Set(name, text)
			return r
		}
	}
	form := func(name string) func(string) *http.Request {
		return func(text string) *http.Request { return first().standard(name, text) }
	}
	hub := func(name string) func(string) *http.Request {
		return func(text string) *http.Request {
			body := map[string]any{
				"appName": tokenservertest.App, "appVersion": tokenservertest.Version, "hostTenant": tokenservertest.Host,
				"userTenant": tokenservertest.Tenant,
			}
			body[name] = text
			return first().json("/oauth/token", body)
		}
	}
	return map[string]func(string) *http.Request{
		"a user agent":            header("User-Agent", userTenants(token)),
		"a user agent that fails": header("User-Agent", userTenants("x")),
		"a request id":            header("X-Request-Id", userTenants(token)),
		"a request id, unmarked": func(text string) *http.Request {
			return header("X-Request-Id", userTenants(token))(strings.TrimPrefix(text, "csk_"))
		},
		"a forwarded address":   header("X-Forwarded-For", userTenants(token)),
		"a referrer":            header("Referer", userTenants(token)),
		"a client id":           func(text string) *http.Request { return client{id: text, secret: "x"}.standard() },
		"a client id, v3":       func(text string) *http.Request { return client{id: text, secret: "x"}.hub("acme") },
		"a client id, suffixed": func(text string) *http.Request { return client{id: text + "-123456789012", secret: "x"}.tenants() },
		"a tenant":              form("tenant"),
		"a scope":               form("scope"),
		"a scope without its mark": func(text string) *http.Request {
			return first().standard("scope", strings.TrimPrefix(text, "csk_"))
		},
		"one scope of two":     func(text string) *http.Request { return first().standard("scope", "assets:read "+text) },
		"an audience":          form("audience"),
		"an audience in a URI": func(text string) *http.Request { return first().standard("audience", "https://api.example.com/"+text) },
		"an audience with a user": func(text string) *http.Request {
			return first().standard("audience", "https://"+text+"@api.example.com")
		},
		"an audience with a query": func(text string) *http.Request {
			return first().standard("audience", "https://api.example.com?k="+text)
		},
		"a resource":               form("resource"),
		"a grant type":             form("grant_type"),
		"an unknown parameter":     form("password"),
		"appName":                  hub("appName"),
		"appVersion":               hub("appVersion"),
		"hostTenant":               hub("hostTenant"),
		"userTenant":               hub("userTenant"),
		"clientSecret in the body": hub("clientSecret"),
		"one tenant of two":        func(text string) *http.Request { return first().batch(tokenservertest.Tenant, text) },
		"a bearer token":           userTenants,
		"a path": func(text string) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/"+url.PathEscape(text), nil)
		},
		"a query": func(text string) *http.Request {
			r := first().standard()
			r.URL.RawQuery = url.Values{"tenant": {text}}.Encode()
			return r
		},
	}
}

func TestHoweverMuchIsSentALineIsShortAndOneLine(t *testing.T) {
	w := tokenservertest.New(t)
	for _, text := range []string{
		strings.Repeat("a", 8000), strings.Repeat("a ", 4000), "a\nb\r\nc", "a\x00b\x1b[31m", "\u202eabc\u2028", strings.Repeat("é", 300), `"}{"outcome":"issued`,
	} {
		for place, send := range places("x") {
			w.Log.Reset()
			w.Do(send(text))
			for line := range strings.Lines(w.Log.String()) {
				if len(line) > 3000 || strings.ContainsFunc(line[:len(line)-1], func(r rune) bool { return r < 0x20 || r > 0x7e && r != '…' }) {
					t.Errorf("%.20q as %s: a line of %d bytes: %.300q", text, place, len(line), line)
				}
				if !json.Valid([]byte(line)) {
					t.Errorf("%.20q as %s: no JSON: %s", text, place, line)
				}
			}
		}
	}
}

func TestTheDocumentHasEveryKeyAndReasonAndNoOther(t *testing.T) {
	w := tokenservertest.New(t, withVersionsOfObjects, withPods)
	for _, r := range decisions(t, w) {
		w.Do(r)
	}
	for _, r := range podDecisions(t, w) {
		w.Do(r)
	}
	withoutKeys(t, w)
	config := limit.Config{ClientRate: 1, ClientBurst: 5, FailureRate: 1, FailureBurst: 1}
	w.Restart(func(d *tokenserver.Deps) { d.Limits = limit.New(config, w.Clock) })
	for range 6 {
		w.Do(first().standard())
		w.Do(impostor().standard())
	}
	w.GoBlind()
	w.Do(first().standard())
	keys, outcomes := map[string]bool{}, map[string]bool{}
	for _, line := range audited(t, w) {
		for key := range line {
			keys[key] = true
		}
		if reason := line["reason"].(string); strings.ToLower(reason) == reason && reason != "" {
			outcomes[fmt.Sprintf("| `%v` | `%s` |", line["outcome"], reason)] = true
		}
	}
	data, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	documented, rows := documentedKeysAndOutcomes(string(data))
	if !maps.Equal(keys, documented) {
		t.Errorf("the lines have %v, the document %v", slices.Sorted(maps.Keys(keys)), slices.Sorted(maps.Keys(documented)))
	}
	if !maps.Equal(outcomes, rows) {
		t.Errorf("the lines have %v, the document %v", slices.Sorted(maps.Keys(outcomes)), slices.Sorted(maps.Keys(rows)))
	}
}

// documentedKeysAndOutcomes reads the two tables: keys of lines, and outcomes with reasons of the server's own.
func documentedKeysAndOutcomes(text string) (keys, rows map[string]bool) {
	keys, rows = map[string]bool{}, map[string]bool{}
	ofKeys := true
	for row := range strings.Lines(text) {
		if strings.HasPrefix(row, "| outcome |") {
			ofKeys = false
		}
		if pair := regexp.MustCompile("^\\| `[a-z]+` \\| `[a-z_]+` \\|").FindString(row); pair != "" && !ofKeys {
			rows[pair] = true
		}
		cell, isRow := strings.CutPrefix(row, "| `")
		if !isRow || !ofKeys {
			continue
		}
		cell, _, _ = strings.Cut(cell, " |")
		for _, key := range regexp.MustCompile("[a-z_]+").FindAllString(cell, -1) {
			keys[key] = true
		}
	}
	return keys, rows
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
