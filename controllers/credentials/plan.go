package credentials

import (
	"time"

	"countersign.dev/api/v1alpha1"
)

const (
	// maxVerifiers is how many verifiers a version can have: what the schema allows. Rotation alone needs three. A Secret
	// that is lost again and again may need more: nobody loses a valid secret before its overlap has ended.
	maxVerifiers = 8
	// promptRepairs is up to how many verifiers a lost Secret is replaced without a pause.
	promptRepairs = 3
	// firstPause is how long the next repair waits after the newest credential; each further one waits twice as long.
	firstPause = time.Minute
	// remembered is how long an ended verifier stays in status after its issue. It opens nothing, but is what the pauses
	// are counted by, also where the overlap is 0s.
	remembered = time.Hour
)

// action is the one thing to do next for a version.
type action string

const (
	// keep: the newest credential stands in the Secret.
	keep action = "keep"
	// issue: make a new credential, for there is none or the Secret with it was lost or changed.
	issue action = "issue"
	// deliver: the newest credential stands in the Secret and status does not say so yet.
	deliver action = "deliver"
	// rebuild: status was lost and the Secret was not; make the verifier from it, so that nothing rotates.
	rebuild action = "rebuild"
	// pause: the Secret was lost or changed so often that the next repair waits.
	pause action = "pause"
)

// plan says what to do for a version.
type plan struct {
	action action
	// verifiers is what remains of the version's verifiers, newest first.
	verifiers []v1alpha1.Verifier
	// lost says that pods may hold the newest of the verifiers although the Secret does not.
	lost bool
	// next is when there is something to do without anybody's change. Zero: never.
	next time.Time
}

// planFor tells from status and Secret together how far the version's credential came, and what to do next. Content is that
// of a Secret that is this version's: its zero value is that of one that is not there.
func planFor(verifiers []v1alpha1.Verifier, secret content, now time.Time) plan {
	if len(verifiers) == 0 && secret.candidate != nil {
		// A Secret is only believed where status says nothing at all: a foreign value must never become valid.
		return plan{action: rebuild}
	}
	for len(verifiers) > 0 && verifiers[0].DeliveryTime == nil && !secret.holds(verifiers[0]) {
		// A crash between the first write and the second: nobody ever had this secret.
		verifiers = verifiers[1:]
	}
	if len(verifiers) == 0 {
		return plan{action: issue}
	}
	p := plan{action: keep, verifiers: prune(verifiers, now)}
	newest := p.verifiers[0]
	switch {
	case !secret.holds(newest):
		p.action, p.lost = issue, true
		if until := nextRepair(p.verifiers); now.Before(until) {
			p.action, p.next = pause, until
		}
		return p
	case newest.DeliveryTime == nil:
		p.action = deliver
	}
	p.next = nextEnd(p.verifiers)
	return p
}

// prune leaves out the previous verifiers that have ended and are no longer needed to count by.
func prune(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	var standing []v1alpha1.Verifier
	for i, v := range verifiers {
		if i == 0 || now.Before(endOf(v)) {
			standing = append(standing, v)
		}
	}
	return standing
}

// endOf is when a previous verifier leaves status. One without an expirationTime is about to get one, and stays.
func endOf(v v1alpha1.Verifier) time.Time {
	const forever = 100 * 365 * 24 * time.Hour
	if v.ExpirationTime == nil {
		return v.IssueTime.Add(forever)
	}
	end := v.IssueTime.Add(remembered)
	if v.ExpirationTime.After(end) {
		end = v.ExpirationTime.Time
	}
	return end
}

// nextEnd is when the first of the previous verifiers leaves status, or zero.
func nextEnd(verifiers []v1alpha1.Verifier) time.Time {
	var next time.Time
	for i, v := range verifiers {
		if i == 0 || v.ExpirationTime == nil {
			continue
		}
		if end := endOf(v); next.IsZero() || end.Before(next) {
			next = end
		}
	}
	return next
}

// nextRepair is when a lost credential may be replaced: at once while there are few, then after a pause that doubles, so
// that whoever keeps writing the Secret back does not drive an endless rotation.
func nextRepair(standing []v1alpha1.Verifier) time.Time {
	issued := standing[0].IssueTime.Time
	if len(standing) < promptRepairs {
		return issued
	}
	until := issued.Add(firstPause << (len(standing) - promptRepairs))
	if len(standing) < maxVerifiers {
		return until
	}
	if end := nextEnd(standing); end.After(until) {
		return end
	}
	return until
}

// delivered marks the newest verifier as standing in the Secret, and gives the ones before it that have none the time at
// which they end.
func delivered(verifiers []v1alpha1.Verifier, now time.Time, overlap time.Duration) []v1alpha1.Verifier {
	out := make([]v1alpha1.Verifier, 0, len(verifiers))
	for i, v := range verifiers {
		switch {
		case i == 0 && v.DeliveryTime == nil:
			v.DeliveryTime = timestamp(now)
		case i > 0 && v.ExpirationTime == nil:
			v.ExpirationTime = timestamp(now.Add(overlap))
		}
		out = append(out, v)
	}
	return out
}
