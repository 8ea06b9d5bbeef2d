package controllers

import (
	"context"
	"crypto/rand"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"countersign.dev/api/v1alpha1"
)

// The watches, with a manager as the operator runs it. Here, and here alone, specs wait.
var _ = Describe("The operator's watches", Ordered, func() {
	const patience = 20 * time.Second
	var (
		w          *world
		cache      client.Reader
		leftBehind *corev1.Secret
	)

	BeforeAll(func() {
		w = newWorld()
		leftBehind = w.leftBehind("kpi", "1.0.0")
		scheme, err := Scheme()
		Expect(err).NotTo(HaveOccurred())
		mgr, err := ctrl.NewManager(config, ctrl.Options{
			Scheme: scheme, Cache: CacheOptions(), Metrics: server.Options{BindAddress: "0"},
		})
		Expect(err).NotTo(HaveOccurred())
		ctx, stop := context.WithCancel(context.Background())
		Expect(Setup(ctx, mgr, Deps{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: clock.RealClock{}, Rand: rand.Reader,
			Issuer: issuer, Events: mgr.GetEventRecorder("countersign-operator"),
		})).To(Succeed())
		done := make(chan error)
		go func() { done <- mgr.Start(ctx) }()
		DeferCleanup(func() {
			stop()
			err := <-done
			Expect(err).NotTo(HaveOccurred())
		})
		Expect(mgr.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
		cache = mgr.GetClient()
	})

	It("find at the start what an application left behind that was deleted while the operator was down", func() {
		Eventually(func() bool {
			return apierrors.IsNotFound(platform.Get(w.ctx, client.ObjectKeyFromObject(leftBehind), leftBehind))
		}, patience).Should(BeTrue())
	})

	It("tell an application that is registered before its tenant", func() {
		host := &v1alpha1.Tenant{}
		host.Name, host.Spec.Namespace = w.name("host"), w.name("host")
		w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: host.Name}})
		app := w.application(host)
		appReady := w.reasons(app, v1alpha1.ConditionReady)
		Eventually(appReady, patience).Should(Equal("TenantNotHosting"))
		host.Spec.Hosting = &v1alpha1.Hosting{Stage: v1alpha1.HostingDevelopment, Levels: []string{w.name("limited")}}
		w.create(host)
		Eventually(appReady, patience).Should(Equal("ResourceServerNotFound"))
	})

	It("follow the whole life of an application", func() {
		host, user := w.tenant("producer", v1alpha1.HostingProduction, w.name("limited")), w.tenant("consumer", "")
		app := w.application(host, user)
		appReady := w.reasons(app, v1alpha1.ConditionReady)
		Eventually(appReady, patience).Should(Equal("ResourceServerNotFound"))

		By("bringing the ResourceServer, and then the AccessLevel")
		w.create(&v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")},
			Spec: v1alpha1.ResourceServerSpec{
				Audience: "https://" + w.name("iot") + ".example.com", Scopes: []v1alpha1.Scope{"assets:read"},
			},
		})
		Eventually(appReady, patience).Should(Equal("AccessLevelNotFound"))
		level := &v1alpha1.AccessLevel{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")},
			Spec:       v1alpha1.AccessLevelSpec{Scopes: []v1alpha1.Scope{"assets:read"}},
		}
		w.create(level)
		Eventually(appReady, patience).Should(Equal("Ready"))

		By("granting, and changing each thing that the grant rests on")
		grant := w.grant(user, host, app.Name, app.UID)
		effective := w.reasons(grant, v1alpha1.ConditionEffective)
		Eventually(effective, patience).Should(Equal("Granted"))
		edit(w, level, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = []v1alpha1.Scope{"assets:write"} })
		Eventually(effective, patience).Should(Equal("NothingInCommon"))
		edit(w, level, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = []v1alpha1.Scope{"assets:read"} })
		Eventually(effective, patience).Should(Equal("Granted"))
		edit(w, host, func(t *v1alpha1.Tenant) { t.Spec.Hosting.Stage = v1alpha1.HostingDevelopment })
		Eventually(effective, patience).Should(Equal("DevelopmentStage"))
		edit(w, host, func(t *v1alpha1.Tenant) { t.Spec.Hosting.Stage = v1alpha1.HostingProduction })
		edit(w, user, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
		Eventually(effective, patience).Should(Equal("TenantSuspended"))
		edit(w, user, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateActive })
		Eventually(effective, patience).Should(Equal("Granted"))

		By("deleting the Secret, and editing it")
		secret := func() string { return secretOf(w, app) }
		before := secret()
		object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name + ".1.0.0"}}
		Expect(platform.Delete(w.ctx, object)).To(Succeed())
		Eventually(secret, patience).ShouldNot(Or(BeEmpty(), Equal(before)))
		repaired := secret()
		edit(w, object, func(s *corev1.Secret) { s.Data["CLIENT_SECRET"] = []byte("hunter2") })
		Eventually(secret, patience).ShouldNot(Or(Equal("hunter2"), Equal(repaired)))

		By("deleting the application")
		Expect(platform.Delete(w.ctx, app)).To(Succeed())
		Eventually(secret, patience).Should(BeEmpty())
		Eventually(effective, patience).Should(Equal("NotOffered"))
	})

	It("see no Secret but Countersign's own", func() {
		w.create(foreignSecret(w.name("consumer"), "theirs"))
		own := &corev1.Secret{Type: v1alpha1.SecretTypeCredentials}
		own.Namespace, own.Name = w.name("consumer"), "of-the-type"
		w.create(own)
		Eventually(func() error { return cache.Get(w.ctx, client.ObjectKeyFromObject(own), own) }, patience).Should(Succeed())
		theirs := foreignSecret(w.name("consumer"), "theirs")
		Expect(apierrors.IsNotFound(cache.Get(w.ctx, client.ObjectKeyFromObject(theirs), theirs))).To(BeTrue())
	})

	It("tell both ends of a transfer of each half, and of the tenant of either; and all who stand in its circle", func() {
		one, two := w.tenant("maker", v1alpha1.HostingProduction, w.name("limited")), w.tenant("runner", v1alpha1.HostingProduction, w.name("limited"))
		apps := []*v1alpha1.Application{w.application(one), w.application(two)}
		third := &v1alpha1.Application{Spec: apps[1].Spec}
		third.Namespace, third.Name = two.Spec.Namespace, "third"
		w.create(third)
		apps = append(apps, third)
		to := func(app *v1alpha1.Application) func() string { return w.reasons(app, v1alpha1.ConditionTransferredTo) }
		from := func(app *v1alpha1.Application) func() string {
			return w.reasons(app, v1alpha1.ConditionTransferredFrom)
		}
		peer := func(app *v1alpha1.Application) *v1alpha1.ApplicationPeer {
			return &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(app.Namespace), Application: app.Name}
		}

		By("writing one half, and then the other")
		edit(w, apps[0], func(a *v1alpha1.Application) { a.Spec.TransferTo = peer(apps[1]) })
		Eventually(to(apps[0]), patience).Should(Equal("TransferPending"))
		edit(w, apps[1], func(a *v1alpha1.Application) { a.Spec.TransferFrom = peer(apps[0]) })
		Eventually(to(apps[0]), patience).Should(Equal("HandedOver"))
		Eventually(from(apps[1]), patience).Should(Equal("TakenOver"))
		Eventually(func() string { return secretOf(w, apps[0]) }, patience).Should(BeEmpty())

		By("taking away the tenant that hosts one end, and bringing it back")
		Expect(platform.Delete(w.ctx, one)).To(Succeed())
		Eventually(from(apps[1]), patience).Should(Equal("TransferPending"))
		one.ResourceVersion, one.UID = "", ""
		w.create(one)
		Eventually(from(apps[1]), patience).Should(Equal("TakenOver"))

		By("closing a circle, and breaking it by a deletion")
		edit(w, apps[1], func(a *v1alpha1.Application) { a.Spec.TransferTo = peer(third) })
		edit(w, third, func(a *v1alpha1.Application) { a.Spec.TransferFrom, a.Spec.TransferTo = peer(apps[1]), peer(apps[0]) })
		edit(w, apps[0], func(a *v1alpha1.Application) { a.Spec.TransferFrom = peer(third) })
		for _, app := range apps {
			Eventually(to(app), patience).Should(Equal("TransferCircular"))
		}
		Expect(platform.Delete(w.ctx, third)).To(Succeed())
		Eventually(to(apps[0]), patience).Should(Equal("HandedOver"))
		Eventually(to(apps[1]), patience).Should(Equal("TransferPending"))
	})

	It("tell a tenant when its namespace comes, and when it goes", func() {
		tenant := &v1alpha1.Tenant{}
		tenant.Name, tenant.Spec.Namespace = w.name("early"), w.name("early")
		w.create(tenant)
		ready := w.reasons(tenant, v1alpha1.ConditionReady)
		Eventually(ready, patience).Should(Equal("NamespaceNotFound"))
		w.create(namespaceOf(tenant))
		Eventually(ready, patience).Should(Equal("Ready"))
		Expect(platform.Delete(w.ctx, namespaceOf(tenant))).To(Succeed())
		Eventually(ready, patience).Should(Equal("NamespaceTerminating"))
	})

	It("tell both sides of a conflict, and the one that is left when it ends", func() {
		first := w.tenant("one", "")
		second := &v1alpha1.Tenant{}
		second.Name, second.Spec.Namespace = w.name("two"), first.Spec.Namespace
		firstReady := w.reasons(first, v1alpha1.ConditionReady)
		Eventually(firstReady, patience).Should(Equal("Ready"))
		w.create(second)
		Eventually(firstReady, patience).Should(Equal("NamespaceConflict"))
		Expect(platform.Delete(w.ctx, second)).To(Succeed())
		Eventually(firstReady, patience).Should(Equal("Ready"))
	})
})

// reasons returns the condition's reason as it is now, for who waits for another.
func (w *world) reasons(object client.Object, kind v1alpha1.ConditionType) func() string {
	return func() string {
		if err := platform.Get(w.ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err.Error()
		}
		if condition := meta.FindStatusCondition(conditionsOf(object), string(kind)); condition != nil {
			return condition.Reason
		}
		return ""
	}
}

// leftBehind creates a Secret as that of a version whose Application is gone. No garbage collector runs here.
func (w *world) leftBehind(application, version string) *corev1.Secret {
	GinkgoHelper()
	const gone = "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.suffix, Name: application + "." + version,
			Annotations: map[string]string{
				v1alpha1.AnnotationApplication: application, v1alpha1.AnnotationApplicationUID: gone,
				v1alpha1.AnnotationVersion: version,
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "Application", Name: application, UID: gone,
			}},
		},
		Type: v1alpha1.SecretTypeCredentials,
	}
	w.create(secret)
	return secret
}
