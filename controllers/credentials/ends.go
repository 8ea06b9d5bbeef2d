package credentials

import (
	"slices"
	"time"

	"countersign.dev/api/v1alpha1"
)

const (
	// maxVerifiers is how many verifiers a version can have: what the schema allows. Rotation alone needs maxRotated. A Secret
	// that is lost again and again may need more: nobody loses a valid secret before its overlap has ended.
	maxVerifiers = 8
	// promptRepairs is how many times a lost Secret is replaced without a pause.
	promptRepairs = 2
	// firstPause is how long the next repair waits after the newest credential; each further one waits twice as long.
	firstPause = time.Minute
	// remembered is how long the verifier of a repair stays in status after its issue, as far as there is place. Once ended it
	// opens nothing, but is what the pauses are counted by, also where the overlap is short.
	remembered = 24 * time.Hour
)

// prune leaves out the previous verifiers that have ended and are no longer needed to count by.
func prune(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	var kept []v1alpha1.Verifier
	for i, v := range verifiers {
		if i == 0 || now.Before(leaves(v)) {
			kept = append(kept, v)
		}
	}
	return kept
}

// standing returns the verifiers that are valid at the time, as the token server sees it.
func standing(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	return slices.DeleteFunc(slices.Clone(verifiers), func(v v1alpha1.Verifier) bool {
		return v.ExpirationTime != nil && !now.Before(v.ExpirationTime.Time)
	})
}

// leaves is when a previous verifier leaves status. One without an expirationTime is about to get one, and stays.
func leaves(v v1alpha1.Verifier) time.Time {
	const forever = 100 * 365 * 24 * time.Hour
	if v.ExpirationTime == nil {
		return v.IssueTime.Add(forever)
	}
	if remember := v.IssueTime.Add(remembered); v.Cause == v1alpha1.CauseRepair && remember.After(v.ExpirationTime.Time) {
		return remember
	}
	return v.ExpirationTime.Time
}

// nextLeave is when the first of the verifiers that have an end leaves status, or zero.
func nextLeave(verifiers []v1alpha1.Verifier) time.Time {
	var next time.Time
	for _, v := range verifiers {
		if v.ExpirationTime != nil {
			next = earlier(next, leaves(v))
		}
	}
	return next
}

// nextRepair is when a lost credential may be replaced: at once while there were few repairs, then after a pause that
// doubles, so that whoever keeps writing the Secret back does not drive an endless rotation. What rotation made does not
// count; but where the list is full of valid ones, one has to end first.
func nextRepair(kept []v1alpha1.Verifier, now time.Time) time.Time {
	issued, repairs := kept[0].IssueTime.Time, 0
	for _, v := range kept {
		if v.Cause == v1alpha1.CauseRepair {
			repairs++
		}
	}
	until := issued
	if repairs >= promptRepairs {
		until = issued.Add(firstPause << (repairs - promptRepairs))
	}
	if place := nextPlace(kept, now); place.After(until) {
		return place
	}
	return until
}

// nextPlace is when the list has a place for another credential. Zero: it has one, or one that has ended gives way.
func nextPlace(kept []v1alpha1.Verifier, now time.Time) time.Time {
	var next time.Time
	if valid := standing(kept, now); len(valid) >= maxVerifiers {
		for _, v := range valid {
			if v.ExpirationTime != nil {
				next = earlier(next, v.ExpirationTime.Time)
			}
		}
	}
	return next
}

// withPlace leaves out the oldest that has ended where the list is full.
func withPlace(kept []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	for i := len(kept) - 1; i >= 0 && len(kept) >= maxVerifiers; i-- {
		if v := kept[i]; v.ExpirationTime != nil && !now.Before(v.ExpirationTime.Time) {
			kept = slices.Delete(slices.Clone(kept), i, i+1)
		}
	}
	return kept
}

// delivered marks the newest verifier as standing in the Secret, and ends the ones before it.
func delivered(verifiers []v1alpha1.Verifier, now time.Time, overlap time.Duration) []v1alpha1.Verifier {
	out := slices.Clone(verifiers)
	if len(out) > 0 && out[0].DeliveryTime == nil {
		out[0].DeliveryTime = timestamp(now)
	}
	return append(out[:min(1, len(out))], ended(out[min(1, len(out)):], now.Add(overlap))...)
}

// ended gives those of the verifiers that have none that end.
func ended(verifiers []v1alpha1.Verifier, end time.Time) []v1alpha1.Verifier {
	out := slices.Clone(verifiers)
	for i := range out {
		if out[i].ExpirationTime == nil {
			out[i].ExpirationTime = timestamp(end)
		}
	}
	return out
}

// earlier returns the earlier of two times, of which the zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
