package tokenserver_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
)

// blind is a server that has its keys and has never seen the cluster.
func blind(t *testing.T, log *bytes.Buffer) *tokenserver.Server {
	t.Helper()
	dir := t.TempDir()
	for file, algorithm := range map[string]keyset.Algorithm{
		keyset.StandardFile: keyset.ES256, keyset.InsightsHubFile: keyset.RS256,
	} {
		key, err := keyset.Generate(algorithm, time.Now().Add(-time.Minute), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		data, err := keyset.Set{Keys: []keyset.Key{key}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	keys := signer.New(signer.Deps{Dir: dir, Clock: clock.RealClock{}, Log: logger})
	if err := keys.Load(); err != nil {
		t.Fatal(err)
	}
	const issuer = "https://tokens.example.com"
	return tokenserver.New(tokenserver.Deps{
		Issuer:    issuer,
		Directory: directory.New(directory.Deps{Config: &rest.Config{}, Clock: clock.RealClock{}, Log: logger}),
		Keys:      keys,
		Tokens: token.New(token.Deps{
			Issuer: issuer, Lifetime: token.DefaultLifetime, Standard: keys.Standard(), InsightsHub: keys.InsightsHub(),
			Clock: clock.RealClock{}, Rand: rand.Reader,
		}),
		MaxStaleness: 5 * time.Minute, Clock: clock.RealClock{}, Rand: rand.Reader, Log: logger,
	})
}

// Closed for issuing is not closed for verifying; and who cannot know must not say that a client is unknown.
func TestAServerThatDoesNotSeeTheClusterIssuesNothingAndServesItsKeys(t *testing.T) {
	log := &bytes.Buffer{}
	server := blind(t, log)
	const secret = "csk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000"
	const form, hub = "application/x-www-form-urlencoded", "/api/technicaltokenmanager/v3/oauth/token"
	const hubBody = `{"appName":"a","appVersion":"1","hostTenant":"h","userTenant":"u"}`
	for path, test := range map[string]struct {
		method, media, body string
		status              int
	}{
		"/oauth2/token":                     {http.MethodPost, form, "grant_type=client_credentials", 503},
		hub:                                 {http.MethodPost, "application/json", hubBody, 503},
		"/v1/tenants":                       {http.MethodGet, "", "", 503},
		"/.well-known/jwks.json":            {http.MethodGet, "", "", 200},
		"/.well-known/openid-configuration": {http.MethodGet, "", "", 200},
		"/.well-known/oauth-authorization-server": {http.MethodGet, "", "", 200},
		"/token_keys": {http.MethodGet, "", "", 200},
		"/healthz":    {http.MethodGet, "", "", 200},
		"/readyz":     {http.MethodGet, "", "", 503},
	} {
		request := httptest.NewRequest(test.method, path, strings.NewReader(test.body))
		request.Header.Set("Content-Type", test.media)
		request.SetBasicAuth("nobody", secret)
		answer := httptest.NewRecorder()
		server.Handler().ServeHTTP(answer, request)
		if answer.Code != test.status {
			t.Errorf("%s: got %d %s, want %d", path, answer.Code, answer.Body, test.status)
		}
		if test.status == 503 && path != "/readyz" && answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s: there is no Retry-After", path)
		}
	}
	if strings.Contains(log.String(), "csk_") {
		t.Errorf("a secret is in the log: %s", log)
	}
}

func TestMetricsCountAnswersWithoutNamingAnybody(t *testing.T) {
	server := blind(t, &bytes.Buffer{})
	request := httptest.NewRequest(http.MethodGet, "/v1/tenants", nil)
	request.SetBasicAuth("somebody", "x")
	server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	answer := httptest.NewRecorder()
	server.MetricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := answer.Body.String()
	if !strings.Contains(text, `countersign_decisions_total{face="standard",outcome="unavailable",reason="view"} 1`) ||
		!strings.Contains(text, "countersign_view_age_seconds") {
		t.Errorf("got %s", text)
	}
	if strings.Contains(text, "somebody") {
		t.Error("a client is named")
	}
}
