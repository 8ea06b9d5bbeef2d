package directory

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

func TestAnObjectThatIsBeingDeletedIsAbsentWhateverHoldsIt(t *testing.T) {
	for kind, of := range map[string]struct {
		object client.Object
		want   v1alpha1.Reason
	}{
		"the host's Tenant": {newTenant("operator-co", "tenant-operator-co"), v1alpha1.ReasonTenantNotHosting},
		"the user's Tenant": {newTenant("acme", "tenant-acme"), v1alpha1.ReasonTenantNotFound},
		"a ResourceServer":  {newServer("iot", audience), v1alpha1.ReasonAudienceNotAllowed},
		"an AccessLevel":    {newLevel("limited", "assets:read", "timeseries:read"), v1alpha1.ReasonAccessLevelNotFound},
		"an Application":    {newApp("kpi", appUID, newSecret(1)), v1alpha1.ReasonApplicationNotFound},
		"a TenantGrant":     {newGrant("acme", "kpi", appUID), v1alpha1.ReasonNotGranted},
	} {
		for _, finalizer := range []string{"example.com/held", metav1.FinalizerDeleteDependents} {
			t.Run(kind+", held by "+finalizer, func(t *testing.T) {
				w := scenario(t)
				before := w.kpi()
				of.object.SetDeletionTimestamp(&metav1.Time{Time: epoch})
				of.object.SetFinalizers([]string{finalizer})
				w.apply(of.object)
				if d := w.Decide(before, "acme", audience, nil); d.Reason != of.want {
					t.Errorf("got %s, want %s", d.Reason, of.want)
				}
			})
		}
	}
}

func TestATenantThatIsCreatedAgainForItsNamespaceGoesOn(t *testing.T) {
	w := scenario(t)
	before := w.kpi()
	for _, name := range []string{"operator-co", "acme"} {
		tenant := newTenant(name, "tenant-"+name)
		w.remove(tenant)
		if d := w.Decide(before, "acme", audience, nil); d.Granted() {
			t.Errorf("a token can be had without Tenant %s", name)
		}
		tenant.UID = laterUID
		w.apply(tenant)
		if d := w.Decide(w.kpi(), "acme", audience, nil); !d.Granted() {
			t.Errorf("Tenant %s is there again: got %s", name, d.Reason)
		}
	}
}

func TestAGrantSpeaksForTheTenantOfItsNamespaceAlone(t *testing.T) {
	w := scenario(t)
	copied := newGrant("acme", "kpi", appUID)
	copied.Namespace = "tenant-globex"
	w.apply(newTenant("globex", "tenant-globex"), copied)
	for _, held := range []bool{true, false} {
		if d := w.Decide(w.kpi(), "globex", audience, nil); d.Reason != v1alpha1.ReasonNotGranted {
			t.Errorf("acme's grant in the namespace of globex: got %s", d.Reason)
		}
		if d := w.Decide(w.kpi(), "acme", audience, nil); d.Granted() != held {
			t.Errorf("acme's own grant is there: %t, a token can be had: %t", held, d.Granted())
		}
		w.remove(newGrant("acme", "kpi", appUID)) // the copy is all that is left
	}
}

func TestALeadingVMakesAnotherVersion(t *testing.T) {
	w := scenario(t)
	app := newApp("kpi", appUID, newSecret(1))
	app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{Version: "v1.0.0"})
	app.Status.Versions = append(app.Status.Versions, newStatus("v1.0.0", newSecret(2)))
	grant := newGrant("acme", "kpi", appUID)
	grant.Spec.Versions = []v1alpha1.VersionName{"v1.0.0"}
	w.apply(app, grant)
	if d := w.Decide(w.kpi(), "acme", audience, nil); d.Reason != v1alpha1.ReasonVersionNotCovered {
		t.Errorf("1.0.0 by a grant for v1.0.0: got %s", d.Reason)
	}
	if _, ok := w.Authenticate(kpi, newSecret(2).Reveal()); ok {
		t.Error("the secret of v1.0.0 authenticates as 1.0.0")
	}
	other, ok := w.Authenticate(clientID("kpi", "v1.0.0", appUID), newSecret(2).Reveal())
	if !ok || other.Version != "v1.0.0" {
		t.Fatalf("got %+v, %v", other, ok)
	}
	if d := w.Decide(other, "acme", audience, nil); d.Reason != v1alpha1.ReasonAccessNotGranted {
		t.Errorf("v1.0.0 with the access of 1.0.0: got %s", d.Reason)
	}
}
