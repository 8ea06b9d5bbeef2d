package credentials

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// name chooses the names of the versions' Secrets, in spec's order; "" is the default.
func (w *world) name(names ...string) {
	w.Helper()
	w.edit(func(s *v1alpha1.ApplicationSpec) {
		for i := range s.Versions {
			s.Versions[i].SecretName = names[i]
		}
	})
}

var _ = Describe("A Secret whose name is chosen", func() {
	It("has that name from the start, and says so on itself", func() {
		version := granted("1.0.0")
		version.SecretName = "chosen"
		w := newWorld(GinkgoT(), version)
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.secretNamed("chosen").Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationSecretName, "chosen"))
		Expect(w.secretNamed("kpi-dashboard.1.0.0")).To(BeNil())
		Expect(w.entry("1.0.0").SecretName).To(Equal("chosen"))
	})

	It("gets a new credential with a new name, and the former Secret goes and stays valid for the overlap", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		former := w.text("1.0.0")
		w.name("chosen")
		w.settle()
		Expect(w.secretNamed("kpi-dashboard.1.0.0")).To(BeNil())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.text("1.0.0")).NotTo(Equal(former))
		Expect(w.accepts("1.0.0", former)).To(BeTrue())
		Expect(w.entry("1.0.0").Verifiers[0].Cause).To(Equal(v1alpha1.CauseMove))
		Expect(w.told(eventMoved)).To(HaveLen(1))
		w.pass(overlap)
		Expect(w.accepts("1.0.0", former)).To(BeFalse())
	})

	It("is no repair, however often somebody changes his mind; but nothing valid is dropped for it", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		texts := []string{w.text("1.0.0")}
		for i := range maxVerifiers - 1 {
			w.name(fmt.Sprintf("chosen-%d", i))
			w.settle()
			Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
			texts = append(texts, w.text("1.0.0"))
		}
		w.name("once-too-often")
		Expect(w.settle()).To(Equal(overlap))
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonCredentialsPending))
		Expect(w.entry("1.0.0").SecretName).To(Equal("chosen-6"))
		Expect(w.secretNamed("chosen-6")).NotTo(BeNil())
		for _, text := range texts {
			Expect(w.accepts("1.0.0", text)).To(BeTrue())
		}
		w.pass(overlap + skew)
		w.settle()
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.secretNamed("chosen-6")).To(BeNil())
	})

	It("swaps names with another version: a conflict for a moment, and nothing is lost", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.name("one", "other")
		w.settle()
		one, other := w.text("1.0.0"), w.text("1.1.0")
		for range promptRepairs + 1 {
			w.name("other", "one")
			_, err := w.reconcile()
			Expect(err).NotTo(HaveOccurred())
			Expect(w.ready("1.0.0").Message).To(Equal("Secret other is version 1.1.0's, which has to give it up first"))
			Expect(w.entry("1.0.0").SecretName).To(BeEmpty())
			w.settle()
			w.name("one", "other")
			w.settle()
			Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
			Expect(w.ready("1.1.0").Status).To(Equal(metav1.ConditionTrue))
		}
		for version, former := range map[string]string{"1.0.0": one, "1.1.0": other} {
			Expect(w.accepts(version, w.text(version))).To(BeTrue())
			Expect(w.accepts(version, former)).To(BeTrue())
		}
	})

	It("stays under its former name while somebody else's has the new one, which is not touched", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "chosen"}}
		Expect(platform.Create(w.ctx, theirs)).To(Succeed())
		w.name("chosen")
		Expect(w.settle()).To(Equal(conflictRetry))
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
		Expect(w.entry("1.0.0").SecretName).To(Equal("kpi-dashboard.1.0.0"))
		Expect(w.accepts("1.0.0", textOf(w.secretNamed("kpi-dashboard.1.0.0")))).To(BeTrue())

		By("losing the status")
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		Expect(platform.Status().Update(w.ctx, app)).To(Succeed())
		w.settle()
		Expect(w.accepts("1.0.0", textOf(w.secretNamed("kpi-dashboard.1.0.0")))).To(BeTrue())
		Expect(w.secretNamed("chosen")).To(Equal(theirs))

		By("the other going away")
		Expect(platform.Delete(w.ctx, theirs)).To(Succeed())
		w.settle()
		Expect(w.secretNamed("kpi-dashboard.1.0.0")).To(BeNil())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(2))
	})

	It("goes under its former name where what is in it was revoked, though the new one is taken", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		Expect(platform.Create(w.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "chosen"}})).To(Succeed())
		w.name("chosen")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "now")
		w.settle()
		Expect(w.secretNamed("kpi-dashboard.1.0.0")).To(BeNil())
		Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())
		Expect(w.entry("1.0.0").SecretName).To(BeEmpty())
	})

	It("is removed under each of its names with its version, whatever crash came before", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		w.name("chosen")
		w.crashAt(1, true)
		_, err := w.reconcile()
		Expect(err).To(MatchError(errCrash))
		w.heal()
		Expect(w.secretNamed("chosen")).NotTo(BeNil())
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = nil })
		w.settle()
		Expect(w.secretNamed("chosen")).To(BeNil())
		Expect(w.secretNamed("kpi-dashboard.1.0.0")).To(BeNil())
	})

	It("is not a copy that says the same under another name", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		original := w.secret("1.0.0")
		backup := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "chosen", Annotations: original.Annotations},
			Type:       original.Type, Data: original.Data,
		}
		Expect(platform.Create(w.ctx, backup)).To(Succeed())
		w.name("chosen")
		w.settle()
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
		Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(backup), backup)).To(Succeed())
		Expect(w.secret("1.0.0").ResourceVersion).To(Equal(backup.ResourceVersion))
	})
})
