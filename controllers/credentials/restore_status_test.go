package credentials

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

func (w *world) loseStatus() {
	w.Helper()
	app := w.app()
	app.Status = v1alpha1.ApplicationStatus{}
	w.must(w.platform.Status().Update(w.ctx, app))
}

var _ = Describe("A status that is lost", func() {
	It("is rebuilt from the Secret under the same credential id, whatever its previous secrets were: they are refused", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		older := w.text("1.0.0")
		w.annotate(v1alpha1.AnnotationRotate, "friday")
		w.settle()
		secret, was := w.secret("1.0.0"), w.entry("1.0.0")
		w.loseStatus()
		w.settle()
		Expect(w.secret("1.0.0")).To(Equal(secret))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.entry("1.0.0").Verifiers[0].ID).To(Equal(was.Verifiers[0].ID))
		Expect(w.entry("1.0.0").ClientID).To(Equal(was.ClientID))
		Expect(w.entry("1.0.0").NextRotationTime).To(Equal(was.NextRotationTime))
		Expect(w.accepts("1.0.0", textOf(secret))).To(BeTrue())
		Expect(w.accepts("1.0.0", older)).To(BeFalse())
		Expect(w.told(eventRebuilt)).To(HaveLen(1))
	})

	It("brings nothing back that was revoked, from the Secret as it is or from an older one that somebody puts there", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		leaked, from := w.text("1.0.0"), w.backup()
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		w.settle()
		fresh := w.text("1.0.0")
		w.loseStatus()
		w.settle()
		Expect(w.accepts("1.0.0", leaked)).To(BeFalse())
		Expect(w.accepts("1.0.0", fresh)).To(BeTrue(), "the Secret says that the word was acted on")
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))

		By("losing it again, with the Secret of before the incident put back")
		w.must(w.platform.Delete(w.ctx, w.secret("1.0.0")))
		w.restoreSecrets(from)
		w.loseStatus()
		w.settle()
		Expect(w.accepts("1.0.0", leaked)).To(BeFalse())
		Expect(w.text("1.0.0")).NotTo(Equal(leaked))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.entry("1.0.0").RotatedAndRevoked).To(Equal("incident-17"))

		By("an older status coming back with that Secret, as long as the annotation stays")
		w.must(w.platform.Delete(w.ctx, w.secret("1.0.0")))
		w.restoreSecrets(from)
		w.restoreStatus(from)
		w.settle()
		Expect(w.accepts("1.0.0", leaked)).To(BeFalse())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})

	It("believes no Secret of a former name either that is older than a revocation", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		leaked := w.text("1.0.0")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		w.name("chosen")
		w.loseStatus()
		w.settle()
		Expect(w.accepts("1.0.0", leaked)).To(BeFalse())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())

		By("the chosen name being somebody else's")
		other := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		other.settle()
		leaked = other.text("1.0.0")
		other.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		other.must(other.platform.Create(other.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: other.namespace, Name: "chosen"}}))
		other.name("chosen")
		other.loseStatus()
		other.settle()
		Expect(other.accepts("1.0.0", leaked)).To(BeFalse())
	})

	It("brings a new credential where the Secret is lost, too, and only notes what annotations ask for", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.annotate(v1alpha1.AnnotationRotate, "friday")
		w.settle()
		old, id := w.text("1.0.0"), w.entry("1.0.0").ClientID
		w.annotate(v1alpha1.AnnotationRotate, "monday")
		w.must(w.platform.Delete(w.ctx, w.secret("1.0.0")))
		w.loseStatus()
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.entry("1.0.0").Rotated).To(Equal("monday"))
		Expect(w.entry("1.0.0").ClientID).To(Equal(id), "it is the same application")
	})

	It("comes back with a snapshot of all, Secrets included: all goes on, and what was rotated or revoked since is not known", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		first, from := w.text("1.0.0"), w.backup()
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		w.settle()
		second := w.text("1.0.0")
		app := w.app()
		app.Annotations = from.app.Annotations
		w.must(w.platform.Update(w.ctx, app))
		w.restoreStatus(from)
		w.tamper(func(s *corev1.Secret) { s.Data, s.Annotations = from.secrets[0].Data, from.secrets[0].Annotations })
		writes := len(w.writes)
		w.settle()
		Expect(w.writes).To(HaveLen(writes))
		Expect(w.text("1.0.0")).To(Equal(first))
		Expect(w.accepts("1.0.0", first)).To(BeTrue())
		Expect(w.accepts("1.0.0", second)).To(BeFalse(), "pods that have it are to be restarted")

		By("revoking what has leaked once more, by the same word")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		w.settle()
		Expect(w.accepts("1.0.0", first)).To(BeFalse())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})

	It("that is older than the Secret ends what only the Secret knows: pods that have it are to be restarted", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		first, from := w.text("1.0.0"), w.backup()
		w.annotate(v1alpha1.AnnotationRotate, "friday")
		w.settle()
		second := w.text("1.0.0")
		app := w.app()
		delete(app.Annotations, v1alpha1.AnnotationRotate)
		w.must(w.platform.Update(w.ctx, app))
		w.restoreStatus(from)
		w.settle()
		Expect(w.accepts("1.0.0", second)).To(BeFalse(), "what status does not know could be anybody's")
		Expect(w.accepts("1.0.0", first)).To(BeTrue(), "pods that were not restarted go on")
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.text("1.0.0")).NotTo(Or(Equal(first), Equal(second)))
	})
})

var _ = Describe("A status that is lost after a manifest was rolled back to a former word of rotate-and-revoke", func() {
	It("is rebuilt: the Secret says that it is of after that, too; and no word is acted on again", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		for _, word := range []string{"one", "two", "one"} {
			w.annotate(v1alpha1.AnnotationRotateAndRevoke, word)
			w.settle()
		}
		pod := w.text("1.0.0")
		w.loseStatus()
		w.settle()
		Expect(w.accepts("1.0.0", pod)).To(BeTrue())
		Expect(w.entry("1.0.0").RotatedAndRevoked).To(Equal("two"))
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "two")
		w.settle()
		Expect(w.text("1.0.0")).To(Equal(pod))
	})
})
