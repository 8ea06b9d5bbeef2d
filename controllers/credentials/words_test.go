package credentials

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("The word of an annotation", func() {
	for _, annotation := range []string{v1alpha1.AnnotationRotate, v1alpha1.AnnotationRotateAndRevoke} {
		It("is not acted on again when it comes back after another, and the version says so: "+annotation, func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.settle()
			for _, word := range []string{"a", "b"} {
				w.annotate(annotation, word)
				w.settle()
			}
			text := w.text("1.0.0")
			w.annotate(annotation, "a")
			w.settle()
			Expect(w.text("1.0.0")).To(Equal(text))
			pending := w.condition("1.0.0", v1alpha1.ConditionRotationPending)
			Expect(pending.Reason).To(BeEquivalentTo(v1alpha1.ReasonInvalidAnnotation))
			Expect(pending.Message).To(ContainSubstring(annotation + " a: this word was acted on before"))

			w.pass(overlap)
			w.annotate(annotation, "c")
			w.settle()
			Expect(w.text("1.0.0")).NotTo(Equal(text))
			Expect(w.condition("1.0.0", v1alpha1.ConditionRotationPending)).To(BeNil())
			Expect(append(w.entry("1.0.0").RotatedBefore, w.entry("1.0.0").RotatedAndRevokedBefore...)).To(Equal([]string{"b", "a"}))
		})
	}

	It("is remembered as far as the schema lets it", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Overlap = &metav1.Duration{Duration: time.Second}
		})
		w.settle()
		for i := range maxWords + 2 {
			w.pass(time.Minute)
			w.annotate(v1alpha1.AnnotationRotate, fmt.Sprintf("word-%d", i))
			w.annotate(v1alpha1.AnnotationRotateAndRevoke, fmt.Sprintf("word-%d", i))
			w.settle()
		}
		Expect(w.entry("1.0.0").RotatedBefore).To(HaveLen(maxWords))
		Expect(w.entry("1.0.0").RotatedAndRevokedBefore).To(HaveLen(maxWords))
	})

	It("is not the name of a version, which was meant to be named alone", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		text := w.text("1.1.0")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "1.0.0")
		w.settle()
		Expect(w.text("1.1.0")).To(Equal(text))
		pending := meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))
		Expect(pending.Reason).To(BeEquivalentTo(v1alpha1.ReasonInvalidAnnotation))
		Expect(pending.Message).To(ContainSubstring("write 1.0.0=<word>"))
	})

	It("is acted on beside hundreds of others that concern no version, and the status can be written", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		var others []string
		for i := range 500 {
			others = append(others, fmt.Sprintf("9.9.%d=%s", i, strings.Repeat("x", 64)))
		}
		w.annotate(v1alpha1.AnnotationRotate, strings.Join(append(others, "1.0.0=go"), ","))
		w.settle()
		Expect(w.entry("1.0.0").Rotated).To(Equal("go"))
		pending := meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))
		Expect(pending.Message).To(And(ContainSubstring("9.9.0, "), ContainSubstring("and 495 more")))
	})
})

var _ = Describe("A rotation that is asked for and cannot be made yet", func() {
	pendingOf := func(w *world) metav1.Condition {
		pending := w.condition("1.0.0", v1alpha1.ConditionRotationPending)
		Expect(pending).NotTo(BeNil())
		Expect(pending.Message).To(ContainSubstring("asks for a rotation (x)"))
		return *pending
	}

	It("says that the Secret's name is taken", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		w.must(w.platform.Create(w.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "taken"}}))
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].SecretName = "taken" })
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()
		Expect(pendingOf(w).Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
	})

	It("is made with the repair that waits, and says when that is", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		for range promptRepairs + 1 {
			w.must(w.platform.Delete(w.ctx, w.secret("1.0.0")))
			w.settle()
		}
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()
		due := noon.Add(firstPause)
		pending := pendingOf(w)
		Expect(pending.Reason).To(BeEquivalentTo(v1alpha1.ReasonCredentialsPending))
		Expect(pending.Message).To(ContainSubstring(readable(due)))
		Expect(w.entry("1.0.0").NextRotationTime.Time).To(BeTemporally("==", due))

		w.clock.SetTime(due)
		w.settle()
		Expect(w.entry("1.0.0").Rotated).To(Equal("x"))
		Expect(w.condition("1.0.0", v1alpha1.ConditionRotationPending)).To(BeNil())
	})
})

var _ = Describe("A version that is self-hosted and back eight times in an overlap", func() {
	It("waits for its next credential, says so, and holds up no other version", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		for range maxVerifiers {
			w.settle()
			w.edit(func(s *v1alpha1.ApplicationSpec) {
				s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(90 * day))}
			})
			w.settle()
			w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = nil })
		}
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "1.1.0=leaked")
		old := w.text("1.1.0")
		w.settle()
		Expect(w.accepts("1.1.0", old)).To(BeFalse())
		Expect(w.secret("1.0.0")).To(BeNil())
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonCredentialsPending))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring(readable(noon.Add(overlap + skew))))

		w.pass(overlap + skew)
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})
})

var _ = Describe("What happens to several versions at once", func() {
	It("is told of each in an event of its own, which the API does not make one with another's", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"), granted("1.1.0"))
		recorder := events.NewFakeRecorder(1000)
		recorder.Verbose = true // with the action, by which events are one
		w.events = recorder
		w.settle()
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
		w.settle()
		for _, reason := range []string{eventIssued, eventRevoked, eventRotated} {
			told := w.told(reason)
			Expect(told).To(HaveLen(2), reason)
			keys := map[string]bool{}
			for _, event := range told {
				keys[strings.Join(strings.Fields(event)[:4], " ")] = true // type, reason and the two words of the action
			}
			Expect(keys).To(HaveLen(2), "%v", told)
		}
	})
})

var _ = Describe("A Secret that no longer says of which version it is", func() {
	It("is somebody else's: it stays, and the version says so", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		secret := w.secret("1.0.0")
		delete(secret.Annotations, v1alpha1.AnnotationVersion)
		w.must(w.platform.Update(w.ctx, secret))
		w.settle()
		Expect(w.secret("1.0.0").UID).To(Equal(secret.UID))
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
		Expect(w.ready("1.0.0").Message).To(ContainSubstring(v1alpha1.AnnotationVersion))
		Expect(w.accepts("1.0.0", textOf(secret))).To(BeTrue(), "pods that run go on")
	})
})
