package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/credentials"
)

// revocation is why the application's credentials are taken away: that it is handed over. Nothing has to be mended then, so
// that its versions are Ready. Nil: it is not so.
func revocation(known *facts, app *v1alpha1.Application) *credentials.Revocation {
	if access.TransferredTo(known, access.NewApplication(app)) != v1alpha1.ReasonHandedOver {
		return nil
	}
	return &credentials.Revocation{Reason: v1alpha1.ReasonReady, Message: fmt.Sprintf(
		"the application is handed over to application %s of tenant %s (spec.transferTo): its credentials are revoked, and none are due",
		app.Spec.TransferTo.Application, app.Spec.TransferTo.Tenant)}
}

// setTransfers says how far the hand-over and the take-over of the application have come. A condition is there only while
// spec has its half.
func (r reporter) setTransfers(conditions *[]metav1.Condition, known *facts, app *access.Application, host *access.Tenant) {
	r.setTransfer(conditions, v1alpha1.ConditionTransferredTo, transfer{
		app: app, host: host, peer: app.TransferTo, reason: access.TransferredTo(known, app),
		half: "spec.transferTo", otherHalf: "spec.transferFrom",
	})
	r.setTransfer(conditions, v1alpha1.ConditionTransferredFrom, transfer{
		app: app, host: host, peer: app.TransferFrom, reason: access.TransferredFrom(known, app),
		half: "spec.transferFrom", otherHalf: "spec.transferTo",
	})
}

func (r reporter) setTransfer(conditions *[]metav1.Condition, kind v1alpha1.ConditionType, t transfer) {
	if t.reason == "" {
		meta.RemoveStatusCondition(conditions, string(kind))
		return
	}
	r.set(conditions, kind, finding{t.reason, t.message()})
}

// transfer is one half of a transfer, as its own application has it.
type transfer struct {
	app  *access.Application
	host *access.Tenant
	peer access.Peer
	// half is the field of the application, otherHalf that of the other one.
	half, otherHalf string
	reason          v1alpha1.Reason
}

// message names object and field and what to do. What it says of the other application follows from this one's spec alone:
// whether that one exists is not for this one's administrator to find out.
func (t transfer) message() string {
	this := fmt.Sprintf("Application %s/%s", t.app.Namespace, t.app.Name)
	other := fmt.Sprintf("application %s of tenant %s", t.peer.Application, t.peer.Tenant)
	switch t.reason {
	case v1alpha1.ReasonHandedOver:
		return fmt.Sprintf("%s is handed over to %s: its credentials are revoked and no version of it gets a token; to take it back, "+
			"take %s out", this, other, t.half)
	case v1alpha1.ReasonTakenOver:
		return fmt.Sprintf("%s takes over from %s, whose credentials are revoked; its consents stay with it: tenants that are to "+
			"be served by this application grant it access of its own (%s)", this, other, t.half)
	case v1alpha1.ReasonTransferToItself:
		return fmt.Sprintf("%s of %s names the application itself, which changes nothing: name the other one, or take it out",
			t.half, this)
	case v1alpha1.ReasonTransferCircular:
		return fmt.Sprintf("%s of %s is part of a circle of transfers that leads back to this application, and none of them changes "+
			"anything: take %s out, or another half of the circle", t.half, this, t.half)
	}
	if t.host == nil {
		return fmt.Sprintf("nothing changes: %s names %s, and nobody can name %s back before namespace %s is an accepted tenant's",
			t.half, other, this, t.app.Namespace)
	}
	return fmt.Sprintf("nothing changes: %s of %s names %s, and that does not name it back: ask its administrator for %s with tenant "+
		"%s and application %s, or take %s out", t.half, this, other, t.otherHalf, t.host.Name, t.app.Name, t.half)
}
