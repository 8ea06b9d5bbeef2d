package signer

import (
	"time"

	"countersign.dev/internal/keyset"
)

// MaxAge returns how long verifiers may keep the published keys. The operator says so in the file, as it plans the times of
// the keys with it.
func (k *Keys) MaxAge() time.Duration {
	held := k.held.Load()
	if held == nil {
		return 0
	}
	return held.set.MaxAge()
}

// FirstMaxAge returns how long it may be kept which key is published first: as MaxAge, but not past the moment at which
// another key begins to sign. A client that looks at the first key alone and obeys it never keeps the wrong one.
func (k *Keys) FirstMaxAge() time.Duration {
	held, now := k.held.Load(), k.clock.Now()
	if held == nil {
		return 0
	}
	age := held.set.MaxAge()
	for _, entry := range held.set.Keys {
		for _, change := range []time.Time{entry.SignFrom, entry.SignUntil} {
			if change.After(now) {
				age = min(age, change.Sub(now))
			}
		}
	}
	return age
}

// Status is what can be told of the keys without naming any.
type Status struct {
	// Signing, Next and Retired are how many of the published keys sign, have yet to sign, and have signed.
	Signing, Next, Retired int
	// SignsFor is how long the key that signs has been signing.
	SignsFor time.Duration
	// EndsIn is the time until it stops, where that is decided (Ends).
	EndsIn time.Duration
	Ends   bool
	// MountGoodFor is the time until the directory counts as stuck, where there is something to tell by (MountTold).
	MountGoodFor time.Duration
	MountTold    bool
}

// Status returns how the keys stand now.
func (k *Keys) Status() Status {
	var status Status
	now := k.clock.Now()
	if until := k.mount.until.Load(); until != 0 {
		status.MountTold, status.MountGoodFor = true, time.Unix(until, 0).Sub(now)
	}
	held := k.held.Load()
	if held == nil {
		return status
	}
	signing, found := held.set.SigningKey(now)
	if found {
		status.Signing, status.SignsFor = 1, now.Sub(signing.SignFrom)
		status.Ends, status.EndsIn = !signing.SignUntil.IsZero(), max(0, signing.SignUntil.Sub(now))
	}
	for _, entry := range held.set.Published(now) {
		switch {
		case found && entry.ID == signing.ID:
		case begins(entry, now):
			status.Next++
		default:
			status.Retired++
		}
	}
	return status
}

// begins reports whether the key has yet to sign.
func begins(entry keyset.Key, now time.Time) bool {
	return entry.SignFrom.IsZero() || entry.SignFrom.After(now)
}
