package credentials

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// promptMends is how many times a Secret that holds the right credential and says something else wrong is put right
	// without a pause. Then each pause is twice as long as the one before.
	promptMends = 5
	// longestPause is how long they become.
	longestPause = time.Hour
	// quiet is how long a Secret must have been left alone for that to be forgotten.
	quiet = 2 * time.Hour
)

// mends remembers which Secrets were put right again and again although nothing else was wanted of them, so that two who
// write against each other, as two operators with different issuers, do it ever more rarely. It is forgotten in a restart:
// what is at stake is the API server's time and no credential, whose own pauses stand in status.
type mends struct {
	mu sync.Mutex
	of map[types.NamespacedName]mended
}

type mended struct {
	wanted [sha256.Size]byte
	times  int
	last   time.Time
}

func newMends() *mends { return &mends{of: map[types.NamespacedName]mended{}} }

// until is when the Secret may be put right again. Zero: now.
func (m *mends) until(secret types.NamespacedName, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	past, found := m.of[secret]
	if found && now.Sub(past.last) >= quiet {
		delete(m.of, secret)
		return time.Time{}
	}
	if past.times < promptMends || past.last.After(now) { // or the clock went back
		return time.Time{}
	}
	pause := min(firstPause<<min(past.times-promptMends, 10), longestPause)
	if until := past.last.Add(pause); now.Before(until) {
		return until
	}
	return time.Time{}
}

// note says that the Secret was put right. It counts where the same was wanted of it as the last time: then another hand has
// changed it, and not somebody's wish.
func (m *mends) note(secret types.NamespacedName, wanted shape, now time.Time) {
	wanting := wanted.fingerprint()
	m.mu.Lock()
	defer m.mu.Unlock()
	past := m.of[secret]
	if past.wanted == wanting {
		past.times++
	}
	past.wanted, past.last = wanting, now
	m.of[secret] = past
}

// forget drops what is known of a Secret that goes.
func (m *mends) forget(secret types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, secret)
}

// fingerprint tells two shapes apart.
func (s shape) fingerprint() [sha256.Size]byte {
	text, err := json.Marshal([]any{s.data, s.annotations, s.template.mark})
	if err != nil {
		return [sha256.Size]byte{} // maps of text: it cannot be
	}
	return sha256.Sum256(text)
}
