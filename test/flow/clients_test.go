package flow

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2/clientcredentials"

	"countersign.dev/api/v1alpha1"
)

func TestXOAuth2GetsATokenThatGoOIDCVerifiesThroughDiscovery(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	data := w.secret("1.0.0")
	config := clientcredentials.Config{
		ClientID: data["CLIENT_ID"], ClientSecret: data["CLIENT_SECRET"], TokenURL: data["TOKEN_URL"],
		EndpointParams: url.Values{"tenant": {w.user}},
	}
	token, err := config.Token(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := oidc.NewProvider(w.ctx, data["ISSUER"])
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: "https://api.example.com"}).Verify(w.ctx, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"tenant": w.user, "host_tenant": w.host, "app": "kpi", "app_version": "1.0.0", "scope": "assets:read assets:write",
		"sub": data["CLIENT_ID"], "client_id": data["CLIENT_ID"], "iss": running.Issuer,
	} {
		if claims[name] != want {
			t.Errorf("claim %s: got %v, want %v", name, claims[name], want)
		}
	}
	for _, name := range []string{"jti", "grant", "credential_id", "iat", "exp"} {
		if claims[name] == nil {
			t.Errorf("claim %s is missing", name)
		}
	}
}

// The client is the npm package as it is published. It looks at keys[0] alone, wants PEM, and verifies what it got.
func TestTheUnmodifiedInsightsHubClientGetsAndVerifiesAToken(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatal("this one test needs npm: install it, or run the others with hack/test.sh -skip=InsightsHubClient")
	}
	w := newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "token.js"} {
		data, err := os.ReadFile(repository("test", "flow", "npm", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(w.ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v: %s", err, output)
	}
	run := func(tenant string) (string, error) {
		node := exec.CommandContext(w.ctx, "node", "token.js")
		node.Dir = dir
		node.Env = []string{"PATH=" + os.Getenv("PATH"), "GATEWAY=" + running.Issuer, "USER_TENANT=" + tenant}
		for name, value := range w.secret("1.0.0") {
			node.Env = append(node.Env, name+"="+value)
		}
		output, err := node.CombinedOutput()
		return strings.TrimSpace(string(output)), err
	}
	for _, tenant := range []string{w.user, w.host} {
		if token, err := run(tenant); err != nil || strings.Count(token, ".") != 2 {
			t.Errorf("for %s: %v: %s", tenant, err, token)
		}
	}
	if output, err := run(w.another); err == nil || !strings.Contains(output, "NotGranted") {
		t.Errorf("for a tenant that has not granted: %v: %s", err, output)
	}
}
