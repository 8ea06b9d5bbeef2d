package exchange_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// secretless has the application's version list the ServiceAccount of workloadtest, and the resource server a gateway; there is
// another resource server, for which the gateway may not ask.
func secretless(o *tokenservertest.Objects) {
	o.App.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: workloadtest.Name}}
	o.App.Spec.ResourceServers = append(o.App.Spec.ResourceServers, "files")
	o.Server.Spec.Introspection = &v1alpha1.Introspection{
		ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: "iot", Name: "gateway"}},
	}
	o.More = append(o.More, &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: "files"},
		Spec:       v1alpha1.ResourceServerSpec{Audience: "https://files.example.com", Scopes: []v1alpha1.Scope{"assets:read"}},
	})
}

func asserting(id, assertion string) *http.Request {
	return posted("/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
}

func introspecting(token, bearer string) *http.Request {
	r := posted("/oauth2/introspect", url.Values{"token": {token}})
	r.Header.Set("Authorization", "Bearer "+bearer)
	return r
}

func posted(path string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// secretlessDecisions are requests of and about pods by what comes of them, in a World that is secretless.
func secretlessDecisions(t *testing.T, w *tokenservertest.World) map[string]*http.Request {
	t.Helper()
	pod := func(edits ...func(*workloadtest.Token)) string {
		return w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), edits...)
	}
	issued := func(parameters ...string) string { return w.Do(first().standard(parameters...)).Member("access_token") }
	gateway := pod(workloadtest.For("iot", "gateway"))
	// A token whose scopes are all gone: the grant has never had them.
	narrow := w.Do(first().standard("scope", "timeseries:read")).Member("access_token")
	return map[string]*http.Request{
		"issued Granted standard":                 asserting(first().id, pod()),
		"unauthenticated invalid_client standard": asserting(first().id, pod(workloadtest.For("iot", "gateway"))),
		"unauthenticated invalid_token standard":  introspecting("x", pod()),
		"active Granted standard":                 introspecting(issued("tenant", tokenservertest.Tenant), gateway),
		"inactive token standard":                 introspecting("x", gateway),
		"inactive foreign_audience standard":      introspecting(issued("audience", "https://files.example.com"), gateway),
		"inactive scopes standard":                introspecting(edited(t, w, narrow, "tenant", tokenservertest.Tenant), gateway),
		"inactive credential standard":            introspecting(edited(t, w, narrow, "credential_id", "ended"), gateway),
	}
}

func TestEachDecisionOnAPodHasOneLineAndIsCountedOnce(t *testing.T) {
	w := tokenservertest.New(t, secretless)
	for want, r := range secretlessDecisions(t, w) {
		t.Run(want, func(t *testing.T) {
			w.Restart(func(*tokenserver.Deps) {})
			w.Log.Reset()
			w.Do(r)
			expect(t, w, want)
		})
	}
	t.Run("unavailable cluster_keys standard", func(t *testing.T) {
		w.Restart(func(d *tokenserver.Deps) { d.Workloads = nil })
		w.Log.Reset()
		w.Do(asserting(first().id, "x"))
		expect(t, w, "unavailable cluster_keys standard")
	})
}

// edited is the token with another claim, signed by the server's own key.
func edited(t *testing.T, w *tokenservertest.World, token, name string, value any) string {
	t.Helper()
	claims := claimsOf(t, token)
	claims[name] = value
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := w.Signer.Standard().Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
