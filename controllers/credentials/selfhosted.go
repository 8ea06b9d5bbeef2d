package credentials

import (
	"slices"
	"time"

	"countersign.dev/api/v1alpha1"
)

// warnBefore is how long before the last credential of a self-hosted version ends its owner is warned.
const warnBefore = 7 * 24 * time.Hour

// lastEnd is when the last of a self-hosted version's verifiers ends. Zero: it has none.
func lastEnd(stated []v1alpha1.SelfHostedVerifier) time.Time {
	var last time.Time
	for _, v := range stated {
		if v.ExpirationTime.After(last) {
			last = v.ExpirationTime.Time
		}
	}
	return last
}

// nextWarning is when there is something new to say of a self-hosted version's verifiers, or zero.
func nextWarning(stated []v1alpha1.SelfHostedVerifier, now time.Time) time.Time {
	end := lastEnd(stated)
	for _, at := range []time.Time{end.Add(-warnBefore), end} {
		if now.Before(at) {
			return at
		}
	}
	return time.Time{}
}

// Equipped reports whether the version has anything to ask for a token with at the time: a credential of Countersign's, a
// valid one of its own, or a ServiceAccount.
func Equipped(
	version *v1alpha1.ApplicationVersion, entry *v1alpha1.ApplicationVersionStatus, now time.Time,
) bool {
	return len(version.ServiceAccounts) > 0 ||
		slices.ContainsFunc(standing(entry.Verifiers, now), func(v v1alpha1.Verifier) bool { return v.DeliveryTime != nil }) ||
		slices.ContainsFunc(version.Verifiers, func(v v1alpha1.SelfHostedVerifier) bool { return now.Before(v.ExpirationTime.Time) })
}
