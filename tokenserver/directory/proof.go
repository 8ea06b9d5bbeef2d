package directory

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// maxPending bounds the listings that wait for the watch to reach them. At one in probeInterval they go back 16 minutes:
// a watch that is further behind proves nothing until it has caught up.
const maxPending = 64

// proof says from what it is told how fresh the view of one kind is. It is pure; view guards it.
//
// A consistent list (resourceVersion unset: a quorum read) that began at a time shows, by its resourceVersion, how far the
// cluster had come by then. Once the watch has reached that resourceVersion, the view holds all that had happened before the
// list began. Bookmarks alone prove nothing: they come from the API server's cache, which goes on when etcd does not.
type proof struct {
	// newest is the latest time as of which the view is known to be complete; zero: none.
	newest time.Time
	// position is the resourceVersion that the watch has reached; empty: none.
	position string
	// opened is when the list or stream began that the next replaced is about.
	opened time.Time
	// pending are listings that the watch has not reached, times and resourceVersions rising.
	pending []listing
	// last is the resourceVersion of the latest listing.
	last string
}

// listing is one consistent list.
type listing struct {
	start           time.Time
	resourceVersion string
}

// open notes that a consistent list or stream of all objects begins, whose end is told by replaced.
func (p *proof) open(start time.Time) { p.opened = start }

// replaced notes that the view was replaced by what was opened, which is the state at the resourceVersion.
func (p *proof) replaced(resourceVersion string) {
	p.position = resourceVersion
	// The history may be another one than that of earlier listings: etcd can have been restored.
	p.last, p.pending = "", nil
	if p.opened.After(p.newest) {
		p.newest = p.opened
	}
}

// reached notes that the view has taken in all events up to the resourceVersion.
func (p *proof) reached(resourceVersion string) {
	p.position = resourceVersion
	p.settle()
}

// quiet notes that there is no event between the two resourceVersions.
func (p *proof) quiet(from, to string) {
	if p.position == from && atLeast(to, from) {
		p.reached(to)
	}
}

// listed notes a consistent list. Lists must not overlap.
func (p *proof) listed(start time.Time, resourceVersion string) {
	if p.last != "" && !atLeast(resourceVersion, p.last) {
		// Time went backwards: etcd was restored from a backup. What was proven is about a history that is no more.
		*p = proof{opened: p.opened}
	}
	p.last = resourceVersion
	// A later list at the same point proves more than an earlier one.
	p.pending = slices.DeleteFunc(p.pending, func(l listing) bool { return atLeast(l.resourceVersion, resourceVersion) })
	p.pending = append(p.pending, listing{start, resourceVersion})
	if len(p.pending) > maxPending {
		p.pending = slices.Delete(p.pending, 0, 1)
	}
	p.settle()
}

// settle takes the pending listings that the watch has reached for proven.
func (p *proof) settle() {
	proven := 0
	for proven < len(p.pending) && atLeast(p.position, p.pending[proven].resourceVersion) {
		proven++
	}
	if proven == 0 {
		return
	}
	if start := p.pending[proven-1].start; start.After(p.newest) {
		p.newest = start
	}
	p.pending = slices.Delete(p.pending, 0, proven)
}

// atLeast reports whether a is b or later. What is no resourceVersion is not.
func atLeast(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order >= 0
}
