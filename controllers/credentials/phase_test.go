package credentials

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

const clientSecret = "CLIENT_SECRET"

var errCrash = errors.New("injected crash")

var _ = Describe("Issuing credentials", func() {
	It("writes the verifier before the Secret, and says that it is delivered after it", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		Expect(w.writes).To(Equal([]string{"status", "create secret", "status"}))

		secret, entry := w.secret("1.0.0"), w.entry("1.0.0")
		Expect(secret.Type).To(BeEquivalentTo(v1alpha1.SecretTypeCredentials))
		Expect(w.accepts("1.0.0", string(secret.Data[clientSecret]))).To(BeTrue())
		Expect(entry.SecretName).To(Equal("kpi-dashboard.1.0.0"))
		Expect(entry.Verifiers).To(HaveLen(1))
		Expect(entry.Verifiers[0].DeliveryTime.Time).To(BeTemporally("==", noon))
		Expect(secret.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationCredentialID, entry.Verifiers[0].ID))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
	})

	It("tells the pod who it is and where to ask, in the names of the environment", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		uid := string(w.app().UID)
		text := string(w.secret("1.0.0").Data[clientSecret])
		id := credential.ClientID("operator-co", "kpi-dashboard", "1.0.0", uid)
		Expect(w.entry("1.0.0").ClientID).To(Equal(id))
		Expect(asText(w.secret("1.0.0"))).To(Equal(map[string]string{
			"CLIENT_ID": id, "CLIENT_SECRET": text, "TOKEN_URL": issuer + "/oauth2/token", "ISSUER": issuer,
			"APP_NAME": "kpi-dashboard", "APP_VERSION": "1.0.0", "HOST_TENANT": "operator-co",
		}))

		By("changing the names, which rotates nothing and leaves no second copy")
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Environment.Type = v1alpha1.EnvironmentInsightsHub
		})
		w.settle()
		Expect(asText(w.secret("1.0.0"))).To(Equal(map[string]string{
			"MDSP_KEY_STORE_CLIENT_ID": id, "MDSP_KEY_STORE_CLIENT_SECRET": text, "MDSP_OS_VM_APP_NAME": "kpi-dashboard",
			"MDSP_OS_VM_APP_VERSION": "1.0.0", "MDSP_HOST_TENANT": "operator-co", "MDSP_USER_TENANT": "operator-co",
		}))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Environment = v1alpha1.Environment{
				Type: v1alpha1.EnvironmentCustom,
				Keys: &v1alpha1.EnvironmentKeys{ClientID: "MY_ID", ClientSecret: "MY_SECRET", Issuer: "MY_ISSUER"},
			}
		})
		w.settle()
		Expect(asText(w.secret("1.0.0"))).To(Equal(map[string]string{"MY_ID": id, "MY_SECRET": text, "MY_ISSUER": issuer}))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
	})

	It("gives versions that look alike Secrets and credentials of their own", func() {
		w := newWorld(GinkgoT(), granted("1.0"), granted("1-0"), granted("v1.0"))
		w.settle()
		seen := map[string]bool{}
		for _, version := range []string{"1.0", "1-0", "v1.0"} {
			seen[string(w.secret(version).Data["CLIENT_ID"])] = true
			seen[string(w.secret(version).Data[clientSecret])] = true
		}
		Expect(seen).To(HaveLen(6))
		Expect(w.writes).To(HaveLen(5), "one write of status for all verifiers, and one at the end")
	})

	It("gives a version without access none, and one that loses it none any more", func() {
		w := newWorld(GinkgoT(), registered("1.0.0"))
		w.settle()
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring("without access"))

		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0] = granted("1.0.0") })
		w.settle()
		text := string(w.secret("1.0.0").Data[clientSecret])
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Access = nil })
		w.settle()
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())
		Expect(w.accepts("1.0.0", text)).To(BeFalse())
	})

	It("issues nothing and touches nothing while no tenant hosts the application", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		_, err := w.reconcileAs(Standing{})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonTenantNotHosting))

		w.settle()
		secret, verifiers := w.secret("1.0.0"), w.entry("1.0.0").Verifiers
		_, err = w.reconcileAs(Standing{})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secret("1.0.0")).To(Equal(secret))
		Expect(w.entry("1.0.0").Verifiers).To(Equal(verifiers))
	})

	It("changes the client id in place when the namespace's tenant has another name", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		text := w.secret("1.0.0").Data[clientSecret]
		_, err := w.reconcileAs(Standing{Host: "other-co"})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.secret("1.0.0").Data).To(HaveKeyWithValue("HOST_TENANT", []byte("other-co")))
		Expect(w.secret("1.0.0").Data).To(HaveKeyWithValue(clientSecret, text))
	})
})

var _ = Describe("A crash between two writes", func() {
	for write, what := range []string{"the verifier", "the Secret", "the delivery"} {
		for _, done := range []bool{false, true} {
			sentence := "before " + what + " is written"
			if done {
				sentence = "after " + what + " is written"
			}
			It("leaves exactly one credential: "+sentence, func() {
				w := newWorld(GinkgoT(), granted("1.0.0"))
				w.fault = func(n int) (error, error) {
					if n != write {
						return nil, nil
					}
					if done {
						return nil, errCrash
					}
					return errCrash, nil
				}
				_, err := w.reconcile()
				Expect(err).To(MatchError(errCrash))
				if secret := w.secret("1.0.0"); secret != nil {
					Expect(w.accepts("1.0.0", string(secret.Data[clientSecret]))).To(BeTrue(),
						"no pod may ever hold a secret that is refused")
				}
				w.settle()
				Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
				Expect(w.accepts("1.0.0", string(w.secret("1.0.0").Data[clientSecret]))).To(BeTrue())
				Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
			})
		}
	}

	It("says in Ready why the Secret could not be written", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.fault = func(n int) (error, error) {
			if n == 1 {
				return apierrors.NewForbidden(corev1.Resource("secrets"), "kpi-dashboard.1.0.0", errors.New("exceeded quota")), nil
			}
			return nil, nil
		}
		_, err := w.reconcile()
		Expect(err).To(MatchError(ContainSubstring("exceeded quota")))
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonCredentialsPending))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring("exceeded quota"))
	})
})

var _ = Describe("Repairing credentials", func() {
	It("replaces a deleted Secret at once, and the old secret stays valid for the overlap to the second", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Overlap = &metav1.Duration{Duration: 2 * time.Hour}
		})
		w.settle()
		old := string(w.secret("1.0.0").Data[clientSecret])
		Expect(platform.Delete(w.ctx, w.secret("1.0.0"))).To(Succeed())
		after := w.settle()

		fresh := string(w.secret("1.0.0").Data[clientSecret])
		Expect(fresh).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", fresh)).To(BeTrue())
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		Expect(after).To(Equal(2 * time.Hour))
		w.clock.SetTime(noon.Add(2*time.Hour - time.Second))
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		w.clock.SetTime(noon.Add(2 * time.Hour))
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
	})

	DescribeTable("replaces an edited Secret at once, and what was written there never becomes valid",
		func(edit func(*corev1.Secret)) {
			w := newWorld(GinkgoT(), granted("1.0.0"))
			w.settle()
			old := string(w.secret("1.0.0").Data[clientSecret])
			edited := w.secret("1.0.0")
			edit(edited)
			Expect(platform.Update(w.ctx, edited)).To(Succeed())
			foreign := string(edited.Data[clientSecret])
			w.settle()
			fresh := string(w.secret("1.0.0").Data[clientSecret])
			Expect(w.accepts("1.0.0", fresh)).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeTrue())
			Expect(w.accepts("1.0.0", foreign)).To(BeFalse())
			Expect(w.entry("1.0.0").Verifiers).To(HaveLen(2))
		},
		Entry("with a secret of the right form", func(s *corev1.Secret) {
			foreign, err := credential.New(GinkgoRandomSource{})
			Expect(err).NotTo(HaveOccurred())
			s.Data[clientSecret] = []byte(foreign.Reveal())
		}),
		Entry("and frozen", func(s *corev1.Secret) {
			immutable := true
			s.Data[clientSecret], s.Immutable = []byte("hunter2"), &immutable
		}),
	)

	It("mends anything else in place, and leaves the labels and annotations of others alone", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		edited := w.secret("1.0.0")
		text := edited.Data[clientSecret]
		edited.Data["CLIENT_ID"], edited.Data["EXTRA"] = []byte("somebody-else"), []byte("1")
		edited.Labels = map[string]string{"team": "blue"}
		edited.Annotations["note"] = "keep"
		edited.Annotations[v1alpha1.AnnotationCredentialID] = "wrong"
		edited.OwnerReferences = nil
		Expect(platform.Update(w.ctx, edited)).To(Succeed())
		w.settle()
		mended := w.secret("1.0.0")
		Expect(mended.Data).To(HaveKeyWithValue(clientSecret, text))
		Expect(mended.Data).To(HaveKeyWithValue("CLIENT_ID", []byte(w.entry("1.0.0").ClientID)))
		Expect(mended.Data).NotTo(HaveKey("EXTRA"))
		Expect(mended.Labels).To(And(HaveKeyWithValue("team", "blue"), HaveKeyWithValue(v1alpha1.LabelVersion, "1.0.0")))
		Expect(mended.Annotations).To(HaveKeyWithValue("note", "keep"))
		Expect(mended.OwnerReferences).To(HaveLen(1))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
	})

	It("rebuilds a lost status from the Secret, under the same credential id, and rotates nothing", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		secret, verifier := w.secret("1.0.0"), w.entry("1.0.0").Verifiers[0]
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		Expect(platform.Status().Update(w.ctx, app)).To(Succeed())
		w.settle()
		Expect(w.secret("1.0.0")).To(Equal(secret))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.entry("1.0.0").Verifiers[0].ID).To(Equal(verifier.ID))
		Expect(w.entry("1.0.0").Verifiers[0].SHA256).To(Equal(verifier.SHA256))
	})

	It("waits, and says for whom, when the Secret is deleted again and again", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		for range 3 {
			secret := w.secret("1.0.0")
			secret.Data[clientSecret] = []byte("hunter2")
			Expect(platform.Update(w.ctx, secret, client.FieldOwner("somebodys-script"))).To(Succeed())
			w.settle()
		}
		ready := w.ready("1.0.0")
		Expect(ready.Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(ready.Message).To(And(ContainSubstring("somebodys-script"), ContainSubstring("2030-06-01T12:01:00Z")))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(3))
		w.clock.SetTime(noon.Add(time.Minute))
		w.settle()
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(4))
	})
})

// GinkgoRandomSource is randomness for a foreign secret: every byte the same, as somebody might think one up.
type GinkgoRandomSource struct{}

func (GinkgoRandomSource) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func asText(secret *corev1.Secret) map[string]string {
	out := map[string]string{}
	for name, value := range secret.Data {
		out[name] = string(value)
	}
	return out
}
