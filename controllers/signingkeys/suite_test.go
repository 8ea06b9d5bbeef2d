package signingkeys

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
)

func TestSigningKeysOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "controllers/signingkeys")
}

var (
	config   *rest.Config
	scheme   = runtime.NewScheme()
	platform client.Client
	noon     = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
)

var _ = BeforeSuite(func() {
	control := &envtest.Environment{}
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(control.Stop)
	config = started
	Expect(corev1.AddToScheme(scheme)).To(Succeed())
	platform, err = client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

func newReconciler() (*Reconciler, *events.FakeRecorder) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keys-"}}
	Expect(platform.Create(context.Background(), namespace)).To(Succeed())
	recorder := events.NewFakeRecorder(100)
	return New(Deps{
		Client: platform, Live: platform, Namespace: namespace.Name, Clock: clocktesting.NewFakePassiveClock(noon),
		Rand: rand.Reader, Events: recorder,
	}), recorder
}

func reconcileOnce(r *Reconciler) *corev1.Secret {
	GinkgoHelper()
	_, err := r.Reconcile(context.Background(), reconcile.Request{NamespacedName: r.Key()})
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{}
	Expect(platform.Get(context.Background(), r.Key(), secret)).To(Succeed())
	return secret
}

var _ = Describe("The signing keys", func() {
	It("are created: a set for each face, of its algorithm, and no key in both", func() {
		r, _ := newReconciler()
		secret := reconcileOnce(r)
		Expect(secret.Type).To(BeEquivalentTo(v1alpha1.SecretTypeSigningKeys))
		Expect(secret.Data).To(HaveLen(2))
		ids := map[string]bool{}
		for file, algorithm := range map[string]keyset.Algorithm{
			keyset.StandardFile: keyset.ES256, keyset.InsightsHubFile: keyset.RS256,
		} {
			set, err := keyset.Parse(secret.Data[file])
			Expect(err).NotTo(HaveOccurred())
			key, found := set.SigningKey(noon)
			Expect(found).To(BeTrue())
			Expect(key.Algorithm).To(Equal(algorithm))
			ids[key.ID] = true
		}
		Expect(ids).To(HaveLen(2))
	})

	It("stay the same through a hundred restarts", func() {
		r, _ := newReconciler()
		first := reconcileOnce(r)
		for range 100 {
			r = New(r.Deps)
			Expect(reconcileOnce(r)).To(Equal(first))
		}
	})

	It("are completed where one set is missing, and the other is left alone", func() {
		r, _ := newReconciler()
		secret := reconcileOnce(r)
		standard := secret.Data[keyset.StandardFile]
		delete(secret.Data, keyset.InsightsHubFile)
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		secret = reconcileOnce(r)
		Expect(secret.Data[keyset.StandardFile]).To(Equal(standard))
		Expect(secret.Data).To(HaveKey(keyset.InsightsHubFile))
	})

	It("are never overwritten where they cannot be read, and somebody is told", func() {
		r, recorder := newReconciler()
		secret := reconcileOnce(r)
		secret.Data[keyset.StandardFile] = []byte("{")
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		for len(recorder.Events) > 0 {
			<-recorder.Events
		}
		Expect(reconcileOnce(r).Data[keyset.StandardFile]).To(Equal([]byte("{")))
		Expect(<-recorder.Events).To(ContainSubstring(eventBroken))
	})

	It("do not take the place of somebody else's Secret of the name", func() {
		r, recorder := newReconciler()
		theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: SecretName}}
		theirs.Data = map[string][]byte{"a": []byte("b")}
		Expect(platform.Create(context.Background(), theirs)).To(Succeed())
		Expect(reconcileOnce(r).Data).To(Equal(theirs.Data))
		Expect(<-recorder.Events).To(ContainSubstring("somebody else's"))
	})

	It("are there soon after the operator starts, and again when somebody deletes them", func() {
		r, _ := newReconciler()
		mgr, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: server.Options{BindAddress: "0"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(Setup(mgr, Deps{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: r.Namespace, Clock: clock.RealClock{},
			Rand: rand.Reader, Events: mgr.GetEventRecorder("countersign-operator"),
		})).To(Succeed())
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- mgr.Start(ctx) }()
		DeferCleanup(func() {
			stop()
			err := <-done
			Expect(err).NotTo(HaveOccurred())
		})
		secret := &corev1.Secret{}
		there := func() error { return platform.Get(ctx, r.Key(), secret) }
		Eventually(there, 20*time.Second).Should(Succeed())
		Expect(platform.Delete(ctx, secret)).To(Succeed())
		Eventually(there, 20*time.Second).Should(Succeed())
	})
})
