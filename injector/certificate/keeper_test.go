package certificate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/injector/certificate"
)

const (
	configuration = "countersign-injector"
	host          = "countersign-injector.countersign-system.svc"
)

// world is one configuration, a clock that stands, and any number of replicas.
type world struct {
	t     *testing.T
	api   client.WithWatch
	clock *clocktesting.FakePassiveClock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, clock: clocktesting.NewFakePassiveClock(time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)),
		api: fake.NewClientBuilder().WithScheme(scheme).WithObjects(&admissionregistrationv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: configuration},
			Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "pods.injector.countersign.dev"}},
		}).Build(),
	}
}

func (w *world) replica(name string) *certificate.Keeper {
	return certificate.NewKeeper(certificate.Deps{
		Client: w.api, Clock: w.clock, Configuration: configuration, Owner: name, Names: []string{host},
	})
}

// look reconciles and lets the time pass after which the keeper wants to look again.
func (w *world) look(keeper *certificate.Keeper) time.Duration {
	w.t.Helper()
	result, err := keeper.Reconcile(w.t.Context(), reconcile.Request{})
	if err != nil {
		w.t.Fatal(err)
	}
	if result.RequeueAfter <= 0 {
		w.t.Fatal("it does not want to look again")
	}
	return result.RequeueAfter
}

func (w *world) lookAndWait(keeper *certificate.Keeper) {
	w.t.Helper()
	w.clock.SetTime(w.clock.Now().Add(w.look(keeper)))
}

func (w *world) bundle() []byte {
	w.t.Helper()
	object := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := w.api.Get(w.t.Context(), client.ObjectKey{Name: configuration}, object); err != nil {
		w.t.Fatal(err)
	}
	return object.Webhooks[0].ClientConfig.CABundle
}

func (w *world) setBundle(bundle []byte) {
	w.t.Helper()
	object := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := w.api.Get(w.t.Context(), client.ObjectKey{Name: configuration}, object); err != nil {
		w.t.Fatal(err)
	}
	object.Webhooks[0].ClientConfig.CABundle = bundle
	if err := w.api.Update(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

func count(bundle []byte) int {
	n := 0
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		n++
	}
	return n
}

// believes makes a handshake as an API server does that has read the bundle.
func (w *world) believes(keeper *certificate.Keeper) error {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.bundle())
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		server := tls.Server(theirs, &tls.Config{GetCertificate: keeper.Certificate, MinVersion: tls.VersionTLS13})
		_ = server.Handshake() // the client's side is what counts
		_ = theirs.Close()
	}()
	return tls.Client(ours, &tls.Config{
		RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS13, Time: w.clock.Now,
	}).HandshakeContext(w.t.Context())
}

func TestACertificateIsShownOnceTheAPIServersKnowIt(t *testing.T) {
	w := newWorld(t)
	keeper := w.replica("a")
	if keeper.Ready(nil) == nil || w.believes(keeper) == nil {
		t.Fatal("it is ready before it has a certificate")
	}
	w.lookAndWait(keeper)
	if keeper.Ready(nil) == nil || count(w.bundle()) != 1 {
		t.Fatal("it shows a certificate that no API server has had the time to learn")
	}
	w.lookAndWait(keeper)
	if err := keeper.Ready(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.believes(keeper); err != nil {
		t.Fatal(err)
	}
}

func TestNoAPIServerEverMeetsACertificateThatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	for _, keeper := range []*certificate.Keeper{a, a, b, b} {
		w.lookAndWait(keeper)
	}
	first := w.bundle()
	for end := w.clock.Now().Add(7 * 24 * time.Hour); w.clock.Now().Before(end); {
		// Each looks when it wants to, or sooner.
		next := min(w.look(a), w.look(b))
		for _, keeper := range []*certificate.Keeper{a, b} {
			if err := w.believes(keeper); err != nil {
				t.Fatalf("%s: %v", w.clock.Now(), err)
			}
		}
		w.clock.SetTime(w.clock.Now().Add(next))
	}
	w.look(a)
	w.look(b)
	if n := count(w.bundle()); n > 4 {
		t.Errorf("%d certificates stand in the bundle after a week", n)
	}
	if bytes.Contains(w.bundle(), first) {
		t.Error("nothing was renewed")
	}
}

func TestAReplicaThatRestartsTakesItsOldCertificateOutAndNobodyElses(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	for _, keeper := range []*certificate.Keeper{a, a, b, b} {
		w.lookAndWait(keeper)
	}
	for range 10 {
		a = w.replica("a")
		w.lookAndWait(a)
		w.lookAndWait(a)
	}
	if n := count(w.bundle()); n != 2 {
		t.Errorf("%d certificates for two replicas", n)
	}
	for _, keeper := range []*certificate.Keeper{a, b} {
		if err := w.believes(keeper); err != nil {
			t.Error(err)
		}
	}
}

func TestABundleThatSomebodyEmptiesIsFilledAgainAndWhatOthersPutThereStays(t *testing.T) {
	w := newWorld(t)
	keeper := w.replica("a")
	w.lookAndWait(keeper)
	w.lookAndWait(keeper)
	foreign := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("somebody's")})
	w.setBundle(foreign)
	w.look(keeper)
	if err := w.believes(keeper); err != nil {
		t.Error(err)
	}
	if !bytes.HasPrefix(w.bundle(), foreign) {
		t.Error("the foreign certificate is gone")
	}
}

// Pods of one machine's network have its name, and spec.hostname can give one name to all.
func TestReplicasOfOneNameComeToRest(t *testing.T) {
	w := newWorld(t)
	writes := 0
	w.api = interceptor.NewClient(w.api, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			writes++
			return c.Update(ctx, object, options...)
		},
	})
	a, b := w.replica("a"), w.replica("a")
	for range 3 { // days
		for range 4 {
			w.clock.SetTime(w.clock.Now().Add(min(w.look(a), w.look(b))))
		}
		writes = 0
		for range 10 {
			w.look(a)
			w.look(b)
		}
		if writes > 2 { // of the one and the other, where a new certificate is due now
			t.Errorf("each looked 10 times, and they wrote %d times", writes)
		}
		for _, keeper := range []*certificate.Keeper{a, b} {
			if err := w.believes(keeper); err != nil {
				t.Error(err)
			}
		}
	}
	if n := count(w.bundle()); n > 4 {
		t.Errorf("%d certificates for two replicas", n)
	}
}

func TestALostRaceIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	lost := false
	w.api = interceptor.NewClient(w.api, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			if !lost {
				lost = true
				return apierrors.NewConflict(schema.GroupResource{}, configuration, nil)
			}
			return c.Update(ctx, object, options...)
		},
	})
	keeper := w.replica("a")
	for range 3 {
		w.lookAndWait(keeper)
	}
	if err := w.believes(keeper); err != nil || !lost {
		t.Errorf("%v, lost a race: %t", err, lost)
	}
}
