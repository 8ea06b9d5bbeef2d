package access

import "countersign.dev/api/v1alpha1"

// MaxTransfers is how many hand-overs in a row are followed: who changes can concern as many on either side. A longer row counts as handed over: what cannot be followed to
// its end permits nothing.
const MaxTransfers = 32

// Peer names the application at the other end of a transfer. The zero value names none.
type Peer struct {
	// Tenant is the name of the tenant that hosts it, Application the name of the Application in that tenant's namespace.
	Tenant, Application string
}

// TransferredTo says how far the hand-over of the application by its spec.transferTo has come: ReasonHandedOver,
// ReasonTransferPending, ReasonTransferToItself or ReasonTransferCircular; empty where the spec has none.
func TransferredTo(facts Facts, app *Application) v1alpha1.Reason {
	if app.TransferTo == (Peer{}) {
		return ""
	}
	if app.is(facts, app.TransferTo) {
		return v1alpha1.ReasonTransferToItself
	}
	next := receiverOf(facts, app)
	if next == nil {
		return v1alpha1.ReasonTransferPending
	}
	// An application has one transferTo and one transferFrom, so that hand-overs which are complete make rows and circles
	// and nothing else: who does not come back to the beginning comes to an end.
	for range MaxTransfers {
		if next.Namespace == app.Namespace && next.Name == app.Name {
			return v1alpha1.ReasonTransferCircular
		}
		if next = receiverOf(facts, next); next == nil {
			break
		}
	}
	return v1alpha1.ReasonHandedOver
}

// TransferredFrom says how far the take-over by the application's spec.transferFrom has come: ReasonTakenOver,
// ReasonTransferPending, ReasonTransferToItself or ReasonTransferCircular; empty where the spec has none.
func TransferredFrom(facts Facts, app *Application) v1alpha1.Reason {
	if app.TransferFrom == (Peer{}) {
		return ""
	}
	if app.is(facts, app.TransferFrom) {
		return v1alpha1.ReasonTransferToItself
	}
	giver := applicationOf(facts, app.TransferFrom)
	if giver == nil || !app.is(facts, giver.TransferTo) {
		return v1alpha1.ReasonTransferPending
	}
	if reason := TransferredTo(facts, giver); reason != v1alpha1.ReasonHandedOver {
		return reason
	}
	return v1alpha1.ReasonTakenOver
}

// receiverOf returns the application that the application is handed over to, or nil unless both say so.
func receiverOf(facts Facts, app *Application) *Application {
	receiver := applicationOf(facts, app.TransferTo)
	if receiver == nil || !app.is(facts, receiver.TransferFrom) {
		return nil
	}
	return receiver
}

// is reports whether the peer names the application. Its tenant need not be accepted: a second Tenant that claims the
// namespace takes the first one's tokens away, and must not give them back to who handed over.
func (a *Application) is(facts Facts, peer Peer) bool {
	if peer.Application != a.Name {
		return false
	}
	host := facts.Tenant(peer.Tenant)
	return host != nil && host.Namespace == a.Namespace
}

// applicationOf returns the application that the peer names, or nil.
func applicationOf(facts Facts, peer Peer) *Application {
	if peer == (Peer{}) {
		return nil
	}
	host := facts.Tenant(peer.Tenant)
	if host == nil {
		return nil
	}
	return facts.Application(host.Namespace, peer.Application)
}

func newPeer(peer *v1alpha1.ApplicationPeer) Peer {
	if peer == nil {
		return Peer{}
	}
	return Peer{Tenant: string(peer.Tenant), Application: peer.Application}
}
