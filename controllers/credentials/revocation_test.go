package credentials

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

var handedOver = Standing{
	Host: "operator-co", Revoked: &Revocation{Reason: "HandedOver", Message: "it was handed over to operator-co/kpi"},
}

var _ = Describe("An application whose credentials are revoked", func() {
	It("loses them in status before its Secrets go, says why, and gets others when that is over", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"), registered("2.0.0"))
		w.settle()
		old, first := w.text("1.0.0"), len(w.writes)
		w.standing = handedOver
		w.settle()
		Expect(w.writes[first:]).To(Equal([]string{"status", "delete secret", "delete secret", "status"}))
		for _, version := range []string{"1.0.0", "1.1.0"} {
			Expect(w.secret(version)).To(BeNil())
			Expect(w.entry(version).Verifiers).To(BeEmpty())
			Expect(w.entry(version).SecretName).To(BeEmpty())
			Expect(w.entry(version).RevocationTime.Time).To(BeTemporally("==", noon))
			Expect(w.ready(version).Reason).To(Equal("HandedOver"))
			Expect(w.ready(version).Message).To(Equal(handedOver.Revoked.Message))
		}
		Expect(w.told(eventRevoked)).To(HaveLen(2))
		w.annotate(v1alpha1.AnnotationRotate, "x")
		Expect(w.settle()).To(BeZero())
		Expect(w.secret("1.0.0")).To(BeNil())

		w.standing.Revoked = nil
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
	})

	It("gets none of the old ones back, whatever write a crash comes before or after, and whoever changes his mind then", func() {
		for write := range 3 {
			for _, done := range []bool{false, true} {
				for _, minds := range []bool{false, true} {
					w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
					w.settle()
					old := w.text("1.0.0")
					w.standing = handedOver
					w.crashAt(write, done)
					_, err := w.reconcile()
					Expect(err).To(MatchError(errCrash))
					refused := !w.accepts("1.0.0", old)
					Expect(refused || w.secret("1.0.0") != nil).To(BeTrue(), "the verifier goes first")
					w.heal()
					if minds {
						w.standing.Revoked = nil
					}
					w.settle()
					if minds && refused {
						Expect(w.text("1.0.0")).NotTo(Equal(old))
					}
					w.standing = handedOver
					w.settle()
					w.standing.Revoked = nil
					w.settle()
					Expect(w.accepts("1.0.0", old)).To(BeFalse(), "write %d, done %v, minds %v", write, done, minds)
				}
			}
		}
	})

	It("gets none back from a Secret that lingers, or that somebody puts back", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		lingering, copied := w.secret("1.0.0"), w.secret("1.1.0")
		lingering.Finalizers = []string{"example.com/hold"}
		w.must(platform.Update(w.ctx, lingering))
		w.standing = handedOver
		w.settle()
		Expect(w.secret("1.0.0").DeletionTimestamp).NotTo(BeNil())
		Expect(w.accepts("1.0.0", textOf(lingering))).To(BeFalse())
		w.standing.Revoked = nil
		copied.ResourceVersion, copied.UID = "", ""
		w.must(platform.Create(w.ctx, copied))
		w.settle()
		Expect(w.accepts("1.0.0", textOf(lingering))).To(BeFalse())
		Expect(w.accepts("1.1.0", textOf(copied))).To(BeFalse())
		Expect(w.accepts("1.1.0", w.text("1.1.0"))).To(BeTrue())
		held := w.secret("1.0.0")
		held.Finalizers = nil
		w.must(platform.Update(w.ctx, held))
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.accepts("1.0.0", textOf(lingering))).To(BeFalse())
	})

	It("keeps them where the caller judged a state that is over", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		stale := w.app()
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.DisplayName = "Taken back" })
		phase := New(Deps{Client: w.client(), Live: platform, Clock: w.clock, Issuer: issuer, Events: w.events})
		_, err := phase.Reconcile(w.ctx, stale, handedOver)
		Expect(apierrors.IsConflict(err)).To(BeTrue())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})
})

var _ = Describe("A version whose access is taken away", func() {
	It("gets no old credential back from a Secret that lingers", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		secret := w.secret("1.0.0")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Access = nil })
		w.crashAt(0, true)
		_, err := w.reconcile()
		Expect(err).To(MatchError(errCrash))
		Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())
		Expect(w.secret("1.0.0")).NotTo(BeNil())
		w.heal()
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0] = granted("1.0.0") })
		w.settle()
		Expect(w.accepts("1.0.0", textOf(secret))).To(BeFalse())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})
})
