package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"countersign.dev/api/v1alpha1"
)

// npmClients are the npm packages of test/flow/npm as they are published, and the scripts that use them.
type npmClients struct{ dir string }

// installOnce installs the packages once for all tests, into a directory that goes when the tests end.
var installOnce = sync.OnceValues(func() (npmClients, error) {
	clients := npmClients{dir: filepath.Join(scratch, "npm")}
	if err := os.CopyFS(clients.dir, os.DirFS(repository("test", "flow", "npm"))); err != nil {
		return clients, fmt.Errorf("copying the scripts: %w", err)
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = clients.dir
	if output, err := install.CombinedOutput(); err != nil {
		return clients, fmt.Errorf("npm ci: %w: %s", err, output)
	}
	return clients, nil
})

// npm returns the clients, or fails where there is no npm: a test that did not run must not look like one that passed.
func npm(t *testing.T) npmClients {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatal("this test did not run, for it needs npm: install it, or run the others with hack/test.sh -skip=UnmodifiedNPM")
	}
	clients, err := installOnce()
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// run runs a script with these environment variables alone, and returns what it printed.
func (c npmClients) run(t *testing.T, script string, env map[string]string) (stdout, stderr string, err error) {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", script)
	node.Dir = c.dir
	node.Env = []string{"PATH=" + os.Getenv("PATH"), "ISSUER=" + running.Issuer}
	for name, value := range env {
		node.Env = append(node.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	node.Stdout, node.Stderr = &out, &errs
	err = node.Run()
	return strings.TrimSpace(out.String()), errs.String(), err
}

// results runs a script that prints JSON.
func (c npmClients) results(t *testing.T, script string, env map[string]string, into any) {
	t.Helper()
	stdout, stderr, err := c.run(t, script, env)
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatalf("%s printed %s: %v", script, stdout, err)
	}
}

// waysIn are how the scripts find the server and prove who they are: each with each.
func waysIn() []string {
	return []string{
		"oauth2, client_secret_basic", "oauth2, client_secret_post", "oidc, client_secret_basic", "oidc, client_secret_post",
	}
}

// The client looks at keys[0] alone, wants PEM, and verifies what it got.
func TestTheUnmodifiedNPMClientOfTheInsightsHubGetsAndVerifiesAToken(t *testing.T) {
	t.Parallel()
	clients, w := npm(t), newTenancy(t, v1alpha1.EnvironmentInsightsHub)
	run := func(tenant string) (stdout, stderr string, err error) {
		env := w.secret("1.0.0")
		env["GATEWAY"], env["USER_TENANT"] = running.Issuer, tenant
		return clients.run(t, "mindconnect.js", env)
	}
	for _, tenant := range []string{w.user, w.host} {
		if token, stderr, err := run(tenant); err != nil || strings.Count(token, ".") != 2 {
			t.Errorf("for %s: %v: %s", tenant, err, stderr)
		}
	}
	if _, stderr, err := run(w.another); err == nil || !strings.Contains(stderr, "NotGranted") {
		t.Errorf("for a tenant that has not granted: %v: %s", err, stderr)
	}
}

func TestTheUnmodifiedNPMClientOpenIDClientGetsTokensThroughDiscovery(t *testing.T) {
	t.Parallel()
	clients, w := npm(t), newTenancy(t, v1alpha1.EnvironmentStandard)
	env := w.secret("1.0.0")
	env["USER_TENANT"], env["OTHER_TENANT"] = w.user, w.another
	results := map[string]struct {
		Type, Scope, Refused string
		ExpiresIn            int
	}{}
	clients.results(t, "openid-client.mjs", env, &results)
	for _, way := range waysIn() {
		got := results[way]
		if !strings.EqualFold(got.Type, "bearer") || got.Scope != "assets:read" || got.ExpiresIn < 1 || got.ExpiresIn > 900 {
			t.Errorf("%s: %+v", way, got)
		}
		if got.Refused != "400 unauthorized_client: NotGranted" {
			t.Errorf("%s, for a tenant that has not granted: %s", way, got.Refused)
		}
	}
}

func TestTheUnmodifiedNPMClientJoseVerifiesTokensByTheRemoteKeySet(t *testing.T) {
	t.Parallel()
	clients, w := npm(t), newTenancy(t, v1alpha1.EnvironmentStandard)
	results := map[string]struct {
		Tenant, Scope, Code, Claim string
	}{}
	clients.results(t, "jose.mjs", map[string]string{
		"TOKEN":     w.ask(w.form("1.0.0", w.user)).text("access_token"),
		"HUB_TOKEN": w.ask(w.hub("/oauth/token", w.hubBody("1.0.0", w.user))).text("access_token"),
	}, &results)
	if got := results["good"]; got.Tenant != w.user || got.Scope != "assets:read assets:write" {
		t.Errorf("a good token: %+v", got)
	}
	for sentence, code := range map[string]string{
		"for another audience": "ERR_JWT_CLAIM_VALIDATION_FAILED",
		"with another payload": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
		"of the other face":    "ERR_JOSE_ALG_NOT_ALLOWED",
	} {
		if got := results[sentence]; got.Code != code {
			t.Errorf("a token %s: got %+v, want %s", sentence, got, code)
		}
	}
}

func TestTheUnmodifiedNPMClientOAuth4WebAPIGetsAndValidatesAccessTokens(t *testing.T) {
	t.Parallel()
	clients, w := npm(t), newTenancy(t, v1alpha1.EnvironmentStandard)
	// The sample platform lets it introspect.
	if output, err := running.Kubectl(w.ctx, "apply", "--server-side", "-f", repository("config", "samples", "gateway.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("making the gateway's ServiceAccount: %v: %s", err, output)
	}
	caller, err := running.Kubectl(w.ctx, "create", "token", "gateway", "-n", "iot", "--audience", running.Issuer).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := w.secret("1.0.0")
	env["USER_TENANT"], env["CALLER"] = w.user, strings.TrimSpace(string(caller))
	results := map[string]struct {
		Tenant, Sub, Wrong, Today string
		Nonsense                  bool
	}{}
	clients.results(t, "oauth4webapi.mjs", env, &results)
	for _, way := range waysIn() {
		got := results[way]
		if got.Tenant != w.user || got.Sub != env["CLIENT_ID"] || got.Wrong != "401 OAUTH_WWW_AUTHENTICATE_CHALLENGE: basic" {
			t.Errorf("%s: %+v", way, got)
		}
		if got.Today != "assets:read assets:write" || got.Nonsense {
			t.Errorf("%s, introspected: %+v", way, got)
		}
	}
}

func TestTheLockOfTheNPMPackagesNamesNoRegistryButThePublicOne(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile(repository("test", "flow", "npm", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := struct {
		Packages map[string]struct{ Resolved, Integrity string }
	}{}
	if err := json.Unmarshal(lock, &parsed); err != nil {
		t.Fatal(err)
	}
	if len(parsed.Packages) < 50 {
		t.Fatalf("found %d packages only: is the test reading the right file?", len(parsed.Packages))
	}
	for name, locked := range parsed.Packages {
		if locked.Resolved != "" {
			t.Errorf("%s says where it was downloaded from, which is everybody's own to choose (npm install --omit-lockfile-registry-resolved)", name)
		}
		if name != "" && locked.Integrity == "" {
			t.Errorf("%s has no checksum", name)
		}
	}
}
