package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/controllers/signingkeys"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
)

const (
	// kubeletDelay is the most that a kubelet takes, and clockSkew the most that a token server's clock is off.
	kubeletDelay = 2 * time.Minute
	clockSkew    = 20 * time.Second
	// stride is the time between two looks where nothing is about to happen, and tread where something is.
	stride = 6 * time.Hour
	tread  = 3 * time.Second
	// around is how far from one of a key's times something may be about to happen, as clocks are off.
	around = 2 * clockSkew
)

var errLost = errors.New("the answer of the API server was lost")

// world is the operator's part, an API server that holds one Secret, and token servers' parts, on clocks of our own.
type world struct {
	*testing.T
	random   *mathrand.Rand
	clock    *clocktesting.FakeClock
	platform client.Client
	operator *signingkeys.Reconciler
	// look is when the operator looks next, and away until when it is down.
	look, away time.Time
	replicas   []*replica
	views      []*view
	// firsts are what clients of the v3 API may hold that look at keys[0] alone.
	firsts []*view
	// alive is until when the last token of each key lives.
	alive map[string]time.Time
	// signers are the keys that have signed, in their order, by face.
	signers map[string][]string
	// secret is what the API server holds, and times are those of the keys in it.
	secret *corev1.Secret
	times  []time.Time
	stale  bool
}

// replica is a token server whose kubelet brings the Secret late and whose clock is off.
type replica struct {
	dir    string
	offset time.Duration
	clock  *clocktesting.FakeClock
	signer *signer.Signer
	queue  []delivery
}

type delivery struct {
	at    time.Time
	files map[string][]byte
}

// view is what some verifier may hold: the keys that a replica published, until they may be kept no longer.
type view struct {
	replica *replica
	face    string
	kids    []string
	until   time.Time
}

func newWorld(t *testing.T, seed uint64, schedule signingkeys.Schedule) *world {
	t.Helper()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{
		T: t, random: mathrand.New(mathrand.NewPCG(seed, 1)), clock: clocktesting.NewFakeClock(start), look: start,
		alive: map[string]time.Time{}, signers: map[string][]string{},
	}
	scheme := runtime.NewScheme()
	w.must(corev1.AddToScheme(scheme))
	w.platform = fake.NewClientBuilder().WithScheme(scheme).Build()
	w.operator = signingkeys.New(signingkeys.Deps{
		Client: w.slow(), Live: w.platform, Namespace: "countersign-system", Schedule: schedule, Algorithm: keyset.ES256,
		Clock: w.clock, Rand: rand.Reader, Events: &events.FakeRecorder{},
	})
	for range 3 {
		r := &replica{dir: t.TempDir(), offset: time.Duration(w.random.Int64N(int64(2*clockSkew))) - clockSkew}
		r.clock = clocktesting.NewFakeClock(start.Add(r.offset))
		r.signer = signer.New(signer.Deps{Dir: r.dir, Clock: r.clock, Log: slog.New(slog.DiscardHandler)})
		w.replicas = append(w.replicas, r)
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// slow is a client whose writes take their time, and whose answers are lost now and then.
func (w *world) slow() client.Client {
	late := func(write func() error) error {
		w.clock.Step(time.Duration(w.random.Int64N(int64(5 * time.Second))))
		w.stale = true
		if err := write(); err != nil || w.random.IntN(10) > 0 {
			return err
		}
		return errLost
	}
	return interceptor.NewClient(w.platform.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			return late(func() error { return c.Create(ctx, object, options...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			return late(func() error { return c.Update(ctx, object, options...) })
		},
	})
}

// refresh reads what the API server holds after something was written, and reports whether it is something new.
func (w *world) refresh() bool {
	w.Helper()
	if !w.stale {
		return false
	}
	secret := &corev1.Secret{}
	w.must(w.platform.Get(w.Context(), w.operator.Key(), secret))
	w.secret, w.times, w.stale = secret, nil, false
	for _, file := range []string{keyset.StandardFile, keyset.InsightsHubFile} {
		set, err := keyset.Parse(secret.Data[file])
		w.must(err)
		for _, key := range set.Keys {
			w.times = append(w.times, key.SignFrom, key.RemoveAt)
		}
	}
	return true
}

// annotate is what a person does with kubectl; the operator's watch wakes it.
func (w *world) annotate(name, value string) {
	w.Helper()
	secret := w.secret.DeepCopy()
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[name] = value
	w.must(w.platform.Update(w.Context(), secret))
	w.stale, w.look = true, w.clock.Now()
	w.refresh()
}

// live lets time pass until then, and checks at each step that nobody meets a key that it does not know.
func (w *world) live(until time.Time) {
	w.Helper()
	for w.clock.Now().Before(until) {
		w.operate()
		w.deliver()
		for _, r := range w.replicas {
			w.serve(r)
		}
		w.verify()
		if w.Failed() {
			w.FailNow()
		}
		w.clock.SetTime(earliest(w.next(), until))
	}
}

func (w *world) operate() {
	if now := w.clock.Now(); now.Before(w.look) || now.Before(w.away) {
		return
	}
	result, err := w.operator.Reconcile(w.Context(), reconcile.Request{NamespacedName: w.operator.Key()})
	switch {
	case errors.Is(err, errLost):
		w.look = w.clock.Now().Add(time.Second)
	case err != nil:
		w.Fatal(err)
	default:
		w.look = w.clock.Now().Add(result.RequeueAfter)
	}
}

// deliver sends the Secret on its way to each replica when it has changed, and puts down what arrives.
func (w *world) deliver() {
	now, first := w.clock.Now(), w.secret == nil
	if w.refresh() {
		for _, r := range w.replicas {
			at := now.Add(time.Duration(w.random.Int64N(int64(kubeletDelay))))
			if first {
				at = now // the pods were not started before
			}
			r.queue = append(r.queue, delivery{at, w.secret.Data})
		}
	}
	for _, r := range w.replicas {
		r.clock.SetTime(now.Add(r.offset))
		for len(r.queue) > 0 && !r.queue[0].at.After(now) {
			for name, data := range r.queue[0].files {
				w.must(os.WriteFile(filepath.Join(r.dir, name), data, 0o600))
			}
			r.queue = r.queue[1:]
		}
		w.must(r.signer.Load())
	}
}

// serve is what a replica does for clients and for verifiers.
func (w *world) serve(r *replica) {
	now := w.clock.Now()
	standard, hub := r.signer.Standard(), r.signer.InsightsHub()
	for face, keys := range map[string]*signer.Keys{keyset.StandardFile: standard, keyset.InsightsHubFile: hub} {
		published := keys.TokenKeys().Keys
		if keys.Status().Signing != 1 || len(published) == 0 || len(published) > keyset.MaxKeys {
			w.Errorf("%s: %s: %+v, %d published", now, face, keys.Status(), len(published))
			return
		}
		// That the first key is the one that signs is tried where Sign is: signing each time would take minutes.
		signing := published[0].ID
		w.alive[signing] = now.Add(keyset.MaxTokenLifetime)
		if !slices.Contains(w.signers[face], signing) {
			w.signers[face] = append(w.signers[face], signing)
		}
		kids := make([]string, 0, len(published))
		for _, key := range published {
			kids = append(kids, key.ID)
		}
		slices.Sort(kids)
		w.views = hold(w.views, &view{r, face, kids, now.Add(keys.MaxAge())})
		if face == keyset.InsightsHubFile {
			w.firsts = hold(w.firsts, &view{r, face, []string{signing}, now.Add(keys.FirstMaxAge())})
			w.checkFirsts(signing)
		}
	}
}

// checkFirsts is every client of the v3 API that looks at keys[0] alone and keeps it as long as it may, and that gets a token of
// this key now. Around a switch it can have the other one: clocks differ, and that exception cannot be closed.
func (w *world) checkFirsts(signing string) {
	now := w.clock.Now()
	w.firsts = slices.DeleteFunc(w.firsts, func(held *view) bool { return !held.until.After(now) })
	for _, at := range w.times {
		if now.After(at.Add(-around)) && now.Before(at.Add(around)) {
			return
		}
	}
	for _, held := range w.firsts {
		if held.kids[0] != signing {
			w.Errorf("%s: a client that may hold %s as keys[0] until %s meets a token of %s", now, held.kids[0], held.until, signing)
		}
	}
}

// hold notes among the views that a verifier may hold this one.
func hold(views []*view, next *view) []*view {
	for _, held := range views {
		if held.replica == next.replica && held.face == next.face && slices.Equal(held.kids, next.kids) {
			held.until = latest(held.until, next.until)
			return views
		}
	}
	return append(views, next)
}

// verify is every verifier: whatever it may hold has every key of whose tokens one is alive.
func (w *world) verify() {
	now := w.clock.Now()
	w.views = slices.DeleteFunc(w.views, func(held *view) bool { return held.until.Before(now) })
	for kid, until := range w.alive {
		if until.Before(now) {
			delete(w.alive, kid)
			continue
		}
		for _, held := range w.views {
			if slices.Contains(w.signers[held.face], kid) && !slices.Contains(held.kids, kid) {
				w.Errorf("%s: a verifier that may hold %v until %s meets a token of %s", now, held.kids, held.until, kid)
			}
		}
	}
}

// next is the next moment to look at: soon where one of a key's times is near or something is on its way.
func (w *world) next() time.Time {
	now := w.clock.Now()
	next := now.Add(stride)
	for _, at := range w.times {
		if now.After(at.Add(-around)) && now.Before(at.Add(around)) {
			return now.Add(tread)
		}
		if begin := at.Add(-around); begin.After(now) {
			next = earliest(next, begin.Add(time.Second))
		}
	}
	for _, r := range w.replicas {
		if len(r.queue) > 0 {
			return now.Add(tread)
		}
	}
	// Where tokens of two keys of a face are alive, verifiers are asked often.
	if len(w.alive) > 2 {
		next = earliest(next, now.Add(5*time.Minute))
	}
	if look := latest(w.look, w.away); look.After(now) {
		next = earliest(next, look)
	}
	return next
}

func earliest(times ...time.Time) time.Time { return slices.MinFunc(times, time.Time.Compare) }

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
