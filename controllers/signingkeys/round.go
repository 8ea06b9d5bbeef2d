package signingkeys

import (
	"slices"
	"time"

	"countersign.dev/internal/keyset"
)

// round is a plan in the making.
type round struct {
	terms
	// floor and ceil are now in whole seconds.
	floor, ceil time.Time
	set         keyset.Set
	steps       []step
}

func (r *round) tell(s step) { r.steps = append(r.steps, s) }

// insert puts a key before the others, the newest first.
func (r *round) insert(key keyset.Key) *keyset.Key {
	r.set.Keys = slices.Insert(r.set.Keys, 0, key)
	return &r.set.Keys[0]
}

// signing is the key that signs, or nil.
func (r *round) signing() *keyset.Key {
	key, found := r.set.SigningKey(r.now)
	if !found {
		return nil
	}
	return r.find(key.ID)
}

// successor is the key that signs next, or nil: the first to begin of those that have yet to sign.
func (r *round) successor() *keyset.Key {
	var next *keyset.Key
	for i := range r.set.Keys {
		key := &r.set.Keys[i]
		sooner := next == nil || next.SignFrom.IsZero() || !key.SignFrom.IsZero() && key.SignFrom.Before(next.SignFrom)
		if r.begins(key) && sooner {
			next = key
		}
	}
	return next
}

func (r *round) find(id string) *keyset.Key {
	i := slices.IndexFunc(r.set.Keys, func(key keyset.Key) bool { return key.ID == id })
	return &r.set.Keys[i]
}

// begins reports whether the key has yet to sign.
func (r *round) begins(key *keyset.Key) bool {
	return key.SignFrom.IsZero() || key.SignFrom.After(r.now)
}

// imminent reports whether the time may come before a change reaches every token server.
func (r *round) imminent(at time.Time) bool {
	return !at.IsZero() && !at.After(r.ceil.Add(r.schedule.Delivery))
}

// allDelivered reports whether every key that has yet to sign has reached every token server.
func (r *round) allDelivered() bool {
	return !slices.ContainsFunc(r.set.Keys, func(key keyset.Key) bool {
		return r.begins(&key) && key.PublishedAt.Add(r.schedule.Delivery).After(r.now)
	})
}

// roomAt is when the first of the keys goes; zero where that is not yet decided.
func (r *round) roomAt() time.Time {
	var at time.Time
	for _, key := range r.set.Keys {
		if !key.RemoveAt.IsZero() && (at.IsZero() || key.RemoveAt.Before(at)) {
			at = key.RemoveAt
		}
	}
	return at
}

// next is the first moment at which one of the times comes.
func (r *round) next() time.Time {
	next := r.now.Add(maxPause)
	for _, key := range r.set.Keys {
		for _, at := range []time.Time{key.PublishedAt.Add(r.schedule.Delivery), key.SignFrom, key.RemoveAt} {
			if at.After(r.now) && at.Before(next) {
				next = at
			}
		}
	}
	return next
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
