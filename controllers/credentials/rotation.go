package credentials

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"countersign.dev/api/v1alpha1"
)

// maxRotated is how many valid verifiers a rotation may leave: the current one and two previous ones. A further rotation
// waits, so that no list grows by age or by a script that sets one annotation after another.
const maxRotated = 3

// maxWords is how many words that were acted on before the last one status remembers: what the schema allows.
const maxWords = 16

// defaultRotateAfter stands for a rotateAfter that is not set; the schema sets it.
const defaultRotateAfter = 8760 * time.Hour

// wish is what spec and annotations want of one version's credentials.
type wish struct {
	// interval is the age at which a credential is replaced. Zero: never by age.
	interval time.Duration
	// rotate and revoke are the words of the annotations, or "".
	rotate, revoke string
	// again says which words were acted on before and rotate nothing now: rotate and revoke are empty then. Nil: none.
	again []string
	// moves says that spec has another name for the Secret than the one under which the credential is, or was.
	moves bool
}

func wishFor(app *v1alpha1.Application, version v1alpha1.VersionName, asked asked) wish {
	w := wish{interval: intervalOf(app, version), rotate: asked.rotate.of(version), revoke: asked.revoke.of(version)}
	entry := formerOf(app, version)
	if slices.Contains(entry.RotatedBefore, w.rotate) {
		w.again, w.rotate = append(w.again, v1alpha1.AnnotationRotate+" "+w.rotate), ""
	}
	if slices.Contains(entry.RotatedAndRevokedBefore, w.revoke) {
		w.again, w.revoke = append(w.again, v1alpha1.AnnotationRotateAndRevoke+" "+w.revoke), ""
	}
	return w
}

// note makes the word, if it is new, the last one that was acted on, and puts the one before it with those of before, newest first.
func note(last *string, before *[]string, word string) {
	if word == "" || word == *last || slices.Contains(*before, word) {
		return
	}
	if *last != "" {
		all := append([]string{*last}, *before...)
		*before = all[:min(len(all), maxWords)]
	}
	*last = word
}

// intervalOf is rotateAfter with the version's own difference of up to 5 %, which comes from what never changes: else each
// restart would bring other times.
func intervalOf(app *v1alpha1.Application, version v1alpha1.VersionName) time.Duration {
	after := defaultRotateAfter
	if policy := app.Spec.CredentialPolicy.RotateAfter; policy != nil {
		after = policy.Duration
	}
	const steps = 1001 // from -5 % to 5 % in hundredths of a percent
	sum := sha256.Sum256([]byte("rotation/" + string(app.UID) + "/" + string(version)))
	step := int64(binary.BigEndian.Uint64(sum[:8])%steps) - steps/2
	return (after + time.Duration(int64(after)/10_000*step)).Truncate(time.Second)
}

// asks reports whether there is a word of the annotation rotate that was not acted on. One that the newest verifier was made
// for was, since that verifier is in the Secret, or it would have been left out before.
func (w wish) asks(rotated string, verifiers []v1alpha1.Verifier) bool {
	return w.rotate != "" && w.rotate != rotated && w.rotate != verifiers[0].Nonce
}

// revokes reports the same of the annotation rotate-and-revoke, which waits for nothing.
func (w wish) revokes(former v1alpha1.ApplicationVersionStatus) bool {
	return w.revoke != "" && w.revoke != former.RotatedAndRevoked
}

// rotates reports whether a rotation is due or asked for, and need not wait.
func (w wish) rotates(former v1alpha1.ApplicationVersionStatus, verifiers []v1alpha1.Verifier, now time.Time) bool {
	next := w.next(former.Rotated, verifiers, now)
	return !next.IsZero() && !now.Before(next)
}

// next is when the newest of the verifiers is to be replaced: zero is never, a time that has passed is now.
func (w wish) next(rotated string, verifiers []v1alpha1.Verifier, now time.Time) time.Time {
	if len(verifiers) == 0 || verifiers[0].ExpirationTime != nil {
		return time.Time{}
	}
	var due time.Time
	switch issued := verifiers[0].IssueTime.Time; {
	case w.asks(rotated, verifiers):
		due = earlier(issued, now) // whatever the clock has done since the issue
	case w.interval > 0:
		due = issued.Add(w.interval)
	default:
		return time.Time{}
	}
	if room := room(verifiers, now); room.After(due) {
		return room
	}
	return due
}

// room is when there are few enough verifiers for another one: zero if there are now.
func room(verifiers []v1alpha1.Verifier, now time.Time) time.Time {
	if place := nextPlace(verifiers, v1alpha1.CauseRotation, now); !place.IsZero() {
		return place
	}
	var ends []time.Time
	for _, v := range standing(verifiers, now) {
		if v.ExpirationTime != nil {
			ends = append(ends, v.ExpirationTime.Time)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	if excess := len(ends) + 1 - maxRotated; excess >= 0 && len(ends) > excess {
		return ends[excess]
	}
	return time.Time{}
}
