package signingkeys

import (
	"time"

	"countersign.dev/internal/keyset"
)

// Schedule is the times by which keys live. cmd/operator checks that they fit together.
type Schedule struct {
	// Rotation is how long a key signs before the next one takes over. 0: until somebody asks.
	Rotation time.Duration
	// Wait is the time from the publication of a key to its first signature: at least Delivery and MaxAge together.
	Wait time.Duration
	// Delivery is what a change of the Secret takes to reach every token server: the write, the kubelet, the reading, and by
	// how much clocks differ.
	Delivery time.Duration
	// MaxAge is how long verifiers may keep published keys.
	MaxAge time.Duration
	// Retention is how long a key stays published after its last signature: the longest life of a token, and by how much
	// clocks differ and verifiers are lenient.
	Retention time.Duration
}

// Defaults of a Schedule.
const (
	defaultRotation = 30 * 24 * time.Hour
	defaultWait     = time.Hour
	// A kubelet takes two minutes at most; the third is for the write, the reading and the clocks.
	defaultDelivery = 3 * time.Minute
	defaultMaxAge   = 5 * time.Minute
	// MinRetention is the least that a platform needs whose tokens are configured to live as long as they can.
	MinRetention = keyset.MaxTokenLifetime + 5*time.Minute
)

// DefaultSchedule is one for a platform that nobody has tuned.
func DefaultSchedule() Schedule {
	return Schedule{
		Rotation: defaultRotation, Wait: defaultWait, Delivery: defaultDelivery, MaxAge: defaultMaxAge, Retention: MinRetention,
	}
}
