package credentials

import (
	"crypto/rand"
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

// foreign is a client secret in the right form that somebody else knows.
func foreign() []byte {
	secret, err := credential.New(rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	return []byte(secret.Reveal())
}

// tamper edits the Secret of version 1.0.0.
func (w *world) tamper(edit func(*corev1.Secret)) *corev1.Secret {
	w.Helper()
	secret := w.secret("1.0.0")
	edit(secret)
	w.must(w.platform.Update(w.ctx, secret))
	return secret
}

var _ = Describe("A Secret that somebody edits", func() {
	for what, edit := range map[string]func(secret, another *corev1.Secret){
		"the client secret, by a word":                  func(s, _ *corev1.Secret) { s.Data[clientSecret] = []byte("hunter2") },
		"the client secret, by nothing":                 func(s, _ *corev1.Secret) { s.Data[clientSecret] = nil },
		"the client secret, by one of the right form":   func(s, _ *corev1.Secret) { s.Data[clientSecret] = foreign() },
		"the client secret, by that of another version": func(s, other *corev1.Secret) { s.Data = other.Data },
		"the client secret, and the credential's id, by those of another version": func(s, other *corev1.Secret) {
			s.Data = other.Data
			s.Annotations[v1alpha1.AnnotationCredentialID] = other.Annotations[v1alpha1.AnnotationCredentialID]
		},
		"the key of the client secret, which it takes out": func(s, _ *corev1.Secret) { delete(s.Data, clientSecret) },
		"the version that it names, which is not there":    func(s, _ *corev1.Secret) { s.Annotations[v1alpha1.AnnotationVersion] = "9.9.9" },
		"all data, which it takes out":                     func(s, _ *corev1.Secret) { s.Data = nil },
		"a client secret beside none":                      func(s, _ *corev1.Secret) { s.Data = map[string][]byte{"OTHER": foreign()} },
	} {
		It("gets a new credential where that is "+what+"; the old secret ends with the overlap, and no other is valid", func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"), granted("1.1.0"))
			w.settle()
			old := w.text("1.0.0")
			edited := w.tamper(func(s *corev1.Secret) { edit(s, w.secret("1.1.0")) })
			w.settle()
			fresh, verifiers := w.text("1.0.0"), w.entry("1.0.0").Verifiers
			Expect(fresh).NotTo(Equal(old))
			Expect(w.accepts("1.0.0", fresh)).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeTrue())
			for _, value := range edited.Data {
				Expect(string(value) != old && w.accepts("1.0.0", string(value))).To(BeFalse())
			}
			Expect(verifiers).To(HaveLen(2))
			Expect(verifiers[0].Cause).To(Equal(v1alpha1.CauseRepair))
			Expect(verifiers[0].ExpirationTime).To(BeNil())
			Expect(verifiers[1].ExpirationTime.Time).To(BeTemporally("==", noon.Add(overlap)), "status shows until when")
			Expect(w.told(eventReplaced)).To(ConsistOf(ContainSubstring("valid until 2030-06-08T12:00:00Z")))
		})
	}

	for what, edit := range map[string]func(*corev1.Secret){
		"the client id":         func(s *corev1.Secret) { s.Data["CLIENT_ID"] = []byte("somebody-else") },
		"the token endpoint":    func(s *corev1.Secret) { s.Data["TOKEN_URL"] = []byte("https://elsewhere.example.com") },
		"a key that is gone":    func(s *corev1.Secret) { delete(s.Data, "ISSUER") },
		"a key too many":        func(s *corev1.Secret) { s.Data["EXTRA"] = []byte("1") },
		"a secret too many":     func(s *corev1.Secret) { s.Data["EXTRA"] = foreign() },
		"its labels":            func(s *corev1.Secret) { s.Labels = nil },
		"the credential's id":   func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationCredentialID] = "7f3a000000000001" },
		"the credential's time": func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationIssueTime) },
		"the name on it":        func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationSecretName) },
		"the words on it":       func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationRotatedAndRevoked) },
		"its owner":             func(s *corev1.Secret) { s.OwnerReferences = nil },
		"its owner, by another": func(s *corev1.Secret) { s.OwnerReferences[0].UID = "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001" },
	} {
		It("is put right in place, with the credential that it has, where that is "+what, func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.annotate(v1alpha1.AnnotationRotateAndRevoke, "friday")
			w.settle()
			was, verifiers := w.secret("1.0.0"), w.entry("1.0.0").Verifiers
			w.tamper(edit)
			w.settle()
			is := w.secret("1.0.0")
			Expect(is.Data).To(Equal(was.Data))
			Expect(is.Annotations).To(Equal(was.Annotations))
			Expect(is.Labels).To(Equal(was.Labels))
			Expect(is.OwnerReferences).To(ContainElement(HaveField("UID", w.app().UID)))
			Expect(w.entry("1.0.0").Verifiers).To(Equal(verifiers))
		})
	}

	for what, edit := range map[string]func(*corev1.Secret){
		"the Application": func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationApplication) },
		"its UID": func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationApplicationUID] = "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"
		},
		"all three":      func(s *corev1.Secret) { s.Annotations = nil },
		"another's name": func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationSecretName] = "chosen" },
	} {
		It("is nobody's any more where it does not name "+what+"; pods go on, and deleting it brings a new one", func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.settle()
			old := w.text("1.0.0")
			edited := w.tamper(func(s *corev1.Secret) {
				edit(s)
				s.Data[clientSecret] = foreign()
			})
			Expect(w.settle()).To(Equal(conflictRetry))
			Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
			Expect(w.secret("1.0.0")).To(Equal(edited))
			Expect(w.accepts("1.0.0", textOf(edited))).To(BeFalse())
			w.pass(overlap)
			w.settle()
			Expect(w.accepts("1.0.0", old)).To(BeTrue(), "nothing has taken its place")

			w.must(w.platform.Delete(w.ctx, edited))
			w.settle()
			Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeTrue())
			Expect(w.accepts("1.0.0", textOf(edited))).To(BeFalse())
			w.pass(overlap)
			Expect(w.accepts("1.0.0", old)).To(BeFalse())
		})
	}

	It("stays frozen as it is until its credential is replaced; another type the API server refuses", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		secret := w.secret("1.0.0")
		secret.Type = corev1.SecretTypeOpaque
		Expect(apierrors.IsInvalid(platform.Update(w.ctx, secret))).To(BeTrue())

		immutable := true
		frozen := w.tamper(func(s *corev1.Secret) { s.Immutable = &immutable })
		w.settle()
		Expect(w.secret("1.0.0")).To(Equal(frozen))
		w.annotate(v1alpha1.AnnotationRotate, "friday")
		w.settle()
		Expect(w.secret("1.0.0").Immutable).To(BeNil())
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.accepts("1.0.0", textOf(frozen))).To(BeTrue())
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(2))
	})
})

var _ = Describe("A Secret that somebody changes as soon as it stands, for a day", func() {
	spoil := func(key string) func(w *world) {
		return func(w *world) { w.tamper(func(s *corev1.Secret) { s.Data[key] = []byte("hunter2") }) }
	}
	for what, test := range map[string]struct {
		overlap        time.Duration
		do             func(w *world)
		issues, writes int
	}{
		"by writing back a value of his own":    {overlap: overlap, issues: maxVerifiers - 1, writes: 40, do: spoil(clientSecret)},
		"by the same, where nothing overlaps":   {issues: 30, writes: 120, do: spoil(clientSecret)},
		"by something else than its credential": {overlap: overlap, writes: 100, do: spoil("TOKEN_URL")},
		"by deleting it": {overlap: overlap, issues: maxVerifiers - 1, writes: 40, do: func(w *world) {
			w.must(w.platform.DeleteAllOf(w.ctx, &corev1.Secret{}, client.InNamespace(w.namespace)))
		}},
	} {
		It("is repaired ever more rarely, and heals when that ends: "+what, func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.mends = newMends()
			w.edit(func(s *v1alpha1.ApplicationSpec) {
				s.CredentialPolicy.Overlap = &metav1.Duration{Duration: test.overlap}
			})
			w.settle()
			ids, first := map[string]bool{}, len(w.writes)
			for w.clock.Now().Before(noon.Add(24 * time.Hour)) {
				test.do(w)
				after := w.settle()
				ids[w.entry("1.0.0").Verifiers[0].ID] = true
				if w.ready("1.0.0").Status == metav1.ConditionTrue {
					after = time.Second // he needs no longer
				}
				w.pass(after)
			}
			Expect(len(ids) - 1).To(BeNumerically("<=", test.issues))
			Expect(len(w.writes) - first).To(BeNumerically("<=", test.writes))
			Expect(w.told(string(v1alpha1.ReasonSecretContested))).NotTo(BeEmpty())

			w.settle()
			Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue), "he has come to an end")
			Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
			GinkgoWriter.Println(len(ids)-1, "credentials,", len(w.writes)-first, "writes", w.clock.Now())
		})
	}

	It("gets a new credential at once by rotate-and-revoke, which the condition says", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		for len(w.entry("1.0.0").Verifiers) < maxVerifiers {
			spoil(clientSecret)(w)
			if after := w.settle(); w.ready("1.0.0").Status == metav1.ConditionFalse {
				w.pass(after)
				w.settle()
			}
		}
		spoil(clientSecret)(w)
		Expect(w.settle()).To(BeNumerically(">", overlap-time.Hour), "no more than there is place for")
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring(v1alpha1.AnnotationRotateAndRevoke))
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "enough")
		w.settle()
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})
})
