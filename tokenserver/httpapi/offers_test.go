package httpapi_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/httpapi"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// hosting is another application of the host.
func hosting(name, uid string, offer *v1alpha1.Offer) *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-" + tokenservertest.Host, UID: types.UID(uid)},
		Spec: v1alpha1.ApplicationSpec{
			DisplayName:     "Of " + name,
			ResourceServers: []string{"iot"},
			Offer:           offer,
			Versions: []v1alpha1.ApplicationVersion{
				{Version: "1.0.0", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"timeseries:read", "files:read", "assets:read"}}},
				{Version: "1.1.0"},
			},
		},
	}
}

// showroom is a world in which the host offers one application to all, one to acme, and hides one.
func showroom(t *testing.T) *tokenservertest.World {
	t.Helper()
	return tokenservertest.New(t, func(o *tokenservertest.Objects) {
		o.Level.Spec.DisplayName, o.Level.Spec.Description = "Limited", "Reads and writes assets."
		o.More = append(o.More,
			hosting("beta", "0a000000-0000-4000-8000-000000000000", &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{"acme"}}),
			hosting("hidden", "0b000000-0000-4000-8000-000000000000", nil))
	})
}

// member is the token of the ServiceAccount default in the tenant's namespace.
func member(t *testing.T, w *tokenservertest.World, tenant string) []string {
	t.Helper()
	return []string{"Authorization", "Bearer " + projected(t, w, workloadtest.For("tenant-"+tenant, "default"))}
}

func TestAnAdministratorSeesWhatIsOfferedInWordsAndWithAllThatAGrantNeeds(t *testing.T) {
	w := showroom(t)
	got := w.Do(get(httpapi.PathOffers, member(t, w, "acme")...))
	checkAnswer(t, got, http.StatusOK, "")
	beta := map[string]any{
		"host_tenant": "operator-co", "application": "beta", "uid": "0a000000-0000-4000-8000-000000000000", "display_name": "Of beta",
		"versions": []any{map[string]any{"version": "1.0.0", "scopes": []any{"assets:read", "timeseries:read"}}},
	}
	kpi := map[string]any{
		"host_tenant": "operator-co", "application": "kpi", "uid": "b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77",
		"versions": []any{map[string]any{
			"version": "1.0.0", "scopes": []any{"assets:read", "assets:write", "timeseries:read"},
			"level": map[string]any{"name": "limited", "display_name": "Limited", "description": "Reads and writes assets."},
		}},
	}
	if want := map[string]any{"tenant": "acme", "offers": []any{beta, kpi}}; !reflect.DeepEqual(got.JSON, want) {
		t.Errorf("got  %v\nwant %v", got.JSON, want)
	}
	single := w.Do(get(httpapi.PathOffers+"/operator-co/beta", member(t, w, "acme")...))
	checkAnswer(t, single, http.StatusOK, "")
	beta["tenant"] = "acme"
	if !reflect.DeepEqual(single.JSON, beta) {
		t.Errorf("got  %v\nwant %v", single.JSON, beta)
	}
}

func TestEachTenantSeesItsOwnOffersAndNoOthers(t *testing.T) {
	w := showroom(t)
	for tenant, want := range map[string][]string{"acme": {"beta", "kpi"}, "other": {"kpi"}, "operator-co": nil} {
		var got []string
		query := "?limit=1"
		for {
			answer := w.Do(get(httpapi.PathOffers+query, member(t, w, tenant)...))
			checkAnswer(t, answer, http.StatusOK, "")
			for _, offer := range answer.JSON["offers"].([]any) {
				got = append(got, fmt.Sprint(offer.(map[string]any)["application"]))
			}
			if answer.Member("next_cursor") == "" {
				break
			}
			query = "?limit=1&cursor=" + answer.Member("next_cursor")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %v, want %v", tenant, got, want)
		}
	}
}

func TestWhatIsNotOfferedAndWhatThereIsNotReadTheSame(t *testing.T) {
	w := showroom(t)
	var answers []tokenservertest.Answer
	for _, path := range []string{"/operator-co/hidden", "/operator-co/none", "/nobody/hidden", "/other/hidden", "/Operator_CO/%00"} {
		r := get(httpapi.PathOffers+path, member(t, w, "acme")...)
		r.Header.Set("X-Request-Id", "the-same")
		got := w.Do(r)
		checkAnswer(t, got, http.StatusNotFound, "invalid_request")
		if got.Member("reason") != "NotOffered" {
			t.Errorf("%s: got %s", path, got.Text)
		}
		answers = append(answers, got)
	}
	for _, got := range answers[1:] {
		if !reflect.DeepEqual(got, answers[0]) {
			t.Errorf("got %+v\nand %+v", got, answers[0])
		}
	}
}

func TestWhoIsOfNoTenantIsOfferedNothing(t *testing.T) {
	w := showroom(t)
	foreign := workloadtest.NewKey(t, w.API.Cluster.Key().ID, "ES256")
	for sentence, authorization := range map[string]string{
		"nobody":                          "",
		"a client":                        basic(),
		"a namespace of no tenant":        "Bearer " + projected(t, w, workloadtest.For("kube-system", "default")),
		"a forged token":                  "Bearer " + projected(t, w, workloadtest.For("tenant-acme", "default"), workloadtest.By(foreign)),
		"a token for the API server":      "Bearer " + w.API.Cluster.Sign(t, "https://kubernetes.default.svc", w.Clock.Now(), workloadtest.For("tenant-acme", "default")),
		"one that contradicts itself":     "Bearer " + projected(t, w, func(t *workloadtest.Token) { t.Kubernetes["namespace"] = "tenant-acme" }),
		"a token of this server":          "Bearer " + issued(t, w, "tenant", "acme"),
		"a projected token without a way": projected(t, w, workloadtest.For("tenant-acme", "default")),
	} {
		for _, path := range []string{httpapi.PathOffers, httpapi.PathOffers + "/operator-co/kpi"} {
			r := get(path)
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			got := w.Do(r)
			checkAnswer(t, got, http.StatusUnauthorized, "invalid_token")
			if got.JSON["tenant"] != nil {
				t.Errorf("%s: got %s", sentence, got.Text)
			}
		}
	}
}

// A namespace that two Tenants claim speaks for neither.
func TestANamespaceThatTwoTenantsClaimIsOfferedNothing(t *testing.T) {
	w := tokenservertest.New(t, func(o *tokenservertest.Objects) { o.Other.Spec.Namespace = o.Tenant.Spec.Namespace })
	checkAnswer(t, w.Do(get(httpapi.PathOffers, member(t, w, "acme")...)), http.StatusUnauthorized, "invalid_token")
}

func TestASuspendedTenantIsOfferedNothing(t *testing.T) {
	w := tokenservertest.New(t, func(o *tokenservertest.Objects) { o.Tenant.Spec.State = v1alpha1.StateSuspended })
	got := w.Do(get(httpapi.PathOffers, member(t, w, "acme")...))
	checkAnswer(t, got, http.StatusOK, "")
	if got.Text != `{"tenant":"acme","offers":[]}` {
		t.Errorf("got %s", got.Text)
	}
}

func TestAPageOfOffersThatCannotBeMeantIsRefused(t *testing.T) {
	w := showroom(t)
	for sentence, query := range map[string]string{
		"no offers":              "limit=0",
		"more than there may be": "limit=501",
		"another list's cursor":  "cursor=Mjo",
		"a cursor that is none":  "cursor=x",
	} {
		t.Run(sentence, func(t *testing.T) {
			got := w.Do(get(httpapi.PathOffers+"?"+query, member(t, w, "acme")...))
			checkAnswer(t, got, http.StatusBadRequest, "invalid_request")
		})
	}
}
