package credentials

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("An operator whose clock is wrong", func() {
	deleteSecret := func(w *world) { w.must(w.platform.Delete(w.ctx, w.secret("1.0.0"))) }

	It("takes no secret away before its end, though it is an hour ahead", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Overlap = &metav1.Duration{Duration: 30 * time.Minute}
		})
		w.settle()
		old := w.text("1.0.0")
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()

		w.pass(time.Hour)
		w.settle()
		w.annotate(v1alpha1.AnnotationRotate, "y") // a rotation leaves it, too
		w.settle()
		w.pass(-time.Hour)
		Expect(w.accepts("1.0.0", old)).To(BeTrue(), "the token server's clock is right")
	})

	It("repairs a Secret at once, though its credential was issued an hour from now, and says nothing of a contest", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		for range promptRepairs {
			deleteSecret(w)
			w.settle()
		}
		w.pass(-time.Hour)
		deleteSecret(w)
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonReady))
	})

	It("puts a Secret right at once that was put right an hour from now", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.mends = newMends()
		w.settle()
		change := func() {
			secret := w.secret("1.0.0")
			secret.Data["EXTRA"] = []byte("x")
			w.must(w.platform.Update(w.ctx, secret))
			w.settle()
		}
		for range promptMends + 2 {
			change()
		}
		Expect(w.secret("1.0.0").Data).To(HaveKey("EXTRA"))
		w.pass(-time.Hour)
		change()
		Expect(w.secret("1.0.0").Data).NotTo(HaveKey("EXTRA"))
	})
})
