package plugin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"countersign.dev/plugin"
	"countersign.dev/plugin/remote"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload"
)

// tokenServer runs a whole token server, whose world has names of its own.
func tokenServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(tokenservertest.New(t).Handler)
	t.Cleanup(server.Close)
	return server.URL
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
