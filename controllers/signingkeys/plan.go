package signingkeys

import (
	"slices"
	"time"

	"countersign.dev/internal/keyset"
)

// maxPause is after how long a set is looked at again although nothing is due: timers stand still while a machine sleeps.
const maxPause = 12 * time.Hour

// orders are what people ask for beyond the schedule.
type orders struct {
	// rotate names a rotation on demand; empty: none.
	rotate string
	// remove are ids of keys that must not be there.
	remove []string
}

// terms are what a plan is made by.
type terms struct {
	schedule  Schedule
	algorithm keyset.Algorithm
	orders    orders
	// now is a time after the set was read: what was found in it was written before.
	now time.Time
	// generate makes a key that signs from now on.
	generate func() (keyset.Key, error)
}

// outcome is what a set is to become.
type outcome struct {
	set keyset.Set
	// steps are what changed, for people.
	steps []step
	// next is when there is something to do again, at the latest.
	next time.Time
}

// plan takes a set one step further along its keys' lives:
//
//	published (nothing decided) → seen in the Secret (publishedAt) → it is known when it takes over (signFrom, and signUntil
//	of the key before) → the key before is known to stop (removeAt) → that key goes
//
// Each arrow is a write of its own, and its times count from a moment at which the write before was seen to be there: a
// write that comes late makes what follows late, and nothing wrong. The key that signs has no end before its successor
// stands beside it, so that an operator which is away leaves the platform a key that works. A successor is published as
// soon as there is room, long before it is needed: should the key that signs have to go at once, verifiers know the next.
func plan(set keyset.Set, t terms) (outcome, error) {
	r := &round{terms: t, set: set, floor: t.now.UTC().Truncate(time.Second)}
	if r.ceil = r.floor; r.ceil.Before(t.now) {
		r.ceil = r.ceil.Add(time.Second)
	}
	r.set.Keys = slices.Clone(set.Keys)
	fresh := len(set.Keys) == 0

	r.drop()
	if err := r.ensureSigning(); err != nil {
		return outcome{}, err
	}
	r.confirm()
	r.replaceSuccessor()
	r.reopen()
	r.retire()
	r.setMaxAge(fresh)
	if fresh {
		r.set.Rotation = t.orders.rotate // keys that are all new need not be rotated
	}
	r.decideSwitch()
	if err := r.addSuccessor(); err != nil {
		return outcome{}, err
	}
	return outcome{set: r.set, steps: r.steps, next: r.next()}, nil
}

// drop removes keys whose time is over, and those that must not be there.
func (r *round) drop() {
	r.set.Keys = slices.DeleteFunc(r.set.Keys, func(key keyset.Key) bool {
		switch {
		case slices.Contains(r.orders.remove, key.ID):
			r.tell(removedAtOnce(key))
		case key.Removed(r.now):
			r.tell(removed(key))
		default:
			return false
		}
		return true
	})
}

// ensureSigning lets a key sign at once where none does: the first of all, or the next where the one that signed had to go.
// Its time counts from a little before, for token servers whose clocks are behind.
func (r *round) ensureSigning() error {
	if r.signing() != nil {
		return nil
	}
	next := r.successor()
	if next == nil {
		key, err := r.generate()
		if err != nil {
			return err
		}
		if len(r.set.Keys) >= keyset.MaxKeys { // all of them retired: only a person can have written that
			r.set.Keys = slices.Delete(r.set.Keys, len(r.set.Keys)-1, len(r.set.Keys))
		}
		next = r.insert(key)
	}
	at := r.floor.Add(-r.schedule.Delivery)
	if next.PublishedAt.IsZero() || next.PublishedAt.After(at) {
		next.PublishedAt = at
	}
	next.SignFrom, next.SignUntil, next.RemoveAt = at, time.Time{}, time.Time{}
	r.tell(signsAtOnce(*next))
	return nil
}

// confirm notes of keys that were written before that they were.
func (r *round) confirm() {
	for i := range r.set.Keys {
		if key := &r.set.Keys[i]; key.PublishedAt.IsZero() {
			key.PublishedAt = r.ceil
		}
	}
}

// replaceSuccessor takes out a successor for an algorithm that is no longer wanted. It has signed nothing. One that is about
// to sign stays, since a token server could be signing with it before it learns; its turn is short then.
func (r *round) replaceSuccessor() {
	next := r.successor()
	if next == nil || next.Algorithm == r.algorithm || r.imminent(next.SignFrom) {
		return
	}
	r.tell(replaced(*next, r.algorithm))
	id := next.ID
	r.set.Keys = slices.DeleteFunc(r.set.Keys, func(key keyset.Key) bool { return key.ID == id })
}

// reopen takes back the end of the key that signs where no other begins at that moment.
func (r *round) reopen() {
	signing := r.signing()
	if signing.SignUntil.IsZero() {
		return
	}
	joins := func(key keyset.Key) bool { return key.SignFrom.Equal(signing.SignUntil) }
	if !slices.ContainsFunc(r.set.Keys, joins) {
		signing.SignUntil, signing.RemoveAt = time.Time{}, time.Time{}
	}
}

// retire decides when keys go whose end was written before.
func (r *round) retire() {
	signing := r.signing()
	for i := range r.set.Keys {
		key := &r.set.Keys[i]
		switch {
		case !key.SignUntil.IsZero() && key.RemoveAt.IsZero():
			// A token server may have signed with it until the end reached it.
			key.RemoveAt = latest(key.SignUntil, r.ceil.Add(r.schedule.Delivery)).Add(r.schedule.Retention)
			r.tell(retires(*key))
		case key.ID != signing.ID && !r.begins(key) && key.SignUntil.IsZero():
			// Two open windows, by somebody's hand; the younger key is the one that signs.
			key.SignUntil = signing.SignFrom
		}
	}
}

// setMaxAge changes how long verifiers may keep the keys. For longer: only when all token servers have every key that is yet
// to sign, or somebody could keep a set without it for the new time. For less: what was fetched before counts on.
func (r *round) setMaxAge(fresh bool) {
	was, want := r.set.MaxAge(), r.schedule.MaxAge
	switch {
	case want < was:
		r.set.CachedUntil = latest(r.set.CachedUntil, r.ceil.Add(r.schedule.Delivery).Add(was))
	case fresh || r.allDelivered():
	default:
		want = was
	}
	r.set.MaxAgeSeconds = int64(want / time.Second)
	if !r.set.CachedUntil.After(r.now) {
		r.set.CachedUntil = time.Time{}
	}
}

// decideSwitch says when the successor takes over: when it is due, but not before every verifier knows it and every token
// server knows when. What is decided moves to an earlier time only.
func (r *round) decideSwitch() {
	signing, next := r.signing(), r.successor()
	demanded := r.orders.rotate != "" && r.orders.rotate != r.set.Rotation
	due := signing.SignFrom.Add(r.schedule.Rotation)
	switch {
	case demanded, signing.Algorithm != r.algorithm:
		due = r.ceil
	case r.schedule.Rotation == 0:
		return
	}
	if next == nil {
		if demanded && len(r.set.Keys) >= keyset.MaxKeys {
			r.tell(waits(r.orders.rotate, r.roomAt()))
		}
		return
	}
	known := latest(next.PublishedAt.Add(r.schedule.Wait), r.set.CachedUntil)
	// Whoever keeps the document in which the key before comes first must have run out by then: what was handed out before
	// the decision reached a token server says nothing of it.
	at := latest(due, known, r.ceil.Add(r.schedule.Delivery).Add(r.set.MaxAge()))
	if next.SignFrom.IsZero() || at.Before(next.SignFrom) {
		next.SignFrom, signing.SignUntil, signing.RemoveAt = at, at, time.Time{}
		r.tell(takesOver(*next, *signing))
	}
	if demanded {
		r.set.Rotation = r.orders.rotate
	}
}

// addSuccessor publishes the key that signs next. Nothing else is decided of it before it was seen in the Secret.
func (r *round) addSuccessor() error {
	if r.successor() != nil || len(r.set.Keys) >= keyset.MaxKeys {
		return nil
	}
	key, err := r.generate()
	if err != nil {
		return err
	}
	key.PublishedAt, key.SignFrom = time.Time{}, time.Time{}
	r.insert(key)
	r.tell(published(key))
	return nil
}
