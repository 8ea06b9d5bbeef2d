package credentials

import (
	"errors"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// annotate sets an annotation of the application.
func (w *world) annotate(annotation, text string) {
	w.Helper()
	app := w.app()
	metav1.SetMetaDataAnnotation(&app.ObjectMeta, annotation, text)
	w.must(w.platform.Update(w.ctx, app))
}

func (w *world) text(version string) string {
	w.Helper()
	secret := w.secret(version)
	if secret == nil {
		w.Fatalf("version %s has no Secret", version)
	}
	return textOf(secret)
}

// told returns the events so far that have the reason.
func (w *world) told(reason string) []string {
	var all []string
	for {
		select {
		case event := <-w.events.Events:
			w.heard = append(w.heard, event)
			continue
		default:
		}
		break
	}
	for _, event := range w.heard {
		if strings.Contains(event, " "+reason+" ") {
			all = append(all, event)
		}
	}
	return all
}

func (w *world) condition(version string, kind v1alpha1.ConditionType) *metav1.Condition {
	w.Helper()
	return meta.FindStatusCondition(w.entry(version).Conditions, string(kind))
}

func (w *world) pass(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// crashAt makes one write fail, before it is done or after.
func (w *world) crashAt(write int, done bool) {
	first := len(w.writes)
	w.fault = func(n int) (error, error) {
		switch {
		case n-first != write:
			return nil, nil
		case done:
			return nil, errCrash
		}
		return errCrash, nil
	}
}

func (w *world) heal() { w.fault = func(int) (error, error) { return nil, nil } }

var _ = Describe("Rotating credentials by age", func() {
	It("takes place to the second, and both secrets work until the second in which the overlap ends", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		after := w.settle()
		interval := intervalOf(w.app(), "1.0.0")
		Expect(w.app().Spec.CredentialPolicy.RotateAfter.Duration).To(Equal(8760 * time.Hour))
		Expect(after).To(Equal(interval), "nothing is due before")
		Expect(w.entry("1.0.0").NextRotationTime.Time).To(BeTemporally("==", noon.Add(interval)))

		w.pass(interval - time.Second)
		old, writes := w.text("1.0.0"), len(w.writes)
		Expect(w.settle()).To(Equal(time.Second))
		Expect(w.writes).To(HaveLen(writes), "an idle application is not written to")

		w.pass(time.Second)
		Expect(w.settle()).To(Equal(168 * time.Hour))
		Expect(w.writes[writes:]).To(Equal([]string{"status", "update secret", "status"}))
		fresh, verifiers := w.text("1.0.0"), w.entry("1.0.0").Verifiers
		Expect(fresh).NotTo(Equal(old))
		Expect(verifiers).To(HaveLen(2))
		Expect(verifiers[0].Cause).To(Equal(v1alpha1.CauseRotation))
		Expect(verifiers[1].ExpirationTime.Time).To(BeTemporally("==", w.clock.Now().Add(168*time.Hour)))
		Expect(w.entry("1.0.0").NextRotationTime.Time).To(BeTemporally("==", w.clock.Now().Add(interval)))
		Expect(w.told(eventRotated)).To(HaveLen(1))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))

		w.pass(168*time.Hour - time.Second)
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		w.pass(time.Second)
		Expect(w.accepts("1.0.0", old)).To(BeFalse(), "by the clock, with no operator's doing")
		Expect(w.accepts("1.0.0", fresh)).To(BeTrue())
		w.settle()
		Expect(w.told(eventEnded)).To(ConsistOf(ContainSubstring(verifiers[1].ID)))
		w.pass(lingers)
		w.settle()
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.told(eventEnded)).To(HaveLen(1), "it is told when it ends, and not when it leaves status")
	})

	It("is never done where the policy says 0s, and at once where a shorter age makes it overdue", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.CredentialPolicy.RotateAfter = &metav1.Duration{} })
		Expect(w.settle()).To(BeZero())
		Expect(w.entry("1.0.0").NextRotationTime).To(BeNil())
		old := w.text("1.0.0")
		w.pass(10 * 8760 * time.Hour)
		w.settle()
		Expect(w.text("1.0.0")).To(Equal(old))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.RotateAfter = &metav1.Duration{Duration: 2000 * time.Hour}
		})
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(old))
	})

	It("waits with two secrets in their overlap, says so without a word against Ready, and goes on by itself", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.edit(func(s *v1alpha1.ApplicationSpec) {
			s.CredentialPolicy.Overlap = &metav1.Duration{Duration: 2 * time.Hour}
		})
		w.settle()
		for _, word := range []string{"a", "b", "c"} {
			w.annotate(v1alpha1.AnnotationRotate, word)
			w.settle()
			w.pass(time.Minute)
		}
		first := noon.Add(2 * time.Hour) // the end of the overlap that the word a began
		Expect(w.settle()).To(Equal(first.Sub(w.clock.Now())))
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(3))
		Expect(w.entry("1.0.0").Rotated).To(Equal("b"))
		Expect(w.entry("1.0.0").NextRotationTime.Time).To(BeTemporally("==", first))
		pending := w.condition("1.0.0", v1alpha1.ConditionRotationPending)
		Expect(pending.Reason).To(BeEquivalentTo(v1alpha1.ReasonOverlapNotEnded))
		Expect(pending.Message).To(And(ContainSubstring("(c)"), ContainSubstring("2030-06-01T14:00:00Z")))
		Expect(meta.IsStatusConditionTrue(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))).To(BeTrue())
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.told(string(v1alpha1.ReasonOverlapNotEnded))).To(HaveLen(1))

		w.clock.SetTime(first)
		w.settle()
		Expect(w.entry("1.0.0").Rotated).To(Equal("c"))
		Expect(standing(w.entry("1.0.0").Verifiers, first)).To(HaveLen(3))
		Expect(w.condition("1.0.0", v1alpha1.ConditionRotationPending)).To(BeNil())
		Expect(meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))).To(BeNil())
	})

	It("is done by no restart, resync, edit of labels or step of the clock", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.edit(func(*v1alpha1.ApplicationSpec) {}) // durations as Go writes them
		w.settle()
		w.annotate(v1alpha1.AnnotationRotate, "1.1.0=spring")
		w.settle() // that version is within an overlap
		secrets, status, writes := []*corev1.Secret{w.secret("1.0.0"), w.secret("1.1.0")}, w.app().Status, len(w.writes)
		for label, step := range []time.Duration{time.Hour, -2 * time.Hour, time.Hour} {
			w.pass(step)
			app := w.app()
			metav1.SetMetaDataLabel(&app.ObjectMeta, "step", strconv.Itoa(label))
			w.must(platform.Update(w.ctx, app))
			w.settle() // each with a new Phase
		}
		Expect(w.writes).To(HaveLen(writes))
		Expect([]*corev1.Secret{w.secret("1.0.0"), w.secret("1.1.0")}).To(Equal(secrets))
		Expect(w.app().Status).To(Equal(status))
	})
})

var _ = Describe("Rotating credentials by annotation", func() {
	It("acts on each word once, and keeps it in status and on the Secret", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"), granted("1.1.0"))
		w.settle()
		old, other := w.text("1.0.0"), w.text("1.1.0")
		w.annotate(v1alpha1.AnnotationRotate, "1.0.0=2030-06-01")
		w.settle()
		fresh := w.text("1.0.0")
		Expect(fresh).NotTo(Equal(old))
		Expect(w.accepts("1.0.0", old)).To(BeTrue())
		Expect(w.text("1.1.0")).To(Equal(other))
		Expect(w.entry("1.0.0").Rotated).To(Equal("2030-06-01"))
		Expect(w.secret("1.0.0").Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationRotated, "2030-06-01"))

		By("leaving it there, taking it away and setting it again")
		for _, text := range []string{"1.0.0=2030-06-01", "", "1.0.0=2030-06-01"} {
			app := w.app()
			delete(app.Annotations, v1alpha1.AnnotationRotate)
			if text != "" {
				metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1alpha1.AnnotationRotate, text)
			}
			w.must(platform.Update(w.ctx, app))
			w.pass(time.Minute)
			w.settle()
		}
		Expect(w.text("1.0.0")).To(Equal(fresh))

		By("another word, for all versions")
		w.annotate(v1alpha1.AnnotationRotate, "2030-06-02")
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(fresh))
		Expect(w.text("1.1.0")).NotTo(Equal(other))
	})

	It("notes the word that is there at first sight, and rotates nothing", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "y")
		w.settle()
		first := w.entry("1.0.0")
		Expect(first.Verifiers).To(HaveLen(1))
		Expect([]string{first.Rotated, first.RotatedAndRevoked}).To(Equal([]string{"x", "y"}))
		Expect(first.RevocationTime).To(BeNil())

		By("adding a version, and restoring a backup without status")
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = append(s.Versions, granted("1.1.0")) })
		w.settle()
		Expect(w.entry("1.1.0").Verifiers).To(HaveLen(1))
		text := w.text("1.0.0")
		w.annotate(v1alpha1.AnnotationRotate, "z")
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		w.must(platform.Status().Update(w.ctx, app))
		w.settle()
		Expect(w.text("1.0.0")).To(Equal(text))
		Expect(w.entry("1.0.0").Rotated).To(Equal("z"))
	})

	It("changes nothing where the annotation cannot be read, and says so", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		text := w.text("1.0.0")
		w.annotate(v1alpha1.AnnotationRotate, "1.0.0=a b")
		w.settle()
		Expect(w.text("1.0.0")).To(Equal(text))
		pending := meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))
		Expect(pending.Reason).To(BeEquivalentTo(v1alpha1.ReasonInvalidAnnotation))
		Expect(pending.Message).To(And(ContainSubstring(v1alpha1.AnnotationRotate), ContainSubstring("a b")))
		Expect(w.told(string(v1alpha1.ReasonInvalidAnnotation))).To(HaveLen(1))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))

		w.annotate(v1alpha1.AnnotationRotate, "9.9.9=x")
		w.settle()
		pending = meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))
		Expect(pending.Message).To(ContainSubstring("9.9.9"))
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()
		Expect(w.text("1.0.0")).NotTo(Equal(text))
		Expect(meta.FindStatusCondition(w.app().Status.Conditions, string(v1alpha1.ConditionRotationPending))).To(BeNil())
	})

	for _, annotation := range []string{v1alpha1.AnnotationRotate, v1alpha1.AnnotationRotateAndRevoke} {
		It("rotates exactly once, whatever write a crash comes before or after: "+annotation, func() {
			for write := range 3 {
				for _, done := range []bool{false, true} {
					w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
					w.settle()
					old := w.text("1.0.0")
					w.annotate(annotation, "x")
					w.crashAt(write, done)
					_, err := w.reconcile()
					Expect(err).To(MatchError(errCrash))
					if annotation == v1alpha1.AnnotationRotate {
						Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue(), "no pod may ever hold a secret that is refused")
					}
					w.heal()
					w.settle()
					Expect(w.text("1.0.0")).NotTo(Equal(old))
					Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
					standing := 1
					if annotation == v1alpha1.AnnotationRotate {
						standing = 2
						Expect(w.told(eventRotated)).To(HaveEach(ContainSubstring(w.entry("1.0.0").Verifiers[0].ID)))
					}
					Expect(w.entry("1.0.0").Verifiers).To(HaveLen(standing), "write %d, done %v", write, done)
					Expect(w.accepts("1.0.0", old)).To(Equal(annotation == v1alpha1.AnnotationRotate))
				}
			}
		})
	}

	DescribeTable("takes no secret from pods and acts on no word twice where the Secret, after a crash, is gone before anybody looks",
		func(lose func(*world, *corev1.Secret)) {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.settle()
			old := w.text("1.0.0")
			w.annotate(v1alpha1.AnnotationRotate, "x")
			w.crashAt(1, true)
			_, err := w.reconcile()
			Expect(err).To(MatchError(errCrash))
			handed := w.text("1.0.0")
			lose(w, w.secret("1.0.0"))
			w.heal()
			w.settle()
			Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
			Expect(w.accepts("1.0.0", handed)).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeTrue())
			Expect(w.entry("1.0.0").Verifiers).To(HaveLen(3))
			Expect(w.entry("1.0.0").Rotated).To(Equal("x"))
		},
		Entry("deleted", func(w *world, secret *corev1.Secret) { w.must(w.platform.Delete(w.ctx, secret)) }),
		Entry("changed", func(w *world, secret *corev1.Secret) {
			secret.Data = nil
			w.must(w.platform.Update(w.ctx, secret))
		}),
	)

	It("ends every older secret at once with rotate-and-revoke, also where the Secret cannot be written", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		w.annotate(v1alpha1.AnnotationRotate, "a")
		previous := w.text("1.0.0")
		w.settle()
		leaked := w.secret("1.0.0")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "b")
		first := len(w.writes)
		w.fault = func(n int) (error, error) {
			if n == first+1 {
				return apierrors.NewForbidden(corev1.Resource("secrets"), leaked.Name, errors.New("exceeded quota")), nil
			}
			return nil, nil
		}
		_, err := w.reconcile()
		Expect(err).To(MatchError(ContainSubstring("exceeded quota")))
		Expect(w.accepts("1.0.0", previous)).To(BeFalse())
		Expect(w.accepts("1.0.0", textOf(leaked))).To(BeFalse())
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonCredentialsPending))
		Expect(w.told(eventRevoked)).To(HaveLen(1))

		w.heal()
		w.settle()
		Expect(w.entry("1.0.0").Verifiers).To(HaveLen(1))
		Expect(w.entry("1.0.0").RotatedAndRevoked).To(Equal("b"))
		Expect(w.secret("1.0.0").Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationRotatedAndRevoked, "b"))
		Expect(w.text("1.0.0")).NotTo(Equal(textOf(leaked)))

		By("putting the leaked secret back")
		secret := w.secret("1.0.0")
		secret.Data = leaked.Data
		w.must(platform.Update(w.ctx, secret))
		w.settle()
		Expect(w.accepts("1.0.0", textOf(leaked))).To(BeFalse())
	})

	It("ends the secrets of a version that nobody hosts, too, and gives it another when somebody does", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		old := w.secret("1.0.0")
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "x")
		w.standing = Standing{}
		w.settle()
		Expect(w.accepts("1.0.0", textOf(old))).To(BeFalse())
		Expect(w.secret("1.0.0")).To(Equal(old))
		w.standing = Standing{Host: "operator-co"}
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
		Expect(w.accepts("1.0.0", textOf(old))).To(BeFalse())
	})

	It("ends the secrets of a version whose Secret's name is taken, too", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		old := w.text("1.0.0")
		w.must(platform.Delete(w.ctx, w.secret("1.0.0")))
		taken := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "kpi-dashboard.1.0.0"}}
		w.must(platform.Create(w.ctx, taken))
		w.annotate(v1alpha1.AnnotationRotateAndRevoke, "x")
		w.settle()
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		Expect(w.entry("1.0.0").RotatedAndRevoked).To(Equal("x"))
		w.must(platform.Delete(w.ctx, taken))
		w.settle()
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})

	It("takes no id from a Secret in a restore that is another kind of credential's", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.settle()
		secret := w.secret("1.0.0")
		secret.Annotations[v1alpha1.AnnotationCredentialID] = "sh:7f3a000000000001"
		secret.Annotations[v1alpha1.AnnotationIssueTime] = "2999-01-01T00:00:00Z"
		w.must(w.platform.Update(w.ctx, secret))
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		w.must(w.platform.Status().Update(w.ctx, app))
		w.settle()
		Expect(credential.IsID(w.entry("1.0.0").Verifiers[0].ID)).To(BeTrue())
		Expect(w.entry("1.0.0").Verifiers[0].IssueTime.Time).To(BeTemporally("==", noon))
		Expect(w.accepts("1.0.0", textOf(secret))).To(BeTrue())
	})

	It("rotates nothing in a restore, although the Secret is older than its credential", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		w.pass(8000 * time.Hour)
		w.annotate(v1alpha1.AnnotationRotate, "x")
		w.settle()
		w.pass(8000 * time.Hour)
		w.settle()
		before := w.entry("1.0.0")
		app := w.app()
		app.Status = v1alpha1.ApplicationStatus{}
		w.must(platform.Status().Update(w.ctx, app))
		w.settle()
		after := w.entry("1.0.0")
		Expect(after.Verifiers).To(HaveLen(1))
		Expect(after.Verifiers[0].ID).To(Equal(before.Verifiers[0].ID))
		Expect(after.Verifiers[0].IssueTime).To(Equal(before.Verifiers[0].IssueTime))
		Expect(after.NextRotationTime).To(Equal(before.NextRotationTime))
	})
})
