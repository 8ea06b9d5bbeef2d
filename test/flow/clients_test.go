package flow

import (
	"net/url"
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
