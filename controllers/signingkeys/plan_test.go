package signingkeys

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign.dev/internal/keyset"
)

// life is a set to which things happen. Its keys have names and no private parts: a plan never looks at them.
type life struct {
	set       keyset.Set
	schedule  Schedule
	algorithm keyset.Algorithm
	orders    orders
	now       time.Time
	made      int
	told      []step
}

func newLife() *life {
	return &life{schedule: DefaultSchedule(), algorithm: keyset.ES256, now: noon}
}

func (l *life) generate() (keyset.Key, error) {
	l.made++
	at := l.now.Truncate(time.Second)
	return keyset.Key{ID: fmt.Sprintf("key-%d", l.made), Algorithm: l.algorithm, PublishedAt: at, SignFrom: at}, nil
}

// look plans once and returns the outcome, which is not written.
func (l *life) look() outcome {
	result, err := plan(l.set, terms{
		schedule: l.schedule, algorithm: l.algorithm, orders: l.orders, now: l.now, generate: l.generate,
	})
	if err != nil {
		panic(err) // the generator above does not fail
	}
	return result
}

// step plans and writes.
func (l *life) step() outcome {
	result := l.look()
	l.set, l.told = result.set, append(l.told, result.steps...)
	return result
}

// settle steps, a second apart, until nothing changes.
func (l *life) settle() {
	for range 10 {
		before := l.set
		l.step()
		if slices.Equal(before.Keys, l.set.Keys) && before.Rotation == l.set.Rotation && before.MaxAgeSeconds == l.set.MaxAgeSeconds {
			return
		}
		l.now = l.now.Add(time.Second)
	}
	panic("a set does not settle")
}

// follow lives until that time as the operator does: it looks when it said that it would.
func (l *life) follow(until time.Time) {
	for l.now.Before(until) {
		l.settle()
		next := l.look().next
		if next.After(until) {
			next = until
		}
		l.now = next
	}
	l.settle()
}

func (l *life) signing() keyset.Key {
	key, _ := l.set.SigningKey(l.now)
	return key
}

func (l *life) key(id string) keyset.Key {
	for _, key := range l.set.Keys {
		if key.ID == id {
			return key
		}
	}
	return keyset.Key{}
}

func (l *life) toldOf(reason reason) string {
	var notes []string
	for _, step := range l.told {
		if step.reason == reason {
			notes = append(notes, step.note)
		}
	}
	return strings.Join(notes, "\n")
}

func TestAKeyIsPublishedThenSeenThenScheduledThenSignsThenRetiresThenGoes(t *testing.T) {
	l := newLife()
	s := l.schedule

	l.step() // the first two keys
	first, second := l.key("key-1"), l.key("key-2")
	if !first.SignFrom.Equal(noon.Add(-s.Delivery)) || !first.SignUntil.IsZero() || len(l.set.Keys) != 2 {
		t.Fatalf("the first key signs at once, and the next is beside it: %v", l.set)
	}
	if !second.PublishedAt.IsZero() || !second.SignFrom.IsZero() {
		t.Errorf("nothing is decided of a key before it was seen: %v", second)
	}

	l.now = noon.Add(20 * time.Minute) // that write took its time
	l.step()
	first, second = l.key("key-1"), l.key("key-2")
	takeover := first.SignFrom.Add(s.Rotation)
	if !second.PublishedAt.Equal(l.now) || !second.SignFrom.Equal(takeover) || !first.SignUntil.Equal(takeover) {
		t.Errorf("seen at %s: %v", l.now, l.set)
	}
	if !first.RemoveAt.IsZero() {
		t.Errorf("when it goes is decided after its end was seen: %v", first)
	}
	l.settle()
	if first = l.key("key-1"); !first.RemoveAt.Equal(takeover.Add(s.Retention)) {
		t.Errorf("it goes at %s", first.RemoveAt)
	}

	l.follow(takeover)
	if l.signing().ID != "key-2" || len(l.set.Keys) != 3 {
		t.Errorf("at the takeover: %v", l.set)
	}
	l.follow(first.RemoveAt.Add(-time.Second))
	if l.key("key-1").ID == "" {
		t.Error("it went while tokens of it could live")
	}
	l.follow(first.RemoveAt)
	if l.key("key-1").ID != "" || len(l.set.Keys) != 2 {
		t.Errorf("after its time: %v", l.set)
	}
	for _, reason := range []reason{reasonSigns, reasonPublished, reasonScheduled, reasonRetires, reasonRemoved} {
		if l.toldOf(reason) == "" {
			t.Errorf("nobody was told %s", reason)
		}
	}
}

func TestAnOperatorThatIsAwayForYearsLeavesAKeyThatSigns(t *testing.T) {
	for sentence, seen := range map[string]bool{"the next was never seen": false, "the next was scheduled": true} {
		l := newLife()
		l.step()
		if seen {
			l.now = l.now.Add(time.Second)
			l.settle()
		}
		for range 5 {
			l.now = l.now.AddDate(1, 0, 0)
			if l.signing().ID == "" {
				t.Fatalf("%s: nothing signs at %s", sentence, l.now)
			}
		}
		was := l.signing().ID
		l.settle()
		if next := l.look(); l.signing().ID != was || len(next.set.Keys) != 2 {
			t.Errorf("%s: it comes back and changes who signs at once: %v", sentence, l.set)
		}
	}
}

func TestAWriteThatComesLateMovesWhatFollows(t *testing.T) {
	l := newLife()
	l.settle()
	l.orders.rotate = "a"
	planned := l.look() // and now the operator is frozen for two hours, before it writes
	l.now = l.now.Add(2 * time.Hour)
	l.set = planned.set
	l.settle()
	old := l.key("key-1")
	if written := l.now.Add(-5 * time.Second); old.RemoveAt.Before(written.Add(l.schedule.Delivery + l.schedule.Retention)) {
		t.Errorf("a token server may have signed with it until %s after %s, and it goes at %s", l.schedule.Delivery, written, old.RemoveAt)
	}
}

func TestARotationOnDemandTakesPlaceOnceAndAsSoonAsAllKnow(t *testing.T) {
	l := newLife()
	l.follow(noon.Add(24 * time.Hour)) // the next has been known for long
	l.orders.rotate = "2030-06-02"
	l.settle()
	asked, known := l.now, l.schedule.Delivery+l.schedule.MaxAge
	if until := l.signing().SignUntil; until.Sub(asked) > known+time.Second || until.Sub(asked) < known-5*time.Second {
		t.Errorf("asked at %s, takes place at %s", asked, until)
	}
	l.follow(asked.Add(48 * time.Hour))
	if l.signing().ID != "key-2" || l.set.Rotation != "2030-06-02" {
		t.Errorf("two days later: %v", l.set)
	}
	if end := l.signing().SignUntil; !end.Equal(l.signing().SignFrom.Add(l.schedule.Rotation)) {
		t.Errorf("the schedule goes on from there: %s", end)
	}
}

func TestAFourthKeyWaitsForRoomAndSaysUntilWhen(t *testing.T) {
	l := newLife()
	l.schedule.Retention = 12 * time.Hour
	l.follow(noon.Add(24 * time.Hour))
	for _, word := range []string{"a", "b"} {
		l.orders.rotate = word
		l.follow(l.now.Add(l.schedule.Wait + 10*time.Second)) // not before the next one is known
	}
	if l.signing().ID != "key-3" || len(l.set.Keys) != 3 {
		t.Fatalf("after two: %v", l.set)
	}
	room := l.key("key-1").RemoveAt
	l.orders.rotate = "c"
	l.settle()
	if note := l.toldOf(reasonWaits); !strings.Contains(note, stamp(room)) || l.set.Rotation != "b" {
		t.Errorf("told %q, acted on %q", note, l.set.Rotation)
	}
	l.follow(room.Add(l.schedule.Wait + 10*time.Second))
	if l.signing().ID != "key-4" || l.set.Rotation != "c" {
		t.Errorf("when there was room: %v", l.set)
	}
}

func TestAKeyThatMustGoIsGoneAtOnceAndTheNextSigns(t *testing.T) {
	l := newLife()
	l.follow(noon.Add(24 * time.Hour))
	l.orders.remove = []string{"key-1"}
	l.step()
	if l.key("key-1").ID != "" || l.signing().ID != "key-2" || !l.signing().SignUntil.IsZero() {
		t.Errorf("the one that verifiers know takes over: %v", l.set)
	}
	l.settle()
	l.orders.remove = []string{"key-2", "key-3"} // all of them were in the file that leaked
	l.step()
	if l.signing().ID != "key-4" {
		t.Errorf("a new one takes over: %v", l.set)
	}
	l.settle()
	if l.set.Keys[0].ID != "key-5" || len(l.set.Keys) != 2 {
		t.Errorf("and has a successor: %v", l.set)
	}
}

func TestASuccessorThatMustGoTakesBackTheEndOfTheKeyThatSigns(t *testing.T) {
	l := newLife()
	l.settle()
	l.orders.remove = []string{"key-2"}
	l.step()
	if key := l.signing(); key.ID != "key-1" || !key.SignUntil.IsZero() || !key.RemoveAt.IsZero() {
		t.Errorf("no other begins when it ends: %v", l.set)
	}
}

func TestAnotherAlgorithmIsARotation(t *testing.T) {
	l := newLife()
	l.follow(noon.Add(24 * time.Hour))
	l.algorithm = keyset.EdDSA
	l.settle()
	if next := l.set.Keys[0]; next.Algorithm != keyset.EdDSA || len(l.set.Keys) != 2 {
		t.Errorf("the successor that never signed is replaced: %v", l.set)
	}
	l.follow(l.now.Add(l.schedule.Wait))
	if l.signing().Algorithm != keyset.EdDSA {
		t.Errorf("after the wait: %v", l.set)
	}
}

func TestWhoKeptKeysForLongerIsWaitedForAfterTheyMayBeKeptForLess(t *testing.T) {
	l := newLife()
	l.schedule.MaxAge, l.schedule.Wait = 6*time.Hour, 7*time.Hour
	l.follow(noon.Add(24 * time.Hour))
	l.schedule.MaxAge, l.schedule.Wait = time.Minute, 5*time.Minute
	l.orders.remove = []string{"key-2"} // the next one is new to everybody
	lowered := l.now
	l.settle()
	l.orders.rotate = "a"
	l.settle()
	if at := l.signing().SignUntil; at.Before(lowered.Add(6 * time.Hour)) {
		t.Errorf("somebody may hold keys without the next one until six hours after %s, and it signs at %s", lowered, at)
	}
}

func TestKeysMayBeKeptForLongerOnlyOnceTheNextIsEverywhere(t *testing.T) {
	l := newLife()
	l.settle()
	seen := l.key("key-2").PublishedAt
	l.schedule.MaxAge, l.schedule.Wait = 6*time.Hour, 7*time.Hour
	l.step()
	if l.set.MaxAge() != defaultMaxAge {
		t.Errorf("%s after it was seen: %s", l.now.Sub(seen), l.set.MaxAge())
	}
	l.follow(seen.Add(l.schedule.Delivery))
	if l.set.MaxAge() != 6*time.Hour {
		t.Errorf("once it is everywhere: %s", l.set.MaxAge())
	}
}

// Whatever happens to a set, somebody signs, and nobody meets a key out of turn.
func TestASetStaysSoundThroughAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		l.step()
		words := 0
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkSound(t, l) },
			"look, write": func(*rapid.T) {
				l.step()
			},
			"look, crash": func(*rapid.T) { l.look() },
			"look, write late": func(t *rapid.T) {
				late := l.look()
				l.now = l.now.Add(durations.Draw(t, "late by"))
				l.set = late.set
			},
			"let time pass":    func(t *rapid.T) { l.now = l.now.Add(durations.Draw(t, "time")) },
			"follow":           func(t *rapid.T) { l.follow(l.now.Add(durations.Draw(t, "time"))) },
			"ask for rotation": func(*rapid.T) { words++; l.orders.rotate = fmt.Sprint(words) },
			"let a key go": func(t *rapid.T) {
				l.orders.remove = append(l.orders.remove, rapid.SampledFrom(l.set.Keys).Draw(t, "key").ID)
				l.step() // until it is written nothing can be said of it
			},
			"change the algorithm": func(t *rapid.T) {
				l.algorithm = rapid.SampledFrom([]keyset.Algorithm{keyset.ES256, keyset.EdDSA}).Draw(t, "algorithm")
			},
			"change the schedule": func(t *rapid.T) {
				l.schedule.Rotation = rapid.SampledFrom([]time.Duration{0, 2 * time.Hour, defaultRotation}).Draw(t, "rotation")
				l.schedule.MaxAge = rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "max age")
				l.schedule.Wait = l.schedule.Delivery + l.schedule.MaxAge
			},
		})
	})
}

var durations = rapid.SampledFrom([]time.Duration{
	time.Millisecond, time.Second, time.Minute, defaultDelivery, time.Hour, MinRetention, 24 * time.Hour, defaultRotation,
})

func checkSound(t *rapid.T, l *life) {
	if len(l.set.Keys) > keyset.MaxKeys {
		t.Fatalf("%d keys: %v", len(l.set.Keys), l.set)
	}
	// From now on, at each moment at which anything changes and right before it, one key signs and no more.
	moments := []time.Time{l.now, l.now.AddDate(10, 0, 0)}
	for _, key := range l.set.Keys {
		for _, at := range []time.Time{key.SignFrom, key.SignUntil} {
			moments = append(moments, at, at.Add(-time.Nanosecond))
		}
		if !key.RemoveAt.IsZero() && key.RemoveAt.Before(key.SignUntil.Add(l.schedule.Retention)) {
			t.Fatalf("key %s goes before its tokens: %v", key.ID, l.set)
		}
	}
	for _, at := range moments {
		if at.Before(l.now) {
			continue
		}
		signing := 0
		for _, key := range l.set.Keys {
			if !key.SignFrom.IsZero() && !at.Before(key.SignFrom) && (key.SignUntil.IsZero() || at.Before(key.SignUntil)) {
				signing++
			}
		}
		if signing != 1 {
			t.Fatalf("at %s %d keys sign: %v", at, signing, l.set)
		}
	}
}
