package credentials

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

const bindingSecret = "kpi-dashboard.binding"

// bind asks for the binding of a version; "" asks for none.
func (w *world) bind(version string) {
	w.Helper()
	w.edit(func(s *v1alpha1.ApplicationSpec) { s.CredentialPolicy.BindingVersion = v1alpha1.VersionName(version) })
	w.settle()
}

func (w *world) bound() metav1.Condition {
	w.Helper()
	condition := meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionBound))
	if condition == nil {
		w.Fatalf("the application has no condition Bound")
	}
	return *condition
}

func (w *world) boundText() string { return string(w.secretNamed(bindingSecret).Data["client-secret"]) }

var _ = Describe("The binding of a version", func() {
	It("has the version's credentials under the names of the specification, and no other Secret changes", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.template(map[string]v1alpha1.TemplateLabel{"team": "kpi"})
		w.settle()
		before := w.secret("1.1.0")
		w.bind("1.1.0")
		secret, entry := w.secretNamed(bindingSecret), w.entry("1.1.0")
		Expect(secret.Data).To(Equal(map[string][]byte{
			"type": []byte("oauth2"), "provider": []byte("countersign"), "uri": []byte(issuer),
			"client-id": []byte(entry.ClientID), "client-secret": []byte(textOf(before)),
			"authorization-grant-type": []byte("client_credentials"), "token-uri": []byte(issuer + "/oauth2/token"),
		}))
		Expect(secret.Type).To(BeEquivalentTo(v1alpha1.SecretTypeCredentials), "the operator watches no other type")
		Expect(secret.Labels).To(HaveKeyWithValue("team", "kpi"))
		Expect(w.secret("1.1.0")).To(Equal(before))
		Expect(entry.Verifiers).To(HaveLen(1))
		Expect(w.app().Status.Binding).To(Equal(&v1alpha1.Binding{Name: bindingSecret}))
		Expect(w.bound().Status).To(Equal(metav1.ConditionTrue))

		By("naming another version, and none")
		w.bind("1.0.0")
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
		w.bind("")
		Expect(w.secretNamed(bindingSecret)).To(BeNil())
		Expect(w.app().Status.Binding).To(BeNil())
		Expect(meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionBound))).To(BeNil())
		Expect(w.secret("1.1.0")).To(Equal(before))
	})

	It("follows a rotation, also where a crash came between the two Secrets", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.bind("1.0.0")
		former := w.boundText()
		w.annotate(v1alpha1.AnnotationRotate, "now")
		w.crashAt(2, false)
		_, err := w.reconcile()
		Expect(err).To(MatchError(errCrash))
		w.heal()
		Expect(w.text("1.0.0")).NotTo(Equal(former))
		Expect(w.boundText()).To(Equal(former))
		Expect(w.accepts("1.0.0", former)).To(BeTrue())
		w.settle()
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
	})

	It("is put right where somebody deletes or changes it, and nothing in it is ever believed", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.bind("1.0.0")
		text := w.text("1.0.0")
		Expect(platform.Delete(w.ctx, w.secretNamed(bindingSecret))).To(Succeed())
		w.settle()
		Expect(w.boundText()).To(Equal(text))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))

		By("losing the version's own Secret, and the status")
		Expect(platform.Delete(w.ctx, w.secret("1.0.0"))).To(Succeed())
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		Expect(platform.Status().Update(w.ctx, app)).To(Succeed())
		w.settle()
		Expect(w.accepts("1.0.0", text)).To(BeFalse())
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
	})

	It("is put right ever more rarely where somebody goes on", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.mends = newMends()
		w.bind("1.0.0")
		times := 0
		for times < 20 && w.secretNamed(bindingSecret) != nil {
			Expect(platform.Delete(w.ctx, w.secretNamed(bindingSecret))).To(Succeed())
			w.settle()
			times++
		}
		Expect(times).To(BeNumerically("~", promptMends, 2))
		Expect(w.bound().Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(w.app().Status.Binding).To(BeNil())
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		w.pass(w.settle())
		w.settle()
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
	})

	It("goes with the credentials, and says that there is nothing to bind", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.bind("1.0.0")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Access = nil })
		w.settle()
		Expect(w.secretNamed(bindingSecret)).To(BeNil())
		Expect(w.bound().Reason).To(BeEquivalentTo(v1alpha1.ReasonNothingToBind))

		By("giving them back, and deleting the application")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0] = granted("1.0.0") })
		w.settle()
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
		Expect(platform.Delete(w.ctx, w.app())).To(Succeed())
		_, err := w.reconcile()
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secretNamed(bindingSecret)).To(BeNil())
	})

	It("never touches whatever has its name, and is not touched by a version that comes to want it", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: bindingSecret}}
		Expect(platform.Create(w.ctx, theirs)).To(Succeed())
		w.bind("1.0.0")
		Expect(w.bound().Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
		Expect(w.settle()).To(Equal(conflictRetry))
		Expect(w.secretNamed(bindingSecret)).To(Equal(theirs))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))

		By("the other going, and a version coming that is called binding")
		Expect(platform.Delete(w.ctx, theirs)).To(Succeed())
		w.settle()
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = append(s.Versions, granted("binding")) })
		w.settle()
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
		Expect(w.ready("binding").Message).To(Equal("Secret kpi-dashboard.binding is the binding's, which has to give it up first"))

		By("the binding going, and coming back")
		w.bind("")
		Expect(w.ready("binding").Status).To(Equal(metav1.ConditionTrue))
		w.bind("1.0.0")
		Expect(w.bound().Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
		Expect(w.accepts("binding", textOf(w.secretNamed(bindingSecret)))).To(BeTrue())
	})
})
