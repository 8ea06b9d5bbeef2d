package credentials

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

func TestCredentialsOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "controllers/credentials")
}

var (
	config   *rest.Config
	platform client.WithWatch
)

var _ = BeforeSuite(func() {
	control := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	DeferCleanup(control.Stop) // also where it starts and then refuses the kinds
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	config = started
	config.QPS = -1

	platform, err = client.NewWithWatch(config, client.Options{Scheme: schemeOf()})
	Expect(err).NotTo(HaveOccurred())
})

func schemeOf() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
}

const issuer = "https://tokens.example.com"

// world is a namespace with one application in it, and a Phase with a fake clock.
type world struct {
	TB
	// platform is the API server, or what stands for it.
	platform  client.WithWatch
	ctx       context.Context
	namespace string
	key       client.ObjectKey
	clock     *clocktesting.FakePassiveClock
	events    *events.FakeRecorder
	// heard is what the events said so far.
	heard []string
	// mends is what a Phase remembers from one reconcile to the next. Nil: each reconcile is after a restart.
	mends *mends
	// ends is what it remembers of ends that were told, and refusals of writes that failed. Nil: as mends.
	ends     *endings
	refusals *refusals
	// standing is what the application controller judges.
	standing Standing
	// writes is what the Phase has written, in order, and fault makes a write fail: before it is done, or after.
	writes []string
	fault  func(write int) (before, after error)
}

// TB is what a world needs of a test, be it a spec or a property.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newWorld(tb TB, versions ...v1alpha1.ApplicationVersion) *world {
	return newWorldOn(tb, platform, versions...)
}

func newWorldOn(tb TB, platform client.WithWatch, versions ...v1alpha1.ApplicationVersion) *world {
	w := &world{
		TB: tb, platform: platform, ctx: context.Background(),
		clock:  clocktesting.NewFakePassiveClock(noon),
		events: events.NewFakeRecorder(10000), standing: Standing{Host: "operator-co"},
		fault: func(int) (error, error) { return nil, nil }, ends: newEndings(),
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "credentials-"}}
	w.must(w.platform.Create(w.ctx, namespace))
	w.namespace = namespace.Name
	w.key = client.ObjectKey{Namespace: w.namespace, Name: "kpi-dashboard"}
	w.register(versions...)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v", err)
	}
}

func (w *world) register(versions ...v1alpha1.ApplicationVersion) *v1alpha1.Application {
	w.Helper()
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: w.key.Name},
		Spec:       v1alpha1.ApplicationSpec{ResourceServers: []string{"iot"}, Versions: versions},
	}
	w.must(w.platform.Create(w.ctx, app))
	return app
}

func (w *world) app() *v1alpha1.Application {
	w.Helper()
	app := &v1alpha1.Application{}
	w.must(w.platform.Get(w.ctx, w.key, app))
	return app
}

// edit changes the application's spec.
func (w *world) edit(change func(*v1alpha1.ApplicationSpec)) {
	w.Helper()
	app := w.app()
	change(&app.Spec)
	w.must(w.platform.Update(w.ctx, app))
}

// client is the API server as the Phase sees it: a write can be lost, or done and its answer lost.
func (w *world) client() client.Client {
	write := func(what string, do func() error) error {
		w.writes = append(w.writes, what)
		before, after := w.fault(len(w.writes) - 1)
		if before != nil {
			return before
		}
		if err := do(); err != nil {
			return err
		}
		return after
	}
	return interceptor.NewClient(w.platform, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			return c.List(ctx, list, client.InNamespace(w.namespace)) // without the cache's index
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write("create secret", func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write("update secret", func() error { return c.Update(ctx, o, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return write("apply secret", func() error { return c.Apply(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return write("delete secret", func() error { return c.Delete(ctx, o, opts...) })
		},
		SubResourceUpdate: func(
			ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption,
		) error {
			return write("status", func() error { return c.SubResource(sub).Update(ctx, o, opts...) })
		},
	})
}

// reconcile does once what the application controller does around the phase.
func (w *world) reconcile() (time.Duration, error) { return w.reconcileAs(w.standing) }

func (w *world) reconcileAs(standing Standing) (time.Duration, error) {
	c := w.client()
	phase := New(Deps{Client: c, Live: w.platform, Clock: w.clock, Rand: rand.Reader, Issuer: issuer, Events: w.events})
	phase.ends = w.ends
	if w.refusals != nil {
		phase.refusals = w.refusals
	}
	if w.mends != nil {
		phase.mends = w.mends
	}
	app := &v1alpha1.Application{}
	err := w.platform.Get(w.ctx, w.key, app)
	if apierrors.IsNotFound(err) || app.DeletionTimestamp != nil {
		return 0, phase.Remove(w.ctx, w.key)
	}
	if err != nil {
		return 0, err
	}
	base := app.DeepCopy()
	after, err := phase.Reconcile(w.ctx, app, standing)
	if apierrors.IsConflict(err) || equality.Semantic.DeepEqual(base.Status, app.Status) {
		return after, err
	}
	if failed := c.Status().Update(w.ctx, app); failed != nil {
		return 0, failed
	}
	return after, err
}

// settle reconciles until nothing is left to do now.
func (w *world) settle() time.Duration {
	w.Helper()
	var after time.Duration
	var err error
	for range 10 {
		before := len(w.writes)
		if after, err = w.reconcile(); err == nil && len(w.writes) == before {
			return after
		}
	}
	w.Fatalf("the application does not settle: %v", err)
	return 0
}

// secret returns the Secret of the name that a version's is to have, or nil.
func (w *world) secret(version string) *corev1.Secret {
	w.Helper()
	app := &v1alpha1.Application{}
	w.must(client.IgnoreNotFound(w.platform.Get(w.ctx, w.key, app)))
	name := w.key.Name + "." + version
	for i := range app.Spec.Versions {
		if v := &app.Spec.Versions[i]; string(v.Version) == version {
			name = secretName(app, v)
		}
	}
	return w.secretNamed(name)
}

// secretNamed returns the Secret of that name, or nil.
func (w *world) secretNamed(name string) *corev1.Secret {
	w.Helper()
	secret := &corev1.Secret{}
	err := w.platform.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.must(err)
	return secret
}

// entry returns the version's entry in status.
func (w *world) entry(version string) v1alpha1.ApplicationVersionStatus {
	w.Helper()
	return entryOf(w.app(), v1alpha1.VersionName(version))
}

func (w *world) ready(version string) metav1.Condition {
	w.Helper()
	condition := meta.FindStatusCondition(w.entry(version).Conditions, string(v1alpha1.ConditionReady))
	if condition == nil {
		w.Fatalf("version %s has no condition Ready", version)
	}
	return *condition
}

// accepts reports whether the token server would take the text as the version's client secret now.
func (w *world) accepts(version, text string) bool {
	w.Helper()
	return w.acceptedBy(w.app(), version, text)
}

func (w *world) acceptedBy(app *v1alpha1.Application, version, text string) bool {
	secret, err := credential.Parse(text)
	if err != nil {
		return false
	}
	for _, v := range entryOf(app, v1alpha1.VersionName(version)).Verifiers {
		if v.SHA256 == secret.Hash().String() && (v.ExpirationTime == nil || w.clock.Now().Before(v.ExpirationTime.Time)) {
			return true
		}
	}
	return false
}

func granted(version string) v1alpha1.ApplicationVersion {
	return v1alpha1.ApplicationVersion{
		Version: v1alpha1.VersionName(version), Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:read"}},
	}
}

func registered(version string) v1alpha1.ApplicationVersion {
	return v1alpha1.ApplicationVersion{Version: v1alpha1.VersionName(version)}
}
