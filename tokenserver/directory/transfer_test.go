package directory

import (
	"testing"

	"countersign.dev/api/v1alpha1"
)

func TestAnApplicationIsHandedOverWhileBothHalvesAreSeen(t *testing.T) {
	w := scenario(t)
	giver, receiver := newApp("kpi", appUID, newSecret(1)), newApp("kpi", laterUID, newSecret(2))
	receiver.Namespace = "tenant-acme"
	half := func(name string) *v1alpha1.ApplicationPeer {
		return &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(name), Application: "kpi"}
	}
	before := w.kpi()
	seen := func(step string, want v1alpha1.Reason) {
		t.Helper()
		for _, tenant := range []string{"operator-co", "acme"} {
			if d := w.Decide(before, tenant, audience, nil); d.Reason != want {
				t.Errorf("%s: %s gets %s, want %s", step, tenant, d.Reason, want)
			}
		}
		if handed := want != v1alpha1.ReasonGranted; handed != (len(w.Tenants(before)) == 0) {
			t.Errorf("%s: it can act for %v", step, w.Tenants(before))
		}
	}
	const granted, handedOver = v1alpha1.ReasonGranted, v1alpha1.ReasonApplicationTransferred

	giver.Spec.TransferTo = half("acme")
	w.apply(giver)
	seen("one half", granted)
	receiver.Spec.TransferFrom = half("operator-co")
	w.apply(receiver)
	seen("both halves", handedOver)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok {
		t.Error("who has a credential still is to be told why there is no token")
	}
	w.remove(receiver)
	seen("the receiver is deleted", granted)
	w.apply(receiver)
	seen("it is there again", handedOver)
	twin := newTenant("twin", "tenant-acme")
	w.apply(twin)
	seen("two tenants claim the receiver's namespace, which gives nothing back", handedOver)
	w.remove(twin)
	giver.Spec.TransferFrom, receiver.Spec.TransferTo = half("acme"), half("operator-co")
	w.apply(receiver, giver)
	seen("a circle", granted)
	receiver.Spec.TransferTo = nil
	w.apply(receiver)
	seen("the circle is broken", handedOver)
	giver.Spec.TransferTo = nil
	w.apply(giver)
	seen("the giver takes it back", granted)
}
