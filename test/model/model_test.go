package model

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var (
	seed  = flag.Uint64("seed", 1, "what the history is made of: the same seed makes the same history")
	steps = flag.Int("steps", 60, "how many steps the history has")
)

// stride is how many steps there are between two comparisons, at most.
const stride = 4

func TestNoTokenThatTheModelRefusesAndNoneRefusedThatItAllows(t *testing.T) {
	t.Logf("seed %d, %d steps", *seed, *steps)
	h := &history{
		T: t, draw: draw{Rand: rand.New(rand.NewPCG(*seed, 0))}, ctx: t.Context(),
		seen: map[credential]bool{}, buried: map[credential]bool{},
	}
	h.begin()
	h.settle()
	for done := 0; done < *steps; {
		for range 1 + h.IntN(stride) {
			h.step()
			done++
		}
		h.settle()
	}
	t.Logf("%d settlings, %d credentials of which %d are revoked, %d tokens and %d refusals",
		h.marked, len(h.seen), len(h.buried), h.total.allowed, h.total.refused)
	if h.total.allowed < h.marked || h.total.refused < h.marked || len(h.buried) == 0 {
		t.Error("a history in which hardly anything is allowed, refused or revoked shows nothing")
	}
}

// settle lets everything arrive and compares. What the model refuses must be refused at once; for what it allows, the operator
// has to have made or put right the credentials, which is waited for.
func (h *history) settle() {
	h.Helper()
	h.passMarker()
	h.lines = append(h.lines, fmt.Sprintf("-- settled, %d", h.marked))
	h.await("what the model says", h.compare)
	h.total.allowed += h.allowed
	h.total.refused += h.refused
}
