package rotation

import (
	"fmt"
	"testing"
	"time"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/signingkeys"
	"countersign.dev/internal/keyset"
)

const year = 365 * 24 * time.Hour

// Each year has kubelets that take up to two minutes, clocks that differ, writes that take seconds and answers that are lost.
// At each step, whatever keys a verifier of either face may hold by what it was told, it knows every key of whose tokens one
// may be alive; and every replica can sign.
func TestForAYearNoVerifierMeetsAKeyThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		schedule func(*signingkeys.Schedule)
		// happens is told the day, and does what happens on it.
		happens func(w *world, day int)
		// rotations is how many there are at least.
		rotations int
	}{
		"as it is out of the box": {
			schedule: func(*signingkeys.Schedule) {}, happens: func(*world, int) {}, rotations: 12,
		},
		"with a wait as short as it can be, and an operator that is away for weeks and months": {
			schedule: func(s *signingkeys.Schedule) { s.MaxAge, s.Wait = time.Hour, s.Delivery+time.Hour }, rotations: 4,
			happens: func(w *world, day int) {
				if day%80 == 20 {
					w.away = w.clock.Now().Add(time.Duration(w.random.IntN(70*24)) * time.Hour)
				}
			},
		},
		"with people who ask for rotations again and again": {
			schedule: func(s *signingkeys.Schedule) { s.Rotation, s.Wait = 0, s.Delivery+s.MaxAge }, rotations: 8,
			happens: func(w *world, day int) {
				for i := range 5 {
					if day%120 == 60 {
						w.annotate(v1alpha1.AnnotationRotate, fmt.Sprintf("day %d, %d", day, i))
						w.live(w.clock.Now().Add(time.Duration(w.random.IntN(40)) * time.Minute))
					}
				}
			},
		},
		"with a schedule and an algorithm that change": {
			schedule: func(s *signingkeys.Schedule) { s.MaxAge, s.Wait = 12*time.Hour, 24*time.Hour }, rotations: 12,
			happens: func(w *world, day int) {
				s := &w.operator.Schedule
				switch day % 60 {
				case 10:
					s.MaxAge, s.Wait, s.Rotation = time.Minute, s.Delivery+time.Minute, 8*24*time.Hour
				case 20:
					w.operator.Algorithm = keyset.EdDSA
				case 30:
					s.MaxAge, s.Wait, s.Rotation = 12*time.Hour, s.Delivery+12*time.Hour, 30*24*time.Hour
				case 50:
					w.operator.Algorithm = keyset.ES256
				}
				if day%10 == 0 {
					w.look = w.clock.Now() // an operator with other flags starts
				}
			},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			schedule := signingkeys.DefaultSchedule()
			c.schedule(&schedule)
			w := newWorld(t, 20300101, schedule)
			start := w.clock.Now()
			w.live(start.Add(time.Hour))
			for day := range int(year / (24 * time.Hour)) {
				c.happens(w, day)
				w.live(latest(w.clock.Now(), start.Add(time.Duration(day+1)*24*time.Hour)))
			}
			for _, face := range []string{keyset.StandardFile, keyset.InsightsHubFile} {
				if rotations := len(w.signers[face]) - 1; rotations < c.rotations {
					t.Errorf("%s: %d rotations, want %d at least", face, rotations, c.rotations)
				}
			}
			t.Logf("rotations: %d and %d", len(w.signers[keyset.StandardFile])-1, len(w.signers[keyset.InsightsHubFile])-1)
		})
	}
}
