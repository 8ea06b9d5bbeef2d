package signingkeys

import (
	"context"
	"crypto/rand"
	"strings"
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
	DeferCleanup(control.Stop) // also where it starts and then refuses the kinds
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	config = started
	Expect(corev1.AddToScheme(scheme)).To(Succeed())
	platform, err = client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

func newReconciler() (*Reconciler, *events.FakeRecorder) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keys-"}}
	Expect(platform.Create(context.Background(), namespace)).To(Succeed())
	recorder := events.NewFakeRecorder(1000)
	return New(Deps{
		Client: platform, Live: platform, Namespace: namespace.Name, Clock: clocktesting.NewFakePassiveClock(noon),
		Schedule: DefaultSchedule(), Algorithm: keyset.ES256, Rand: rand.Reader, Events: recorder,
	}), recorder
}

// reconcileOnce returns the Secret after it, and when the reconciler wants to look again.
func reconcileOnce(r *Reconciler) (*corev1.Secret, time.Duration) {
	GinkgoHelper()
	result, err := r.Reconcile(context.Background(), reconcile.Request{NamespacedName: r.Key()})
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{}
	Expect(platform.Get(context.Background(), r.Key(), secret)).To(Succeed())
	return secret, result.RequeueAfter
}

// settled reconciles until nothing changes any more.
func settled(r *Reconciler) *corev1.Secret {
	GinkgoHelper()
	before, _ := reconcileOnce(r)
	for range 10 {
		after, _ := reconcileOnce(r)
		if after.ResourceVersion == before.ResourceVersion {
			return after
		}
		before = after
	}
	Fail("the Secret does not settle")
	return nil
}

func setIn(secret *corev1.Secret, file string) keyset.Set {
	GinkgoHelper()
	set, err := keyset.Parse(secret.Data[file])
	Expect(err).NotTo(HaveOccurred())
	return set
}

func annotate(secret *corev1.Secret, name, value string) {
	GinkgoHelper()
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[name] = value
	Expect(platform.Update(context.Background(), secret)).To(Succeed())
}

// told returns the events since the last time.
func told(recorder *events.FakeRecorder) string {
	var notes []string
	for len(recorder.Events) > 0 {
		notes = append(notes, <-recorder.Events)
	}
	return strings.Join(notes, "\n")
}

// overtaken is a reader after whose answer somebody else is faster.
type overtaken struct {
	client.Reader
	overtake func()
}

func (o overtaken) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := o.Reader.Get(ctx, key, object, options...)
	o.overtake()
	return err
}

var _ = Describe("The signing keys", func() {
	It("are created: a set for each face, of its algorithm, and no key in both", func() {
		r, _ := newReconciler()
		secret := settled(r)
		Expect(secret.Type).To(BeEquivalentTo(v1alpha1.SecretTypeSigningKeys))
		Expect(secret.Data).To(HaveLen(2))
		ids := map[string]bool{}
		for file, algorithm := range map[string]keyset.Algorithm{
			keyset.StandardFile: keyset.ES256, keyset.InsightsHubFile: keyset.RS256,
		} {
			set := setIn(secret, file)
			key, found := set.SigningKey(noon)
			Expect(found).To(BeTrue())
			Expect(key.Algorithm).To(Equal(algorithm))
			Expect(set.MaxAge()).To(Equal(r.Schedule.MaxAge), "token servers tell verifiers what the schedule is made with")
			for _, key := range set.Keys {
				ids[key.ID] = true
			}
		}
		Expect(ids).To(HaveLen(4), "one that signs and one that comes next, for each face")
	})

	It("stay the same through a hundred restarts", func() {
		r, _ := newReconciler()
		first := settled(r)
		for range 100 {
			r = New(r.Deps)
			secret, _ := reconcileOnce(r)
			Expect(secret).To(Equal(first))
		}
	})

	It("are completed where one set is missing, and the other is left alone", func() {
		r, _ := newReconciler()
		secret := settled(r)
		standard := secret.Data[keyset.StandardFile]
		delete(secret.Data, keyset.InsightsHubFile)
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		secret, _ = reconcileOnce(r)
		Expect(secret.Data[keyset.StandardFile]).To(Equal(standard))
		Expect(secret.Data).To(HaveKey(keyset.InsightsHubFile))
	})

	It("are never overwritten where they cannot be read, and somebody is told", func() {
		r, recorder := newReconciler()
		secret := settled(r)
		secret.Data[keyset.StandardFile] = []byte("{")
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		told(recorder)
		secret, _ = reconcileOnce(r)
		Expect(secret.Data[keyset.StandardFile]).To(Equal([]byte("{")))
		Expect(told(recorder)).To(ContainSubstring(string(reasonBroken)))
	})

	It("are left alone where one stands in both sets, and somebody is told which", func() {
		r, recorder := newReconciler()
		r.Algorithm = keyset.RS256
		secret := settled(r)
		secret.Data[keyset.StandardFile] = secret.Data[keyset.InsightsHubFile]
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		told(recorder)
		after, _ := reconcileOnce(r)
		Expect(after.ResourceVersion).To(Equal(secret.ResourceVersion))
		Expect(told(recorder)).To(And(
			ContainSubstring(string(reasonBroken)), ContainSubstring(setIn(secret, keyset.StandardFile).Keys[0].ID)))
	})

	It("are looked at again when the next of their times comes, or in twelve hours", func() {
		r, _ := newReconciler()
		_, after := reconcileOnce(r)
		Expect(after).To(Equal(lookAgain), "to see what was written")
		settled(r)
		_, after = reconcileOnce(r)
		Expect(after).To(Equal(r.Schedule.Delivery))
		clock := clocktesting.NewFakePassiveClock(noon.Add(time.Hour))
		r.Clock = clock
		_, after = reconcileOnce(r)
		Expect(after).To(Equal(maxPause))
		signing, _ := setIn(settled(r), keyset.StandardFile).SigningKey(clock.Now())
		clock.SetTime(signing.SignUntil.Add(-time.Minute))
		_, after = reconcileOnce(r)
		Expect(after).To(Equal(time.Minute))
	})

	It("rotate on demand, both faces' once for each word, and say so on the Secret", func() {
		r, recorder := newReconciler()
		secret := settled(r)
		before := setIn(secret, keyset.StandardFile)
		r.Clock = clocktesting.NewFakePassiveClock(noon.Add(24 * time.Hour))
		annotate(secret, v1alpha1.AnnotationRotate, "2030-06-02")
		told(recorder)
		secret = settled(r)
		Expect(secret.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationRotated, "2030-06-02"))
		for _, file := range []string{keyset.StandardFile, keyset.InsightsHubFile} {
			key, _ := setIn(secret, file).SigningKey(r.Clock.Now())
			Expect(key.SignUntil).To(Equal(noon.Add(24*time.Hour+r.Schedule.Delivery+r.Schedule.MaxAge)), file)
		}
		Expect(told(recorder)).To(ContainSubstring(string(reasonScheduled)))

		r.Clock = clocktesting.NewFakePassiveClock(noon.Add(48 * time.Hour))
		secret = settled(r)
		after := setIn(secret, keyset.StandardFile)
		key, _ := after.SigningKey(r.Clock.Now())
		Expect(key.ID).To(Equal(before.Keys[0].ID), "the key that came next signs")
		Expect(key.SignUntil).To(Equal(key.SignFrom.Add(r.Schedule.Rotation)), "and the word counts once")
	})

	It("leave the Secret at once where an annotation names them, and stay away", func() {
		r, recorder := newReconciler()
		secret := settled(r)
		leaked, _ := setIn(secret, keyset.StandardFile).SigningKey(noon)
		next := setIn(secret, keyset.StandardFile).Keys[0]
		backup := secret.DeepCopy()
		told(recorder)
		annotate(secret, v1alpha1.AnnotationRemoveKey, leaked.ID+", no-such-key")
		secret, _ = reconcileOnce(r)
		key, _ := setIn(secret, keyset.StandardFile).SigningKey(noon)
		Expect(key.ID).To(Equal(next.ID), "the key that verifiers know already")
		Expect(secret.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationRemovedKey, leaked.ID+", no-such-key"))
		notes := told(recorder)
		Expect(notes).To(And(ContainSubstring(string(reasonRemovedEarly)), ContainSubstring(leaked.ID)))
		Expect(notes).To(And(ContainSubstring(string(reasonNotFound)), ContainSubstring("no-such-key")))
		settled(r)
		Expect(told(recorder)).NotTo(ContainSubstring(string(reasonNotFound)), "it is said once")

		Expect(platform.Get(context.Background(), r.Key(), secret)).To(Succeed())
		secret.Data = backup.Data
		Expect(platform.Update(context.Background(), secret)).To(Succeed())
		Expect(string(settled(r).Data[keyset.StandardFile])).NotTo(ContainSubstring(leaked.ID), "also out of a backup")
	})

	It("do not follow a word that is none", func() {
		r, recorder := newReconciler()
		secret := settled(r)
		annotate(secret, v1alpha1.AnnotationRotate, strings.Repeat("x", maxWord+1))
		after := settled(r)
		Expect(after.Data).To(Equal(secret.Data))
		Expect(told(recorder)).To(ContainSubstring("longer than"))
	})

	It("are not changed by an operator that was overtaken", func() {
		r, _ := newReconciler()
		settled(r)
		other := New(r.Deps)
		other.Clock = clocktesting.NewFakePassiveClock(noon.Add(r.Schedule.Rotation))
		r.Clock = other.Clock
		r.Live = overtaken{platform, func() { settled(other) }}
		_, err := r.Reconcile(context.Background(), reconcile.Request{NamespacedName: r.Key()})
		Expect(err).NotTo(HaveOccurred())
		r.Live = platform
		first := settled(other)
		Expect(settled(r)).To(Equal(first))
		Expect(setIn(first, keyset.StandardFile).Keys).To(HaveLen(3), "one successor was made, not two")
	})

	It("do not take the place of somebody else's Secret of the name", func() {
		r, recorder := newReconciler()
		theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: SecretName}}
		theirs.Data = map[string][]byte{"a": []byte("b")}
		Expect(platform.Create(context.Background(), theirs)).To(Succeed())
		secret, _ := reconcileOnce(r)
		Expect(secret.Data).To(Equal(theirs.Data))
		Expect(told(recorder)).To(ContainSubstring("somebody else's"))
	})

	It("are there soon after the operator starts, and again when somebody deletes them", func() {
		r, _ := newReconciler()
		mgr, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: server.Options{BindAddress: "0"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(Setup(mgr, Deps{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: r.Namespace,
			Schedule: r.Schedule, Algorithm: r.Algorithm, Clock: clock.RealClock{}, Rand: rand.Reader, Events: mgr.GetEventRecorder("countersign-operator"),
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
