package credentials

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("Removing credentials", func() {
	It("removes the Secret of a version that is taken out, and no other", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		other := w.secret("1.1.0")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = s.Versions[1:] })
		w.settle()
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.secret("1.1.0")).To(Equal(other))
		Expect(w.app().Status.Versions).To(HaveLen(1))
	})

	It("believes no Secret that is on its way, whoever's finalizer holds it, when its version comes back", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		held := w.secret("1.0.0")
		held.Finalizers = []string{"example.com/hold"}
		Expect(platform.Update(w.ctx, held)).To(Succeed())
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = nil })
		w.settle()
		Expect(w.secret("1.0.0")).NotTo(BeNil())
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = []v1alpha1.ApplicationVersion{granted("1.0.0")} })
		w.settle()
		Expect(w.accepts("1.0.0", textOf(held))).To(BeFalse())
		held = w.secret("1.0.0")
		held.Finalizers = nil
		Expect(platform.Update(w.ctx, held)).To(Succeed())
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})

	It("removes all Secrets of an Application that is deleted", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		Expect(platform.Delete(w.ctx, w.app())).To(Succeed())
		_, err := w.reconcile()
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.secret("1.1.0")).To(BeNil())
	})

	It("removes them at once when somebody's finalizer holds the deleted Application", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		app := w.app()
		app.Finalizers = []string{"example.com/hold"}
		Expect(platform.Update(w.ctx, app)).To(Succeed())
		Expect(platform.Delete(w.ctx, app)).To(Succeed())
		_, err := w.reconcile()
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secret("1.0.0")).To(BeNil())
		app = w.app()
		app.Finalizers = nil
		Expect(platform.Update(w.ctx, app)).To(Succeed())
	})

	It("gives an Application that is created again credentials of its own, and removes what the old one left", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("0.9"))
		w.settle()
		old, id := string(w.secret("1.0.0").Data[clientSecret]), w.entry("1.0.0").ClientID
		Expect(platform.Delete(w.ctx, w.app())).To(Succeed())
		w.register(granted("1.0.0"))
		w.settle()
		Expect(w.secret("0.9")).To(BeNil())
		Expect(string(w.secret("1.0.0").Data[clientSecret])).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		Expect(w.entry("1.0.0").ClientID).NotTo(Equal(id))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
	})

	It("does not believe a cache that still has the Application which was deleted", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		stale := w.app()
		Expect(platform.Delete(w.ctx, w.app())).To(Succeed())
		Expect(platform.Delete(w.ctx, w.secret("1.0.0"))).To(Succeed())
		phase := New(Deps{Client: w.client(), Live: platform, Clock: w.clock, Issuer: issuer, Events: w.events})
		_, err := phase.Reconcile(w.ctx, stale, w.standing)
		Expect(err).To(MatchError(ContainSubstring("deleted while")))
		Expect(w.secret("1.0.0")).To(BeNil())
	})
})

var _ = Describe("A Secret that is not Countersign's", func() {
	taken := func(uid types.UID) map[string]*corev1.Secret {
		annotations := map[string]string{
			v1alpha1.AnnotationApplication: "kpi-dashboard", v1alpha1.AnnotationVersion: "1.0.0",
			v1alpha1.AnnotationApplicationUID: string(uid),
		}
		foreign := map[string]string{
			v1alpha1.AnnotationApplication: "kpi-dashboard", v1alpha1.AnnotationVersion: "1.0.0",
			v1alpha1.AnnotationApplicationUID: "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001",
		}
		labels := map[string]string{v1alpha1.LabelApplication: "kpi-dashboard", v1alpha1.LabelVersion: "1.0.0"}
		return map[string]*corev1.Secret{
			"Opaque":                           {Type: corev1.SecretTypeOpaque},
			"Opaque with our labels":           {Type: corev1.SecretTypeOpaque, ObjectMeta: metav1.ObjectMeta{Labels: labels}},
			"Opaque with our annotations":      {Type: corev1.SecretTypeOpaque, ObjectMeta: metav1.ObjectMeta{Annotations: annotations}},
			"of our type without annotations":  {Type: v1alpha1.SecretTypeCredentials},
			"of our type with another's UID":   {Type: v1alpha1.SecretTypeCredentials, ObjectMeta: metav1.ObjectMeta{Annotations: foreign}},
			"of our type for another version":  {Type: v1alpha1.SecretTypeCredentials, ObjectMeta: metav1.ObjectMeta{Annotations: otherVersion(annotations)}},
			"of our type with our labels only": {Type: v1alpha1.SecretTypeCredentials, ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		}
	}

	for what := range taken("") {
		It("is never touched where it has the wanted name: "+what, func() {
			w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
			secret := taken(w.app().UID)[what]
			secret.Namespace, secret.Name = w.namespace, "kpi-dashboard.1.0.0"
			secret.Data = map[string][]byte{clientSecret: []byte("theirs")}
			Expect(platform.Create(w.ctx, secret)).To(Succeed())
			before := w.secret("1.0.0")

			after := w.settle()
			Expect(w.secret("1.0.0")).To(Equal(before))
			Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
			Expect(w.ready("1.0.0").Message).To(ContainSubstring("kpi-dashboard.1.0.0"))
			Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())
			Expect(w.entry("1.0.0").SecretName).To(BeEmpty(), "whoever mounts what status names would mount theirs")
			Expect(w.ready("1.1.0").Status).To(Equal(metav1.ConditionTrue), "the other version is not concerned")
			Expect(after).To(Equal(conflictRetry))

			By("taking the version out, and then the whole application")
			w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = s.Versions[1:] })
			w.settle()
			Expect(platform.Delete(w.ctx, w.app())).To(Succeed())
			_, err := w.reconcile()
			Expect(err).NotTo(HaveOccurred())
			Expect(w.secret("1.0.0")).To(Equal(before))
		})
	}

	It("gives way: the credentials are issued once it is gone", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "kpi-dashboard.1.0.0"}}
		Expect(platform.Create(w.ctx, secret)).To(Succeed())
		w.settle()
		Expect(platform.Delete(w.ctx, secret)).To(Succeed())
		w.settle()
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
	})

	It("is left alone where it is a copy under another name", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		original := w.secret("1.0.0")
		backup := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "backup", Annotations: original.Annotations},
			Type:       original.Type, Data: original.Data,
		}
		Expect(platform.Create(w.ctx, backup)).To(Succeed())
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = nil })
		w.settle()
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(backup), backup)).To(Succeed())
	})
})

func otherVersion(annotations map[string]string) map[string]string {
	return merged(annotations, map[string]string{v1alpha1.AnnotationVersion: "9.9.9"})
}
