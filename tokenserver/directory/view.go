package directory

import (
	"sync"
	"sync/atomic"
	"time"
)

// view is the freshness of one kind's view. The watch and the probe tell it what they see; anyone asks it without waiting.
type view struct {
	mu    sync.Mutex
	proof proof

	synced atomic.Bool
	// newest publishes proof.newest: readers must not wait for mu.
	newest atomic.Pointer[time.Time]
}

// asOf returns the latest time as of which the view is known to be complete, or false when there is none.
func (v *view) asOf() (time.Time, bool) {
	newest := v.newest.Load()
	if newest == nil || newest.IsZero() {
		return time.Time{}, false
	}
	return *newest, true
}

// behind returns how far the watch has come, and whether a listing waits for it to come further.
func (v *view) behind() (position string, behind bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proof.position, v.proof.position != "" && len(v.proof.pending) > 0
}

func (v *view) open(start time.Time) { v.note(func(p *proof) { p.open(start) }) }

func (v *view) replaced(resourceVersion string) {
	v.note(func(p *proof) { p.replaced(resourceVersion) })
	v.synced.Store(true)
}

func (v *view) reached(resourceVersion string) { v.note(func(p *proof) { p.reached(resourceVersion) }) }

func (v *view) quiet(from, to string) { v.note(func(p *proof) { p.quiet(from, to) }) }

func (v *view) listed(start time.Time, resourceVersion string) {
	v.note(func(p *proof) { p.listed(start, resourceVersion) })
}

func (v *view) note(tell func(*proof)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.proof.newest
	tell(&v.proof)
	if newest := v.proof.newest; newest != before {
		v.newest.Store(&newest)
	}
}
