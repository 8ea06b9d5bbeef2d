package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"countersign.dev/tokenserver/workload/workloadtest"
)

// patience is how long a test waits for what takes milliseconds, on a machine that has other things to do.
const patience = 30 * time.Second

// run lets the Verifier fetch by itself until the test ends, and returns when it waits for its next turn.
func (v *verifier) run() {
	v.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	v.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			v.t.Errorf("running: %v", err)
		}
	})
	v.waits()
}

// waits returns when Run waits for its next turn.
func (v *verifier) waits() {
	v.t.Helper()
	gomega.NewWithT(v.t).Eventually(v.clock.HasWaiters, patience, time.Millisecond).Should(gomega.BeTrue())
}

// fetched returns when the keys were asked for so often, and Run waits again.
func (v *verifier) fetched(times int) {
	v.t.Helper()
	gomega.NewWithT(v.t).Eventually(v.cluster.Fetched, patience, time.Millisecond).Should(gomega.Equal(times))
	v.waits()
}

func (v *verifier) refusal(token string) error {
	_, err := v.Verify(token)
	return err
}

func TestAVerifierWithoutKeysKnowsNobody(t *testing.T) {
	v := newVerifier(t)
	if err := v.refusal(v.sign()); !errors.Is(err, NoKeys) {
		t.Errorf("got %v", err)
	}
	v.cluster.SetDown(true)
	for range 3 {
		if err := v.Refresh(t.Context()); err == nil {
			t.Error("fetching worked")
		}
	}
	if got := strings.Count(v.log.String(), "Cannot fetch the cluster's keys"); got != 1 {
		t.Errorf("the same problem is in the log %d times: %s", got, v.log)
	}
	v.cluster.SetDown(false)
	if err := v.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	if err := v.refusal(v.sign()); err != nil || !strings.Contains(v.log.String(), "Fetched the cluster's keys") {
		t.Errorf("got %v, log: %s", err, v.log)
	}
}

func TestKeysThatCannotBeFetchedAgainCountForAnHour(t *testing.T) {
	v := informed(t)
	v.cluster.SetDown(true)
	v.clock.Step(maxAge)
	if err := v.Refresh(t.Context()); err == nil {
		t.Error("fetching worked")
	}
	if err := v.refusal(v.sign()); err != nil {
		t.Errorf("after an hour: got %v", err)
	}
	v.clock.Step(time.Second)
	if err := v.refusal(v.sign()); !errors.Is(err, NoKeys) {
		t.Errorf("past an hour: got %v", err)
	}
}

func TestAKeyThatTheClusterTakesBackVerifiesNothingAfterTheNextRefresh(t *testing.T) {
	v := newVerifier(t)
	v.run()
	token := v.sign()
	if err := v.refusal(token); err != nil {
		t.Error(err)
	}
	v.cluster.Publish(workloadtest.NewKey(t, "cluster-2", "RS256"))
	before := v.cluster.Fetched()
	v.clock.Step(refreshInterval)
	v.fetched(before + 1)
	if err := v.refusal(token); !errors.Is(err, UnknownKey) {
		t.Errorf("got %v", err)
	}
	if err := v.refusal(v.sign()); err != nil {
		t.Errorf("the new one: got %v", err)
	}
}

func TestAnUnknownKeyIsRefusedAndWakesARefresh(t *testing.T) {
	v := newVerifier(t)
	v.run()
	before := v.cluster.Fetched()
	v.cluster.Publish(workloadtest.NewKey(t, "cluster-2", "ES256"), v.cluster.Key())
	token := v.sign()
	if err := v.refusal(token); !errors.Is(err, UnknownKey) {
		t.Errorf("at first: got %v", err)
	}
	gomega.NewWithT(t).Eventually(func() error { return v.refusal(token) }, patience, time.Millisecond).Should(gomega.Succeed())
	v.fetched(before + 1)
}

// Anybody can make up key ids: they wake one refresh in an interval, however many they are, and whether or not it came to
// anything.
func TestUnknownKeysWakeAtMostOneRefreshInAnInterval(t *testing.T) {
	v := informed(t)
	woken := func() int {
		for i := range 50 {
			forged := v.sign(workloadtest.By(workloadtest.Key{
				ID: fmt.Sprint("made-up-", i), Private: v.cluster.Key().Private, Method: v.cluster.Key().Method,
			}))
			if err := v.refusal(forged); !errors.Is(err, UnknownKey) {
				t.Fatalf("got %v", err)
			}
		}
		select {
		case <-v.wake:
			return 1 + len(v.wake)
		default:
			return 0
		}
	}
	for _, test := range []struct {
		step time.Duration
		want int
	}{
		{0, 1}, {0, 0}, {unknownKeyInterval - time.Second, 0}, {time.Second, 1}, {time.Second, 0}, {10 * unknownKeyInterval, 1}, {0, 0},
	} {
		v.clock.Step(test.step)
		if got := woken(); got != test.want {
			t.Errorf("%s later: %d refreshes, want %d", test.step, got, test.want)
		}
	}
}

func TestWhatFailedIsTriedAgainSoon(t *testing.T) {
	v := newVerifier(t)
	v.cluster.SetDown(true)
	v.run()
	if err := v.refusal(v.sign()); !errors.Is(err, NoKeys) {
		t.Errorf("got %v", err)
	}
	v.cluster.SetDown(false)
	v.clock.Step(retryInterval)
	gomega.NewWithT(t).Eventually(func() error { return v.refusal(v.sign()) }, patience, time.Millisecond).Should(gomega.Succeed())
}
