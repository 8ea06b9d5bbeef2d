package live_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

// api is a stand-in for an API server, for what a real one does too seldom. The real one is in the tests of package plugin.
func api(t *testing.T, handler http.HandlerFunc) *live.Facts {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := live.NewClient(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return live.New(t.Context(), c)
}

func send(t *testing.T, w http.ResponseWriter, status int, value any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		t.Error(err)
	}
}

func tenants(next string, names ...string) *v1alpha1.TenantList {
	list := &v1alpha1.TenantList{ListMeta: metav1.ListMeta{Continue: next}}
	list.APIVersion, list.Kind = v1alpha1.GroupVersion.String(), "TenantList"
	for _, name := range names {
		list.Items = append(list.Items, v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TenantSpec{Namespace: "ns-" + name},
		})
	}
	return list
}

func TestListsAreReadToTheirEndAndOnce(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	facts := api(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Query().Get("continue") {
		case "":
			send(t, w, http.StatusOK, tenants("second", "a", "b"))
		case "second":
			send(t, w, http.StatusOK, tenants("third", "c"))
		default:
			send(t, w, http.StatusOK, tenants("", "d", "e"))
		}
	})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		tenant := facts.Tenant(name)
		if tenant == nil || tenant.Namespace != "ns-"+name {
			t.Errorf("%s is %+v", name, tenant)
		}
		if claiming := facts.TenantsClaiming("ns-" + name); len(claiming) != 1 || claiming[0].Name != name {
			t.Errorf("ns-%s is claimed by %+v", name, claiming)
		}
	}
	if facts.Tenant("f") != nil || facts.Complete() != nil || requests.Load() != 3 {
		t.Errorf("%+v, %v, %d requests", facts.Tenant("f"), facts.Complete(), requests.Load())
	}
}

func TestObjectsThatWereListedAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	facts := api(t, func(w http.ResponseWriter, r *http.Request) {
		next, list := r.URL.Query().Get("continue"), &v1alpha1.TenantGrantList{}
		list.APIVersion, list.Kind = v1alpha1.GroupVersion.String(), "TenantGrantList"
		grant := v1alpha1.TenantGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "host.first"}}
		if next == "" {
			list.Continue = "second"
		} else {
			grant.Name = "host.second"
		}
		list.Items = append(list.Items, grant)
		send(t, w, http.StatusOK, list)
	})
	grants, seen := facts.Grants("")
	if !seen || len(grants) != 2 || grants[0].Name != "host.first" || grants[1].Name != "host.second" {
		t.Errorf("%v, %+v", seen, grants)
	}
	if facts.ReadGrant("acme", "host.first") != grants[0] || facts.ReadGrant("acme", "host.third") != nil {
		t.Error("what was listed is not known by its name")
	}
}

func TestAFaultIsNeitherALackOfRightsNorAbsence(t *testing.T) {
	t.Parallel()
	facts := api(t, func(w http.ResponseWriter, _ *http.Request) {
		send(t, w, http.StatusInternalServerError, metav1.Status{Status: metav1.StatusFailure, Code: 500, Message: "etcd is away"})
	})
	if facts.Tenant("a") != nil || facts.Grant("ns", "a.b") != nil {
		t.Error("there are facts")
	}
	if facts.Err() == nil || !strings.Contains(fmt.Sprint(facts.Complete()), "reading tenants: ") {
		t.Errorf("got %v and %v", facts.Err(), facts.Complete())
	}
	if _, err := live.Look(facts, live.Question{Namespace: "ns", Application: "kpi", Tenant: "acme"}); err == nil {
		t.Error("a question is answered")
	}
}

func TestWhatIsForbiddenIsNamedByItsRight(t *testing.T) {
	t.Parallel()
	facts := api(t, func(w http.ResponseWriter, _ *http.Request) {
		send(t, w, http.StatusForbidden, metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		})
	})
	facts.Level("limited")
	facts.Level("other")
	facts.ResourceServer("iot")
	facts.Application("host", "kpi")
	facts.Grant("acme", "host.kpi")
	facts.Applications("")
	facts.Grants("acme")
	const want = "could not look: needs list on accesslevels, list on resourceservers, get on applications in namespace host, " +
		"get on tenantgrants in namespace acme, list on applications in all namespaces, list on tenantgrants in namespace acme " +
		"(API group countersign.dev)"
	if err := facts.Complete(); facts.Err() != nil || fmt.Sprint(err) != want {
		t.Errorf("got %v and %v", facts.Err(), err)
	}
}
