package tokenserver_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/tokenservertest"
)

func TestMetricsTellHowTheKeysStand(t *testing.T) {
	w := tokenservertest.New(t)
	scrape := func() string {
		answer := httptest.NewRecorder()
		w.Server.MetricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		return answer.Body.String()
	}
	w.Clock.Step(90 * time.Second)
	text := scrape()
	for _, line := range []string{
		`countersign_signing_keys{face="standard",state="signing"} 1`,
		`countersign_signing_keys{face="standard",state="next"} 0`,
		`countersign_signing_keys{face="insights_hub",state="retired"} 0`,
		`countersign_signing_key_age_seconds{face="insights_hub"} 90`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	for _, name := range []string{"countersign_signing_key_ends_seconds", "countersign_signing_key_mount_seconds"} {
		if strings.Contains(text, "\n"+name) {
			t.Errorf("%s is there, and nothing is decided or told", name)
		}
	}

	decideSwitch(t, w)
	text = scrape()
	for _, line := range []string{
		`countersign_signing_keys{face="standard",state="next"} 1`,
		`countersign_signing_key_ends_seconds{face="standard"} 60`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	w.Clock.Step(time.Minute)
	if text = scrape(); !strings.Contains(text, `countersign_signing_keys{face="standard",state="retired"} 1`+"\n") ||
		!strings.Contains(text, `countersign_signing_key_age_seconds{face="standard"} 0`+"\n") {
		t.Errorf("after the switch: %s", text)
	}
}

// decideSwitch lets another key of the standard face begin in a minute.
func decideSwitch(t *testing.T, w *tokenservertest.World) {
	t.Helper()
	old := tokenservertest.SharedKeys().Standard
	old.SignUntil = w.Clock.Now().Add(time.Minute)
	next := tokenservertest.NewKey(t, keyset.ES256, old.SignUntil)
	tokenservertest.WriteSet(t, filepath.Join(w.KeyDir, keyset.StandardFile), next, old)
	if err := w.Signer.Load(); err != nil {
		t.Fatal(err)
	}
}

// tellOfTheMount lays a token beside the keys that a kubelet would renew in time.
func tellOfTheMount(t *testing.T, w *tokenservertest.World) {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		ExpiresAt: jwt.NewNumericDate(w.Clock.Now().Add(time.Hour)),
	}).SignedString([]byte("nobody verifies it"))
	if err == nil {
		err = os.WriteFile(filepath.Join(w.KeyDir, signer.MountTokenFile), []byte(token), 0o600)
	}
	if err == nil {
		err = w.Signer.Load()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatMayBeKeptOfTheKeysIsWhatTheirFileSays(t *testing.T) {
	w := tokenservertest.New(t)
	cacheControl := func(path string) string {
		return w.Do(httptest.NewRequest(http.MethodGet, path, http.NoBody)).Header.Get("Cache-Control")
	}
	for _, path := range []string{"/.well-known/jwks.json", "/token_keys", "/.well-known/openid-configuration"} {
		if got := cacheControl(path); got != "public, max-age=300" {
			t.Errorf("%s: %s", path, got)
		}
	}
	old := tokenservertest.SharedKeys().InsightsHub
	old.SignUntil = w.Clock.Now().Add(time.Minute)
	next := tokenservertest.NewKey(t, keyset.RS256, old.SignUntil)
	tokenservertest.WriteSet(t, filepath.Join(w.KeyDir, keyset.InsightsHubFile), next, old)
	if err := w.Signer.Load(); err != nil {
		t.Fatal(err)
	}
	if got := cacheControl("/token_keys"); got != "public, max-age=60" {
		t.Errorf("a client that looks at keys[0] alone may keep the wrong one: %s", got)
	}
}
