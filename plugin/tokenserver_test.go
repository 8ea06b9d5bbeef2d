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
	"k8s.io/utils/clock"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
	"countersign.dev/plugin/remote"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload"
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
	has(t, refused.err, "unauthorized_client (NotGranted)", "'kubectl countersign why kpi@1.0.0 other -n ns-host' shows the whole chain")
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

// showroom runs a whole token server that believes this cluster's ServiceAccount tokens, and knows the namespace of this world's
// acme as that of its own. It returns its URL.
func (w *world) showroom() string {
	w.t.Helper()
	there := tokenservertest.New(w.t, func(o *tokenservertest.Objects) {
		o.Tenant.Spec.Namespace = w.acme.Spec.Namespace
		o.App.Spec.DisplayName, o.Level.Spec.DisplayName = "KPI Dashboard", "Limited"
	})
	// Its objects' time stands still. That of tokens does not: this cluster's clock is the machine's.
	workloads := workload.New(workload.Deps{
		Config: config, Audience: tokenservertest.Issuer, Clock: clock.RealClock{}, Log: there.Log.Logger(),
	})
	if err := workloads.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	there.Restart(func(d *tokenserver.Deps) { d.Workloads = workloads })
	server := httptest.NewServer(there.Handler)
	w.t.Cleanup(server.Close)
	w.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.acme.Spec.Namespace, Name: "default"}})
	return server.URL
}

func TestATenantsAdministratorAsksTheTokenServerWhatIsOnOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := []string{"--token-server", w.showroom(), "--issuer", tokenservertest.Issuer}
	run := func(user string, args ...string) answer {
		return w.run(user, append(append(args, in(w.acme)), server...)...)
	}
	has(t, columns(run(tenantAdmin, "offers").out), "operator-co kpi 1.0.0 Limited assets:read assets:write timeseries:read")
	has(t, run(tenantAdmin, "offers", "--tenant=globex").err, "namespace ns-acme is tenant acme's")
	has(t, run(appAdmin, "offers").err, "countersign-tenant: ", "default: ", "create on serviceaccounts/token, which admin and edit have",
		"is forbidden", "(--namespace)")
	has(t, run(tenantAdmin, "offers", "--service-account=nobody").err, "making a token of ServiceAccount ns-acme/nobody", "not found")
	has(t, w.run(tenantAdmin, "offers", in(w.acme)).err, "needs list on tenants, list on accesslevels, list on resourceservers, "+
		"list on applications in all namespaces", "name it by --token-server or COUNTERSIGN_SERVER")

	has(t, run(tenantAdmin, "grant", "operator-co/secret").err, "no application secret of tenant operator-co is offered to this tenant")
	got := run(tenantAdmin, "grant", "operator-co/kpi")
	has(t, got.out, "operator-co.kpi created", "tenant acme lets operator-co/kpi (UID b7a91b1c-", "have assets:read,assets:write,timeseries:read")
	has(t, run(tenantAdmin, "grant", "operator-co/kpi").out, "unchanged")
}

func TestTheRoleOfATenantsAdministratorIsEnoughWhereThePlatformMadeItsServiceAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := []string{"--token-server", w.showroom(), "--issuer", tokenservertest.Issuer}
	run := func(args ...string) answer { return w.run(consenter, append(append(args, in(w.acme)), server...)...) }
	got := run("offers")
	has(t, got.err, `countersign-tenant: serviceaccounts "countersign-tenant" not found; default: `, "is forbidden",
		"Either a ServiceAccount countersign-tenant without rights, which the platform makes with the namespace")
	if got.status != plugin.Failed || got.out != "" {
		t.Errorf("%d: %s", got.status, got.out)
	}
	w.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.acme.Spec.Namespace, Name: "countersign-tenant"}})
	has(t, columns(run("offers").out), "operator-co kpi 1.0.0 Limited assets:read assets:write timeseries:read")
	has(t, run("grant", "operator-co/kpi").out, "operator-co.kpi created", "tenant acme lets operator-co/kpi")
	has(t, run("offers", "--service-account=default").err, "making a token of ServiceAccount ns-acme/default", "is forbidden")
}

// A server that names an audience, as its discovery does, is not believed: it could name the API server.
func TestTheTokenIsForTheAudienceThatThePersonNamesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.showroom()
	has(t, w.run(tenantAdmin, "offers", in(w.acme), "--token-server", url).err,
		"the token server refuses: invalid_token", "The token was made for the audience "+url, "name it by --issuer")

	shown := make(chan string, 1)
	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		shown <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		fmt.Fprint(rw, `{"tenant":"acme","offers":[]}`)
	}))
	defer hostile.Close()
	if got := w.run(tenantAdmin, "offers", in(w.acme), "--token-server", hostile.URL); got.status != plugin.Done {
		t.Fatal(got.err)
	}
	token := &remote.Token{AccessToken: <-shown}
	claims, err := token.Claims()
	if err != nil || fmt.Sprint(claims["aud"]) != "["+hostile.URL+"]" {
		t.Errorf("the token is for %v (%v)", claims["aud"], err)
	}
	issued, _ := claims["iat"].(float64)
	if expires, _ := claims["exp"].(float64); expires-issued != 600 {
		t.Errorf("it lives for %v s", expires-issued)
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.AccessToken}}
	if err := admin.Create(t.Context(), review); err != nil || review.Status.Authenticated {
		t.Errorf("the API server takes it: %+v, %v", review.Status, err)
	}
}
