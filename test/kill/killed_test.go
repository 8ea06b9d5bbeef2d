package kill

import (
	"math/rand/v2"
	"slices"
	"testing"

	"countersign.dev/test/stack"
)

// No lease is held: the next operator would wait a quarter of a minute for it each time. What happens with one is told below.
func TestAnOperatorThatIsKilledTwentyTimesRotatesEachOfFiftyApplicationsOnceAndNobodyIsRefused(t *testing.T) {
	const (
		applications, kills = 50, 20
		// An application takes four writes: the verifier, the Secret, the Deployment, and that it is done. What a kill undoes comes on
		// top. So whatever is drawn, the last kill comes before the last write.
		writes = 4 * applications
		word   = "incident-17"
	)
	random := rand.New(rand.NewPCG(*seed, 1))
	points := random.Perm(writes - 1)[:kills] // on average ten writes from one to the next: as many as the operator has workers
	slices.Sort(points)
	f := register(t, "killed", applications)
	replaceOperator(t)
	clients := f.watch()
	f.askForRotation(word)
	before := -1
	for kill, point := range points {
		way := newLine(t, f.host)
		way.stopAt(point-before, random.IntN(2) == 0)
		before = point
		operator := start(t, stack.OperatorConfig{Name: "killed-operator", Kubeconfig: way.kubeconfig})
		way.await(t)
		must(t, operator.Kill())
		t.Logf("kill %d: %s", 1+kill, way.stopped)
		if f.unfinished(word) == 0 {
			t.Fatalf("at kill %d there was nothing left to do", 1+kill)
		}
		f.everyoneIsServed()
	}
	t.Logf("after %d kills, %d of %d applications had not finished their rotation", kills, f.unfinished(word), applications)
	start(t, stack.OperatorConfig{Name: "last-operator"})
	f.awaitRotation(word)
	clients.finish()
	f.hasRotatedOnceForEach(word)
}
