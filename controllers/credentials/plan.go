package credentials

import (
	"time"

	"countersign.dev/api/v1alpha1"
)

// action is the one thing to do next for a version.
type action string

const (
	// keep: the newest credential stands in the Secret, and nothing is due.
	keep action = "keep"
	// issue: make a new credential, for one of the causes of v1alpha1.Cause.
	issue action = "issue"
	// deliver: the newest credential stands in the Secret and status does not say so yet.
	deliver action = "deliver"
	// rebuild: status was lost and the Secret was not; make the verifier from it, so that nothing rotates.
	rebuild action = "rebuild"
	// pause: the Secret was lost or changed so often that the next repair waits, or has so many former names that a move does.
	pause action = "pause"
)

// plan says what to do for a version.
type plan struct {
	action action
	// cause is why, where the action is to issue, or to wait until that can be done.
	cause v1alpha1.Cause
	// revoke says that everything older ends in the write that brings the new verifier.
	revoke bool
	// verifiers is what remains of the version's verifiers, newest first.
	verifiers []v1alpha1.Verifier
	// next is when a pause ends. Zero: there is none.
	next time.Time
}

// planFor tells from status and Secret together how far the version's credential came, and what to do next. Content is that
// of a Secret that is this version's.
func planFor(former v1alpha1.ApplicationVersionStatus, secret content, wanted wish, now time.Time) plan {
	verifiers := former.Verifiers
	switch {
	case secret.isBelieved(former, wanted):
		return plan{action: rebuild}
	case len(verifiers) > 0 && wanted.revokes(former):
		return plan{action: issue, cause: v1alpha1.CauseRotation, revoke: true}
	}
	if verifiers = withoutLost(verifiers, secret); len(verifiers) == 0 {
		return plan{action: issue, cause: v1alpha1.CauseIssue}
	}
	p := plan{action: keep, verifiers: prune(verifiers, now)}
	newest := verifiers[0]
	switch {
	case newest.ExpirationTime != nil:
		// Only previous ones end: the version was self-hosted meanwhile.
		p.verifiers = listed(verifiers, now)
		p.issue(v1alpha1.CauseIssue, nextPlace(p.verifiers, v1alpha1.CauseIssue, now), now)
	case !secret.holds(newest) && wanted.moves:
		p.issue(v1alpha1.CauseMove, nextPlace(p.verifiers, v1alpha1.CauseMove, now), now)
	case !secret.holds(newest):
		p.issue(v1alpha1.CauseRepair, nextRepair(p.verifiers, now), now)
	case newest.DeliveryTime == nil:
		p.action = deliver
	case wanted.rotates(former, verifiers, now):
		p.issue(v1alpha1.CauseRotation, time.Time{}, now) // it has waited for its place
	}
	return p
}

// issue makes a credential the next thing to do, or to wait for.
func (p *plan) issue(cause v1alpha1.Cause, from, now time.Time) {
	if p.cause = cause; now.Before(from) {
		p.action, p.next = pause, from
		return
	}
	p.action, p.verifiers = issue, withPlace(p.verifiers, cause, now)
}

// withoutLost leaves out what a crash between the first write and the second has left: nobody ever had these secrets.
func withoutLost(verifiers []v1alpha1.Verifier, secret content) []v1alpha1.Verifier {
	for len(verifiers) > 0 && verifiers[0].DeliveryTime == nil && verifiers[0].ExpirationTime == nil &&
		!secret.held(verifiers[0]) && !deleted(verifiers[0], secret) {
		verifiers = verifiers[1:]
	}
	return verifiers
}

// deleted reports whether the Secret was there when the credential was made and is not any more, so that nobody can tell
// whether it held it in between. A rotation needs a Secret; all else may have found none, and is far more often a crash.
func deleted(verifier v1alpha1.Verifier, secret content) bool {
	return verifier.Cause == v1alpha1.CauseRotation && secret.absent
}
