package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload"
	"countersign.dev/tokenserver/workload/workloadtest"
)

const foreignAudience = "https://files.example.com"

// withPods lets the application's pods and an API's gateway authenticate by their ServiceAccounts.
func withPods(o *tokenservertest.Objects) {
	o.App.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: workloadtest.Name}}
	o.App.Spec.ResourceServers = append(o.App.Spec.ResourceServers, "files")
	o.Server.Spec.Introspection = &v1alpha1.Introspection{
		ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: "iot", Name: "gateway"}},
	}
	o.More = append(o.More, &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: "files"},
		Spec:       v1alpha1.ResourceServerSpec{Audience: foreignAudience, Scopes: []v1alpha1.Scope{"assets:read"}},
	})
}

// podDecisions are requests of pods, by what comes of them as decisions has it.
func podDecisions(t *testing.T, w *tokenservertest.World) map[string]*http.Request {
	t.Helper()
	pod := func(edits ...func(*workloadtest.Token)) string {
		return w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), edits...)
	}
	gateway := pod(workloadtest.For("iot", "gateway"))
	good := w.Do(first().standard("tenant", tokenservertest.Tenant)).Member("access_token")
	foreign := w.Do(first().standard("audience", foreignAudience)).Member("access_token")
	return map[string]*http.Request{
		"issued Granted standard":                 asserting(pod()),
		"unauthenticated invalid_client standard": asserting(pod(workloadtest.For(workloadtest.Namespace, "other"))),
		"active Granted standard":                 introspecting(good, gateway),
		"inactive token standard":                 introspecting("x", gateway),
		"inactive foreign_audience standard":      introspecting(foreign, gateway),
		"inactive credential standard":            introspecting(saying(t, good, "credential_id", "nothing"), gateway),
		"inactive scopes standard":                introspecting(saying(t, good, "scope", "files:read"), gateway),
		"inactive NotGranted standard":            introspecting(saying(t, good, "tenant", "other"), gateway),
		"unauthenticated invalid_token standard":  introspecting(good, pod()),
		"listed  standard":                        viewing("", pod(workloadtest.For("tenant-acme", "default"))),
		"refused NotOffered standard":             viewing("/operator-co/none", pod(workloadtest.For("tenant-acme", "default"))),
	}
}

func asserting(token string) *http.Request {
	return formOf("/oauth2/token", url.Values{
		"grant_type": {oauth.GrantClientCredentials}, "client_id": {tokenservertest.ClientID()},
		"client_assertion_type": {oauth.AssertionTypeJWT}, "client_assertion": {token},
	})
}

func introspecting(token, caller string) *http.Request {
	r := formOf("/oauth2/introspect", url.Values{"token": {token}})
	r.Header.Set("Authorization", "Bearer "+caller)
	return r
}

func viewing(offer, member string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/offers"+offer, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+member)
	return r
}

func TestALineAboutOffersSaysWhoLookedAndForWhat(t *testing.T) {
	w := tokenservertest.New(t)
	member := w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), workloadtest.For("tenant-acme", "default"))
	for _, path := range []string{"", "/operator-co/kpi", "/operator-co/none", "/Operator_Co/" + tokenservertest.Secret()} {
		w.Do(viewing(path, member))
	}
	lines := audited(t, w)
	const one = "/v1/offers/{host_tenant}/{application}"
	for i, want := range []map[string]any{
		{"outcome": "listed", "offers": 1.0, "endpoint": "/v1/offers"},
		{"outcome": "listed", "offers": 1.0, "endpoint": one, "host_tenant": "operator-co", "app": "kpi"},
		{"outcome": "refused", "reason": "NotOffered", "endpoint": one, "host_tenant": "operator-co", "app": "none"},
		{"outcome": "refused", "reason": "NotOffered", "endpoint": one, "host_tenant": "[redacted]", "app": "[redacted]"},
	} {
		want["tenant"], want["service_account_namespace"], want["service_account"] = "acme", "tenant-acme", "default"
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d has %s = %v, want %v", i, key, lines[i][key], value)
			}
		}
	}
}

func formOf(path string, values url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// saying is the token with another value of a claim, signed by the key that signs.
func saying(t *testing.T, token, name, value string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	if err != nil {
		t.Fatal(err)
	}
	claims[name] = value
	key := tokenservertest.SharedKeys().Standard
	again := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	again.Header = parsed.Header
	signed, err := again.SignedString(tokenservertest.Private(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestEachDecisionAboutAPodHasOneLineAndIsCountedOnce(t *testing.T) {
	w := tokenservertest.New(t, withPods)
	for want, r := range podDecisions(t, w) {
		t.Run(want, func(t *testing.T) {
			w.Restart(func(*tokenserver.Deps) {})
			w.Log.Reset()
			w.Do(r)
			expect(t, w, want)
		})
	}
}

// withoutKeys brings about the lines of a server that cannot verify a pod's token, and of one that cannot sign.
func withoutKeys(t *testing.T, w *tokenservertest.World) {
	t.Helper()
	w.Restart(func(d *tokenserver.Deps) {
		d.Workloads = workload.New(workload.Deps{
			Config: w.API.Config(), Audience: tokenservertest.Issuer, Clock: w.Clock, Log: w.Log.Logger(),
		})
	})
	w.Do(asserting(w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now())))
	later := tokenservertest.NewKey(t, keyset.ES256, w.Clock.Now())
	later.SignFrom = w.Clock.Now().Add(time.Hour)
	tokenservertest.WriteSet(t, filepath.Join(w.KeyDir, keyset.StandardFile), later)
	if err := w.Signer.Load(); err != nil {
		t.Fatal(err)
	}
	w.Do(first().standard())
}
