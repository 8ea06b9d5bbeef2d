package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
	"countersign.dev/tokenserver/tokenservertest"
)

// credentials creates a Secret with credentials of version 1.0.0, under these names.
func (w *world) credentials(kind corev1.SecretType, data map[string]string) {
	w.t.Helper()
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.host.Spec.Namespace, Name: "kpi.1.0.0"}, Type: kind, StringData: data,
	})
}

// tokenServer runs a whole token server, whose world has names of its own.
func tokenServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(tokenservertest.New(t).Handler)
	t.Cleanup(server.Close)
	return server.URL
}

// operating is who may read Secrets of the host: admin has that by part of edit.
const operating = editor

func TestTokenAsksAsTheApplicationWouldAndDecodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := tokenServer(t)
	w.credentials(v1alpha1.SecretTypeCredentials, map[string]string{
		"CLIENT_ID": tokenservertest.ClientID(), "CLIENT_SECRET": tokenservertest.Secret(), "TOKEN_URL": url + "/oauth2/token",
	})
	run := func(flags ...string) answer {
		return w.run(operating, append([]string{"token", "kpi@1.0.0", in(w.host)}, flags...)...)
	}
	got := run("--tenant", tokenservertest.Tenant, "--scope=assets:read")
	var claims map[string]any
	if err := json.Unmarshal([]byte(got.out), &claims); err != nil {
		t.Fatalf("%v: %s%s", err, got.out, got.err)
	}
	if claims["tenant"] != tokenservertest.Tenant || claims["scope"] != "assets:read" || claims["iss"] != tokenservertest.Issuer {
		t.Errorf("%v", claims)
	}
	has(t, got.err, "Valid for 15m0s. Decoded, not verified")

	raw := run("--raw")
	if strings.Count(raw.out, ".") != 2 || strings.Count(raw.out, "\n") != 1 || raw.err != "" {
		t.Errorf("raw is %q, beside %q", raw.out, raw.err)
	}
	refused := run("--tenant=other")
	has(t, refused.err, "unauthorized_client (NotGranted)", "'kubectl countersign why kpi@1.0.0 other' shows the whole chain")
	for _, printed := range []answer{got, raw, refused} {
		if strings.Contains(printed.out+printed.err, "csk_") {
			t.Errorf("a secret was printed: %s%s", printed.out, printed.err)
		}
	}
	if strings.Contains(got.out+got.err, "eyJ") {
		t.Errorf("a token was printed: %s%s", got.out, got.err)
	}
}

func TestTokenFindsCredentialsUnderWhateverNames(t *testing.T) {
	t.Parallel()
	url, id, secret := tokenServer(t), tokenservertest.ClientID(), tokenservertest.Secret()
	for sentence, data := range map[string]map[string]string{
		"as the Insights Hub has them": {"MDSP_KEY_STORE_CLIENT_ID": id, "MDSP_KEY_STORE_CLIENT_SECRET": secret},
		"as the Application says":      {"MY_ID": id, "MY_SECRET": secret},
	} {
		w := newWorld(t)
		w.credentials(v1alpha1.SecretTypeCredentials, data)
		edit(w, w.app, func(a *v1alpha1.Application) {
			a.Spec.CredentialPolicy.Environment = v1alpha1.Environment{
				Type: v1alpha1.EnvironmentCustom, Keys: &v1alpha1.EnvironmentKeys{ClientID: "MY_ID", ClientSecret: "MY_SECRET"},
			}
		})
		w.bind(w.host.Spec.Namespace, operating, "countersign-application-administrator")
		run := func(flags ...string) answer {
			return w.run(operating, append([]string{"token", "kpi@1.0.0", in(w.host)}, flags...)...)
		}
		has(t, run().err, "the Secret names no token server")
		if got := run("--token-server", url); got.status != plugin.Done {
			t.Errorf("%s: %s", sentence, got.err)
		}
	}
}

func TestTokenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(user, application string) string { return w.run(user, "token", application, in(w.host)).err }
	has(t, run(operating, "kpi"), "name application and version")
	has(t, run(operating, "kpi@1.0.0"), "there is no Secret ns-host/kpi.1.0.0")
	has(t, run(appAdmin, "kpi@1.0.0"), "needs get on secrets, which makes one the application", "is forbidden")
	w.credentials("Opaque", map[string]string{"CLIENT_ID": "a", "CLIENT_SECRET": "b", "TOKEN_URL": "https://elsewhere.example.com/oauth2/token"})
	has(t, run(operating, "kpi@1.0.0"), `is of type "Opaque": it is not Countersign's`)
}

// offering is a token server that answers one tenant, and checks by whose token it is asked.
func (w *world) offering(audience *string) string {
	w.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{*audience}}}
		if err := admin.Create(r.Context(), review); err != nil {
			w.t.Error(err)
		}
		want := "system:serviceaccount:" + w.acme.Spec.Namespace + ":default"
		if !review.Status.Authenticated || review.Status.User.Username != want {
			rw.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(rw, `{"error":"invalid_client","error_description":"the token is not for this server"}`)
			return
		}
		fmt.Fprintf(rw, `{"tenant":%q,"offers":[{"host_tenant":%q,"application":"kpi","uid":%q,"versions":[
			{"version":"1.0.0","level":{"name":"limited","display_name":"Limited"},"scopes":["assets:read","timeseries:read"]}]}]}`,
			w.acme.Name, w.host.Name, w.app.UID)
	}))
	w.t.Cleanup(server.Close)
	w.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.acme.Spec.Namespace, Name: "default"}})
	return server.URL
}

func TestATenantsAdministratorAsksTheTokenServerWhatIsOnOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	audience := ""
	url := w.offering(&audience)
	audience = url
	got := w.run(tenantAdmin, "offers", in(w.acme), "--token-server", url)
	has(t, columns(got.out), "host kpi 1.0.0 Limited assets:read timeseries:read")
	has(t, w.run(tenantAdmin, "offers", in(w.acme)).err, "needs list on tenants", "name it by --token-server or COUNTERSIGN_SERVER")
	has(t, w.run(tenantAdmin, "offers", in(w.acme), "--token-server", url, "--tenant=globex").err,
		"namespace ns-acme is tenant acme's")
	has(t, w.run(appAdmin, "offers", in(w.acme), "--token-server", url).err, "needs create on serviceaccounts/token", "is forbidden")

	got = w.run(tenantAdmin, "grant", w.host.Name+"/kpi", in(w.acme), "--token-server", url)
	has(t, got.out, "created", "tenant acme lets host/kpi (UID <uid>) have assets:read,timeseries:read")
	if w.consented() != "assets:read,timeseries:read" {
		t.Errorf("consented is %s: %s", w.consented(), got.err)
	}
}

// The token is for the audience that the person names, and for nobody else, whatever the server would like.
func TestTheTokenIsForTheIssuerThatThePersonNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	audience := "https://tokens.example.com"
	url := w.offering(&audience)
	has(t, w.run(tenantAdmin, "offers", in(w.acme), "--token-server", url).err,
		"the token server refuses: invalid_client", "The token was made for the audience "+url, "name it by --issuer")
	if got := w.run(tenantAdmin, "offers", in(w.acme), "--token-server", url, "--issuer", audience); got.status != plugin.Done {
		t.Error(got.err)
	}
}
