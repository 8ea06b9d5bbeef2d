package kill

import (
	"math/rand/v2"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/test/stack"
)

const (
	leaseName = "countersign-operator"
	// handover is how long the next leader takes at most where the former one gave the lease back: it asks for it every two
	// seconds. Where nobody gave it back it takes longer than this, since the lease has to run out.
	handover = 10 * time.Second
)

// leader returns who holds the lease, or "".
func leader(t *testing.T) string {
	t.Helper()
	lease := &coordinationv1.Lease{}
	err := platform.Get(t.Context(), client.ObjectKey{Namespace: stack.Namespace, Name: leaseName}, lease)
	must(t, client.IgnoreNotFound(err))
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// The operators are as in config/operator: one leads, the other waits for the lease.
func TestALeaderThatIsKilledOrStoppedAmidARotationLeavesItToTheNextAndNothingIsRotatedTwice(t *testing.T) {
	const applications = 25
	random := rand.New(rand.NewPCG(*seed, 2))
	f := register(t, "led", applications)
	replaceOperator(t)
	operators, ways := [3]*stack.Operator{}, [3]*line{}
	begin := func(i int, name string) {
		ways[i] = newLine(t, f.host)
		operators[i] = start(t, stack.OperatorConfig{Name: name, Kubeconfig: ways[i].kubeconfig, LeaderElect: true})
	}
	waits := func(i int) {
		t.Helper()
		if writes, _ := ways[i].written(); writes > 0 {
			t.Errorf("an operator that does not lead has made %d writes", writes)
		}
	}
	clients := f.watch()
	begin(0, "first-operator")
	eventually(t, "the first operator leads", func() bool { return leader(t) != "" })
	begin(1, "second-operator")

	ways[0].stopAt(20+random.IntN(40), true)
	f.askForRotation("killed")
	ways[0].await(t)
	waits(1)
	must(t, operators[0].Kill())
	killed := time.Now()
	f.everyoneIsServed()
	f.awaitRotation("killed")
	_, took := ways[1].written()
	t.Logf("the second operator wrote first %s after the first one was killed", took.Sub(killed))
	clients.finish()
	f.hasRotatedOnceForEach("killed")

	f.startPods()
	clients = f.watch()
	begin(2, "third-operator")
	ways[1].stopAt(20+random.IntN(40), true)
	f.askForRotation("stopped")
	ways[1].await(t)
	waits(2)
	must(t, operators[1].Stop())
	stopped := time.Now()
	f.awaitRotation("stopped")
	_, took = ways[2].written()
	if took.Sub(stopped) > handover {
		t.Errorf("the third operator wrote first %s after the second one had ended, which should have given the lease back", took.Sub(stopped))
	}
	t.Logf("the third operator wrote first %s after the second one had ended", took.Sub(stopped))
	clients.finish()
	f.hasRotatedOnceForEach("killed", "stopped")
}
