package credentials

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// template states labels, and an annotation where there are some.
func (w *world) template(labels map[string]v1alpha1.TemplateLabel) {
	w.Helper()
	w.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.SecretTemplate = nil
		if labels != nil {
			s.CredentialPolicy.SecretTemplate = &v1alpha1.SecretTemplate{
				Labels: labels, Annotations: map[string]v1alpha1.TemplateAnnotation{"example.com/contact": "kpi@example.com"},
			}
		}
	})
}

var _ = Describe("The template of Secrets", func() {
	It("puts labels and annotations on, takes off what leaves it, and rotates nothing", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.template(map[string]v1alpha1.TemplateLabel{"team": "kpi", "tier": ""})
		w.settle()
		secret := w.secret("1.0.0")
		text := textOf(secret)
		Expect(secret.Labels).To(And(HaveKeyWithValue("team", "kpi"), HaveKeyWithValue("tier", ""), HaveKey(v1alpha1.LabelVersion)))
		Expect(secret.Annotations).To(HaveKeyWithValue("example.com/contact", "kpi@example.com"))

		By("somebody adding labels of his own, one of them that of the template")
		theirs := applycorev1.Secret(secret.Name, w.namespace).WithLabels(map[string]string{"theirs": "1", "team": "kpi"})
		Expect(platform.Apply(w.ctx, theirs, client.FieldOwner("somebody"))).To(Succeed())
		w.template(map[string]v1alpha1.TemplateLabel{"zone": "a"})
		w.settle()
		secret = w.secret("1.0.0")
		Expect(secret.Labels).To(And(HaveKeyWithValue("theirs", "1"), HaveKeyWithValue("zone", "a"), Not(HaveKey("tier"))))
		Expect(secret.Labels).To(HaveKeyWithValue("team", "kpi"), "it is somebody's, too")

		By("taking the template away")
		w.template(nil)
		w.settle()
		secret = w.secret("1.0.0")
		Expect(secret.Labels).To(And(HaveKey("theirs"), HaveKey(v1alpha1.LabelVersion), Not(HaveKey("zone"))))
		Expect(secret.Annotations).NotTo(Or(HaveKey("example.com/contact"), HaveKey(v1alpha1.AnnotationTemplate)))
		Expect(textOf(secret)).To(Equal(text))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
	})

	It("is a wish of the application's, however often it is edited", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.mends = newMends()
		for i := range 2 * promptMends {
			w.template(map[string]v1alpha1.TemplateLabel{"edition": v1alpha1.TemplateLabel(fmt.Sprint(i))})
			w.settle()
			Expect(w.secret("1.0.0").Labels).To(HaveKeyWithValue("edition", fmt.Sprint(i)))
		}
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
	})

	It("is put on again where somebody changes it, and ever more rarely where he goes on", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.mends = newMends()
		w.template(map[string]v1alpha1.TemplateLabel{"team": "kpi"})
		w.settle()
		times := 0
		for times < 20 {
			secret := w.secret("1.0.0")
			secret.Labels["team"] = "mine"
			Expect(platform.Update(w.ctx, secret, client.FieldOwner("somebodys-script"))).To(Succeed())
			if w.settle(); w.secret("1.0.0").Labels["team"] != "kpi" {
				break
			}
			times++
			w.pass(time.Second)
		}
		Expect(times).To(BeNumerically("~", promptMends, 1))
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring("somebodys-script"))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
	})

	It("makes no Secret, and touches none that has taken the place of the one that was looked at", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.template(map[string]v1alpha1.TemplateLabel{"team": "kpi"})
		w.settle()
		seen := w.secret("1.0.0")
		delete(seen.Labels, "team")
		phase := New(Deps{Client: w.client(), Live: platform, Clock: w.clock, Issuer: issuer, Events: w.events})
		Expect(platform.Delete(w.ctx, seen)).To(Succeed())
		Expect(phase.dress(w.ctx, seen, templateOf(w.app()))).NotTo(Succeed())
		Expect(w.secret("1.0.0")).To(BeNil())

		other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: seen.Name}}
		Expect(platform.Create(w.ctx, other)).To(Succeed())
		Expect(phase.dress(w.ctx, seen, templateOf(w.app()))).NotTo(Succeed())
		Expect(w.secret("1.0.0")).To(Equal(other))
	})
})
