package directory

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// patience is how long a spec waits for what takes milliseconds, on a machine that has other things to do. It is less than the
// minute after which an API server's bookmark would come by itself.
const patience = 30 * time.Second

func TestDirectoryOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "tokenserver/directory")
}

var (
	config   *rest.Config
	platform client.Client
)

var _ = BeforeSuite(func() {
	control := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	DeferCleanup(control.Stop) // also where it starts and then refuses the kinds
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	config = started

	scheme := runtime.NewScheme()
	Expect(corev1.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	platform, err = client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

// impatientClock waits a hundredth of what it is told to.
type impatientClock struct{ clock.RealClock }

func (impatientClock) After(d time.Duration) <-chan time.Time { return time.After(d / 100) }

// line is the way to the API server, which can be cut.
type line struct {
	net.Dialer
	mu      sync.Mutex
	down    bool
	refused int
	open    []net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		l.refused++
		return nil, syscall.ECONNREFUSED
	}
	conn, err := l.DialContext(ctx, network, address)
	if err == nil {
		l.open = append(l.open, conn)
	}
	return conn, err
}

func (l *line) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.refused = down, 0
	for _, conn := range l.open {
		conn.Close()
	}
	l.open = nil
}

func (l *line) refusals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// run starts a Directory that ends with the spec.
func run(ctx context.Context, through *line) *Directory {
	GinkgoHelper()
	reach := rest.CopyConfig(config)
	reach.Dial = through.dial
	d := New(Deps{Config: reach, Clock: impatientClock{}, Log: slog.New(slog.NewTextHandler(GinkgoWriter, nil))})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended, patience).Should(Receive(BeNil()))
	})
	Eventually(d.Synced, patience).Should(BeTrue())
	return d
}

// asOf is the moment as of which the view of every kind is proven.
func asOf(d *Directory) time.Time {
	oldest := time.Time{}
	for i, feed := range d.feeds {
		if moment, _ := feed.view.asOf(); i == 0 || moment.Before(oldest) {
			oldest = moment
		}
	}
	return oldest
}

var _ = Describe("A Directory", func() {
	var (
		d        *Directory
		server   *line
		app      *v1alpha1.Application
		grant    *v1alpha1.TenantGrant
		id       string
		secret   credential.Secret
		creating = func(ctx context.Context, objects ...client.Object) {
			GinkgoHelper()
			for _, object := range objects {
				Expect(platform.Create(ctx, object)).To(Succeed())
				DeferCleanup(func(ctx context.Context) {
					Expect(client.IgnoreNotFound(platform.Delete(ctx, object))).To(Succeed())
				})
			}
		}
		reason = func(who Client) func() v1alpha1.Reason {
			return func() v1alpha1.Reason {
				decision := d.Decide(who, "acme", "", nil)
				return decision.Reason
			}
		}
		authenticates = func() bool { _, ok := d.Authenticate(id, secret.Reveal()); return ok }
	)

	BeforeEach(func(ctx context.Context) {
		secret = newSecret(1)
		for _, name := range []string{"tenant-operator-co", "tenant-acme"} {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
			Expect(client.IgnoreAlreadyExists(platform.Create(ctx, namespace))).To(Succeed())
		}
		app = newApp("kpi", "")
		creating(ctx,
			newTenant("operator-co", "tenant-operator-co"), newTenant("acme", "tenant-acme"),
			newServer("iot", audience), newLevel("limited", "assets:read", "timeseries:read"), app)
		app.Status.Versions = []v1alpha1.ApplicationVersionStatus{newStatus("1.0.0", secret)}
		Expect(platform.Status().Update(ctx, app)).To(Succeed())
		grant = newGrant("acme", "kpi", app.UID)
		creating(ctx, grant)
		id = clientID("kpi", "1.0.0", app.UID)
		server = &line{}
		d = run(context.WithoutCancel(ctx), server)
	})

	It("knows a complete and fresh view as soon as it is synced", func() {
		Expect(d.Age()).To(BeNumerically("<", patience))
		who, ok := d.Authenticate(id, secret.Reveal())
		Expect(ok).To(BeTrue())
		Expect(reason(who)()).To(Equal(v1alpha1.ReasonGranted))
		Expect(d.Tenants(who)).To(HaveLen(2))
	})

	It("sees a new application, a new credential and a changed grant", func(ctx context.Context) {
		other := newApp("second", "")
		creating(ctx, other)
		other.Status.Versions = []v1alpha1.ApplicationVersionStatus{newStatus("1.0.0", newSecret(2))}
		Expect(platform.Status().Update(ctx, other)).To(Succeed())
		Eventually(func() bool {
			_, ok := d.Authenticate(clientID("second", "1.0.0", other.UID), newSecret(2).Reveal())
			return ok
		}, patience).Should(BeTrue())

		who, _ := d.Authenticate(id, secret.Reveal())
		grant.Spec.State = v1alpha1.StateSuspended
		Expect(platform.Update(ctx, grant)).To(Succeed())
		Eventually(reason(who), patience).Should(Equal(v1alpha1.ReasonGrantSuspended))

		seen := time.Now()
		Eventually(func() time.Time { return asOf(d) }, patience).Should(BeTemporally(">", seen))
	})

	It("refuses when the grant is deleted, and when the application is, though a finalizer holds it", func(ctx context.Context) {
		who, _ := d.Authenticate(id, secret.Reveal())
		Expect(platform.Delete(ctx, grant)).To(Succeed())
		Eventually(reason(who), patience).Should(Equal(v1alpha1.ReasonNotGranted))

		held := client.MergeFrom(app.DeepCopy())
		app.Finalizers = []string{"example.com/held"}
		Expect(platform.Patch(ctx, app, held)).To(Succeed())
		Expect(platform.Delete(ctx, app)).To(Succeed())
		Eventually(authenticates, patience).Should(BeFalse())
		Expect(reason(who)()).To(Equal(v1alpha1.ReasonApplicationNotFound))

		released := client.MergeFrom(app.DeepCopy())
		app.Finalizers = nil
		Expect(platform.Patch(ctx, app, released)).To(Succeed())
	})

	It("proves that it is fresh although its kinds are silent and others change", func(ctx context.Context) {
		for range 2 {
			creating(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-acme", GenerateName: "noise-"}})
			changed := time.Now()
			Eventually(func() time.Time { return asOf(d) }, patience).Should(BeTemporally(">", changed))
		}
	})

	It("ages while it is cut off, and has caught up once it says that it is fresh", func(ctx context.Context) {
		who, _ := d.Authenticate(id, secret.Reveal())
		server.set(true)
		cut := time.Now()
		Expect(platform.Delete(ctx, grant)).To(Succeed())
		deleted := time.Now()
		Eventually(server.refusals, patience).Should(BeNumerically(">", 10))
		Expect(reason(who)()).To(Equal(v1alpha1.ReasonGranted), "it cannot know")
		Expect(asOf(d)).To(BeTemporally("<", cut))
		Expect(d.Age()).To(BeNumerically(">=", deleted.Sub(cut)))

		server.set(false)
		Eventually(func() time.Time { return asOf(d) }, patience).Should(BeTemporally(">", deleted))
		Expect(reason(who)()).To(Equal(v1alpha1.ReasonNotGranted))
	})
})
