package directory

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

func (w *world) kpi() Client {
	w.tb.Helper()
	client, ok := w.Authenticate(kpi, newSecret(1).Reveal())
	if !ok {
		w.tb.Fatalf("the scenario's client is refused")
	}
	return client
}

func TestAClientIsDecidedUponAsThingsAreNow(t *testing.T) {
	type event func(*world)
	suspendedTenant := newTenant("operator-co", "tenant-operator-co")
	suspendedTenant.Spec.State = v1alpha1.StateSuspended
	suspendedVersion := newApp("kpi", appUID, newSecret(1))
	suspendedVersion.Spec.Versions[0].State = v1alpha1.StateSuspended
	deleting := newApp("kpi", appUID, newSecret(1))
	deleting.DeletionTimestamp, deleting.Finalizers = &metav1.Time{Time: epoch}, []string{"example.com/held"}
	expiring := newGrant("acme", "kpi", appUID)
	expiring.Spec.ExpirationTime = &metav1.Time{Time: epoch.Add(time.Minute)}
	cases := map[string]struct {
		event event
		want  v1alpha1.Reason
	}{
		"nothing happened":                {func(*world) {}, v1alpha1.ReasonGranted},
		"the application was deleted":     {func(w *world) { w.remove(newApp("kpi", appUID)) }, v1alpha1.ReasonApplicationNotFound},
		"the application is held":         {func(w *world) { w.apply(deleting) }, v1alpha1.ReasonApplicationNotFound},
		"the application was replaced":    {func(w *world) { w.apply(newApp("kpi", laterUID, newSecret(1))) }, v1alpha1.ReasonApplicationNotFound},
		"the version was suspended":       {func(w *world) { w.apply(suspendedVersion) }, v1alpha1.ReasonVersionSuspended},
		"the host was suspended":          {func(w *world) { w.apply(suspendedTenant) }, v1alpha1.ReasonTenantSuspended},
		"the host is in conflict":         {func(w *world) { w.apply(newTenant("twin", "tenant-operator-co")) }, v1alpha1.ReasonTenantNotHosting},
		"the user tenant is gone":         {func(w *world) { w.remove(newTenant("acme", "tenant-acme")) }, v1alpha1.ReasonTenantNotFound},
		"the grant was deleted":           {func(w *world) { w.remove(newGrant("acme", "kpi", appUID)) }, v1alpha1.ReasonNotGranted},
		"the level was deleted":           {func(w *world) { w.remove(newLevel("limited")) }, v1alpha1.ReasonAccessLevelNotFound},
		"the resource server was deleted": {func(w *world) { w.remove(newServer("iot", audience)) }, v1alpha1.ReasonAudienceNotAllowed},
		"the audience is in conflict":     {func(w *world) { w.apply(newServer("twin", audience)) }, v1alpha1.ReasonAudienceNotAllowed},
		"the audience changed": {
			func(w *world) { w.apply(newServer("twin", audience), newServer("twin", audience+"/2")) },
			v1alpha1.ReasonGranted,
		},
		"the grant's end came": {func(w *world) { w.apply(expiring); w.clock.Step(time.Minute) }, v1alpha1.ReasonGrantExpired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := scenario(t)
			client := w.kpi()
			c.event(w)
			decision := w.Decide(client, "acme", audience, nil)
			if decision.Reason != c.want {
				t.Errorf("got %s, want %s", decision.Reason, c.want)
			}
			listed := false
			for _, tenant := range w.Tenants(client) {
				listed = listed || tenant.Tenant == "acme"
			}
			if listed != decision.Granted() {
				t.Errorf("the decision is %s, and the tenant is listed: %v", decision.Reason, listed)
			}
		})
	}
}

func TestTenantsAreThoseThatATokenCanBeHadForSortedByName(t *testing.T) {
	w := scenario(t)
	w.apply(
		newTenant("globex", "tenant-globex"), newGrant("globex", "kpi", appUID),
		newTenant("zeta", "tenant-zeta"),                                    // has not granted
		newTenant("late", "tenant-late"), newGrant("late", "kpi", laterUID), // granted to another application
		newGrant("nobody", "kpi", appUID),      // in no tenant's namespace
		newGrant("operator-co", "kpi", appUID), // the host needs none, and is listed once
		newTenant("other", "tenant-other"), newGrant("other", "other-app", appUID),
	)
	own, others := access.Scopes{"assets:read", "timeseries:read"}, access.Scopes{"assets:read"}
	want := []TenantAccess{{"acme", others}, {"globex", others}, {"operator-co", own}}
	if diff := cmp.Diff(want, w.Tenants(w.kpi())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAClientWithoutAGrantHasItsOwnTenantAlone(t *testing.T) {
	w := scenario(t)
	client := w.kpi()
	w.remove(newGrant("acme", "kpi", appUID))
	if got := w.Tenants(client); len(got) != 1 || got[0].Tenant != "operator-co" {
		t.Errorf("got %v", got)
	}
}

func TestAnObjectThatCannotBeReadIsAbsentAndAlone(t *testing.T) {
	w := scenario(t)
	w.apply(newTenant("globex", "tenant-globex"), newGrant("globex", "kpi", appUID))
	broken := raw(t, newGrant("acme", "kpi", appUID))
	// The API server takes this for a date-time, Go does not.
	if err := unstructured.SetNestedField(broken.Object, "2027-12-31t00:00:00z", "spec", "expirationTime"); err != nil {
		t.Fatal(err)
	}
	grants := w.store(&v1alpha1.TenantGrant{})
	for name, deliver := range map[string]func() error{
		"in an event": func() error { return grants.Update(broken) },
		"in a list": func() error {
			return grants.Replace([]any{broken, raw(t, newGrant("globex", "kpi", appUID))}, "1")
		},
	} {
		w.apply(newGrant("acme", "kpi", appUID))
		if err := deliver(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := w.Decide(w.kpi(), "acme", "", nil); d.Reason != v1alpha1.ReasonNotGranted {
			t.Errorf("%s: the grant that cannot be read yields %s", name, d.Reason)
		}
		if d := w.Decide(w.kpi(), "globex", "", nil); !d.Granted() {
			t.Errorf("%s: the other grant yields %s", name, d.Reason)
		}
	}
	if err := grants.Delete(broken); err != nil {
		t.Errorf("deleting it: %v", err)
	}
}

func TestTheTransformerKeepsWhatIsReadAndNoObjectIsLost(t *testing.T) {
	transform := (&store[v1alpha1.TenantGrant, *v1alpha1.TenantGrant]{}).Transformer()
	object := newGrant("acme", "kpi", appUID)
	object.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	small, err := transform(raw(t, object))
	object.ManagedFields = nil
	if diff := cmp.Diff(any(object), small); err != nil || diff != "" {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	broken := &unstructured.Unstructured{Object: map[string]any{"spec": "none"}}
	if kept, err := transform(broken); err != nil || kept != any(broken) {
		t.Errorf("one that cannot be read became %v, %v", kept, err)
	}
}
