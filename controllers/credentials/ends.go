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
	// lingers is how long an ended verifier stays in status. The token server ends a secret, by its own clock, and not the
	// operator, whose clock may be ahead by an hour: what it took out too early would be refused too early.
	lingers = 2 * time.Hour
	// skew is by how much the operator's clock may be ahead: what has not ended for so long makes no place for another. A repair
	// alone does not wait for that, unless the list is full of repairs: then somebody is at work.
	skew = time.Hour
	// remembered is how long the verifier of a repair stays after its issue: the pauses are counted by it, also where the
	// overlap is short.
	remembered = 24 * time.Hour
)

// listed returns the verifiers that are not over for so long that they leave status.
func listed(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	return slices.DeleteFunc(slices.Clone(verifiers), func(v v1alpha1.Verifier) bool {
		return v.ExpirationTime != nil && !now.Before(leaves(v))
	})
}

// leaves is when a verifier that has an end leaves status, if there is place for so long.
func leaves(v v1alpha1.Verifier) time.Time {
	at := v.ExpirationTime.Add(lingers)
	if remember := v.IssueTime.Add(remembered); v.Cause == v1alpha1.CauseRepair && remember.After(at) {
		return remember
	}
	return at
}

// prune returns the same, and the newest in any case.
func prune(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	if len(verifiers) == 0 {
		return nil
	}
	return append(slices.Clone(verifiers[:1]), listed(verifiers[1:], now)...)
}

// standing returns the verifiers that are valid at the time, as the token server sees it.
func standing(verifiers []v1alpha1.Verifier, now time.Time) []v1alpha1.Verifier {
	return slices.DeleteFunc(slices.Clone(verifiers), func(v v1alpha1.Verifier) bool { return hasEnded(v, now) })
}

func hasEnded(v v1alpha1.Verifier, now time.Time) bool {
	return v.ExpirationTime != nil && !now.Before(v.ExpirationTime.Time)
}

// nextEnd is when the first of the verifiers that have an end ends or, ended, leaves status. Zero: none does.
func nextEnd(verifiers []v1alpha1.Verifier, now time.Time) time.Time {
	var next time.Time
	for _, v := range verifiers {
		switch {
		case v.ExpirationTime == nil:
		case !hasEnded(v, now):
			next = earlier(next, v.ExpirationTime.Time)
		case now.Before(leaves(v)): // else it stays for another reason than the clock
			next = earlier(next, leaves(v))
		}
	}
	return next
}

// nextRepair is when a lost credential may be replaced: at once while there were few repairs, then after a pause that
// doubles, so that whoever keeps writing the Secret back does not drive an endless rotation. What rotation made does not
// count; but where the list is full of valid ones, one has to end first. A credential that was issued later than now says that the clock went back, which is no reason to wait.
func nextRepair(kept []v1alpha1.Verifier, now time.Time) time.Time {
	repairs := 0
	for _, v := range kept {
		if v.Cause == v1alpha1.CauseRepair {
			repairs++
		}
	}
	var until time.Time
	if issued := kept[0].IssueTime.Time; repairs >= promptRepairs && !issued.After(now) {
		until = issued.Add(firstPause << (repairs - promptRepairs))
	}
	if place := nextPlace(kept, v1alpha1.CauseRepair, now); place.After(until) {
		return place
	}
	return until
}

// yields is from when on the verifier makes place for one that is made for the cause: it has to have an end.
func yields(v v1alpha1.Verifier, to v1alpha1.Cause) time.Time {
	if to != v1alpha1.CauseRepair || v.Cause == v1alpha1.CauseRepair {
		return v.ExpirationTime.Add(skew)
	}
	return v.ExpirationTime.Time
}

// withPlace returns the verifiers, newest first, without those that ended, as many as make place for another: the oldest
// first, and repairs last, since the next one is counted by them.
func withPlace(verifiers []v1alpha1.Verifier, to v1alpha1.Cause, now time.Time) []v1alpha1.Verifier {
	kept := slices.Clone(verifiers)
	for _, repairs := range []bool{false, true} {
		for i := len(kept) - 1; i >= 0 && len(kept) >= maxVerifiers; i-- {
			v := kept[i]
			if v.ExpirationTime != nil && !now.Before(yields(v, to)) && (repairs || v.Cause != v1alpha1.CauseRepair) {
				kept = slices.Delete(kept, i, i+1)
			}
		}
	}
	return kept
}

// nextPlace is when the list has a place for another credential. Zero: it has one, or one that has ended gives way.
func nextPlace(kept []v1alpha1.Verifier, to v1alpha1.Cause, now time.Time) time.Time {
	var next time.Time
	if len(withPlace(kept, to, now)) < maxVerifiers {
		return next
	}
	for _, v := range kept {
		if v.ExpirationTime != nil {
			next = earlier(next, yields(v, to))
		}
	}
	return next
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
