package access_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// app returns the application of that name, as "acme/kpi", and creates it where it is not there.
func (w *world) app(name string) *v1alpha1.Application {
	tenant, application, _ := strings.Cut(name, "/")
	for _, app := range append([]*v1alpha1.Application{w.application}, w.otherApps...) {
		if app.Namespace == "tenant-"+tenant && app.Name == application {
			return app
		}
	}
	app := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-" + tenant, Name: application}}
	w.otherApps = append(w.otherApps, app)
	return app
}

func peer(name string) *v1alpha1.ApplicationPeer {
	tenant, application, _ := strings.Cut(name, "/")
	return &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(tenant), Application: application}
}

// handOver writes both halves of a transfer.
func (w *world) handOver(from, to string) {
	w.app(from).Spec.TransferTo, w.app(to).Spec.TransferFrom = peer(to), peer(from)
}

func TestATransferNeedsBothHalvesAndAnEnd(t *testing.T) {
	const a, b, c = "operator-co/kpi", "acme/kpi", "acme/other"
	for name, test := range map[string]struct {
		edit     func(*world)
		to, from v1alpha1.Reason // of a's hand-over, of b's take-over
	}{
		"nobody says anything":     {func(*world) {}, "", ""},
		"both name each other":     {func(w *world) { w.handOver(a, b) }, v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver},
		"only the giver":           {func(w *world) { w.app(a).Spec.TransferTo = peer(b) }, v1alpha1.ReasonTransferPending, ""},
		"only the receiver":        {func(w *world) { w.app(b).Spec.TransferFrom = peer(a) }, "", v1alpha1.ReasonTransferPending},
		"to one that is not there": {func(w *world) { w.app(a).Spec.TransferTo = peer("acme/none") }, v1alpha1.ReasonTransferPending, ""},
		"to a tenant that is not there": {
			func(w *world) { w.app(a).Spec.TransferTo = peer("nobody/kpi") }, v1alpha1.ReasonTransferPending, "",
		},
		"the receiver names another": {func(w *world) {
			w.handOver(a, b)
			w.app(b).Spec.TransferFrom = peer(c)
		}, v1alpha1.ReasonTransferPending, v1alpha1.ReasonTransferPending},
		"the receiver is being deleted": {func(w *world) {
			w.handOver(a, b)
			w.app(b).DeletionTimestamp = deleted
		}, v1alpha1.ReasonTransferPending, v1alpha1.ReasonTakenOver},
		"the receiver's namespace has another claimant": {func(w *world) {
			w.handOver(a, b)
			w.others = append(w.others, claimant("twin", "tenant-acme"))
		}, v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver},
		"the giver's namespace has another claimant": {func(w *world) {
			w.handOver(a, b)
			w.others = append(w.others, claimant("twin", "tenant-operator-co"))
		}, v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver},
		"to itself": {func(w *world) { w.handOver(a, a) }, v1alpha1.ReasonTransferToItself, ""},
		"in a circle of two": {func(w *world) {
			w.handOver(a, b)
			w.handOver(b, a)
		}, v1alpha1.ReasonTransferCircular, v1alpha1.ReasonTransferCircular},
		"in a circle of three": {func(w *world) {
			w.handOver(a, b)
			w.handOver(b, c)
			w.handOver(c, a)
		}, v1alpha1.ReasonTransferCircular, v1alpha1.ReasonTransferCircular},
		"in a row of two": {func(w *world) {
			w.handOver(a, b)
			w.handOver(b, c)
		}, v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver},
		"in a row that nobody follows to its end": {func(w *world) {
			w.handOver(a, b)
			last := b
			for i := range 100 {
				next := fmt.Sprintf("acme/app-%d", i)
				w.handOver(last, next)
				last = next
			}
		}, v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			receiver := w.app(b)
			test.edit(w)
			if got := access.TransferredTo(w, access.NewApplication(w.app(a))); got != test.to {
				t.Errorf("the giver reads %q, want %q", got, test.to)
			}
			// Also of one that is being deleted: its conditions say so by themselves.
			receiver.DeletionTimestamp = nil
			if got := access.TransferredFrom(w, access.NewApplication(receiver)); got != test.from {
				t.Errorf("the receiver reads %q, want %q", got, test.from)
			}
			reason := access.Decide(w, w.question("operator-co")).Reason
			refused := reason == v1alpha1.ReasonApplicationTransferred || reason == v1alpha1.ReasonTenantNotHosting
			if handed := test.to == v1alpha1.ReasonHandedOver; !strings.Contains(name, "being deleted") && refused != handed {
				t.Errorf("handed over is %t, the decision says %s", handed, reason)
			}
		})
	}
}
