package credentials

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A Secret that somebody keeps changing in something else than its credential", func() {
	It("is put right at once a few times, then ever more rarely, and the version says by whom", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.mends = newMends()
		w.settle()
		text := w.text("1.0.0")
		tamper := func() {
			secret := w.secret("1.0.0")
			secret.Data["TOKEN_URL"] = []byte("https://elsewhere.example.com")
			w.must(platform.Update(w.ctx, secret, client.FieldOwner("somebodys-script")))
		}
		mended := func() bool { return string(w.secret("1.0.0").Data["TOKEN_URL"]) == issuer+"/oauth2/token" }
		times := 0
		for tamper(); times < 20; tamper() {
			if w.settle(); !mended() {
				break
			}
			times++
			w.pass(time.Second)
		}
		Expect(times).To(Equal(promptMends + 1))
		ready := w.ready("1.0.0")
		Expect(ready.Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(ready.Message).To(And(ContainSubstring("somebodys-script"), ContainSubstring("2030-06-01T12:01:05Z")))
		Expect(w.told(string(v1alpha1.ReasonSecretContested))).To(HaveLen(1))

		By("waiting for the pause, and tampering again")
		after := w.settle()
		Expect(after).To(Equal(firstPause - time.Second))
		w.pass(after)
		w.settle()
		Expect(mended()).To(BeTrue())
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		tamper()
		Expect(w.settle()).To(Equal(2 * firstPause))

		By("leaving it alone")
		w.pass(2 * firstPause)
		w.settle()
		w.pass(quiet)
		tamper()
		w.settle()
		Expect(mended()).To(BeTrue())
		Expect(w.text("1.0.0")).To(Equal(text))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
	})

	It("is another matter than an administrator who makes up his mind", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.mends = newMends()
		w.settle()
		for i := range 3 * promptMends {
			w.edit(func(s *v1alpha1.ApplicationSpec) {
				s.CredentialPolicy.Environment.Type = []v1alpha1.EnvironmentType{
					v1alpha1.EnvironmentInsightsHub, v1alpha1.EnvironmentStandard,
				}[i%2]
			})
			w.settle()
			Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		}
	})
})
