package credentials

import (
	"crypto/rand"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// stated is a verifier as a self-hosted application brings it.
func stated(end time.Time) v1alpha1.SelfHostedVerifier {
	secret, err := credential.New(rand.Reader)
	if err != nil {
		panic(err)
	}
	return v1alpha1.SelfHostedVerifier{SHA256: secret.Hash().String(), ExpirationTime: metav1.Time{Time: end}}
}

var _ = Describe("A self-hosted version", func() {
	It("has no Secret, and the credential that it had ends as a previous one", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		old := w.text("1.0.0")
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(90 * day))}
		})
		Expect(w.settle()).To(Equal(7 * day))
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.secret("1.1.0")).NotTo(BeNil())
		entry := w.entry("1.0.0")
		Expect(entry.SecretName).To(BeEmpty())
		Expect(entry.NextRotationTime).To(BeNil())
		Expect(entry.Verifiers).To(HaveLen(1), "what spec brings is in no status: the token server reads spec")
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring("spec.versions[1.0.0].verifiers"))
		w.pass(7*day - time.Second)
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		w.pass(time.Second)
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		w.pass(lingers)
		w.settle()
		Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())

		By("taking that back")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = nil })
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})

	It("gets another credential when it takes that back in the overlap, whatever write a crash comes before or after", func() {
		for write := range 2 {
			for _, done := range []bool{false, true} {
				w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
				w.settle()
				old := w.text("1.0.0")
				w.edit(func(s *v1alpha1.ApplicationSpec) {
					s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(90 * day))}
				})
				w.crashAt(write, done)
				_, _ = w.reconcile() // the second write is the caller's
				w.heal()
				w.pass(time.Hour)
				w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = nil })
				w.settle()
				Expect(w.accepts("1.0.0", old)).To(BeTrue())
				Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
				Expect(w.entry("1.0.0").Verifiers[0].ExpirationTime).To(BeNil())
			}
		}
	})

	It("is warned seven days before its last credential ends, and again at the end, by the clock alone", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		first, second := stated(noon.Add(10*day)), stated(noon.Add(30*day))
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{first} })
		Expect(w.settle()).To(Equal(3 * day))
		Expect(w.condition("1.0.0", v1alpha1.ConditionCredentialExpiring)).To(BeNil())
		w.pass(3 * day)
		Expect(w.settle()).To(Equal(7 * day))
		expiring := w.condition("1.0.0", v1alpha1.ConditionCredentialExpiring)
		Expect(expiring.Reason).To(BeEquivalentTo(v1alpha1.ReasonEndsWithoutSuccessor))
		Expect(expiring.Message).To(ContainSubstring("2030-06-11T12:00:00Z"))
		summary := meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionCredentialExpiring))
		Expect(summary.Message).To(HavePrefix("version 1.0.0: "))
		Expect(w.told(string(v1alpha1.ReasonEndsWithoutSuccessor))).To(HaveLen(1))

		By("adding a successor, and taking it out again")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = append(s.Versions[0].Verifiers, second) })
		Expect(w.settle()).To(Equal(20 * day))
		Expect(w.condition("1.0.0", v1alpha1.ConditionCredentialExpiring)).To(BeNil())
		Expect(meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionCredentialExpiring))).To(BeNil())
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{first} })
		w.pass(7 * day)
		Expect(w.settle()).To(BeZero())
		Expect(w.condition("1.0.0", v1alpha1.ConditionCredentialExpiring).Reason).
			To(BeEquivalentTo(v1alpha1.ReasonCredentialsExpired))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue), "nothing of Countersign's is broken")
	})

	It("is told where it has to rotate by itself, and loses what is left of Countersign's by rotate-and-revoke", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		old := w.text("1.0.0")
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(90 * day))}
		})
		w.settle()
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()
		Expect(w.told(eventNotRotated)).To(HaveLen(1))
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "y")
		w.settle()
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		w.settle()
		Expect(w.told(eventNotRotated)).To(HaveLen(2))
		Expect(w.entry("1.0.0").RotatedAndRevoked).To(Equal("y"))
	})
})
