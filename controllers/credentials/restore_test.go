package credentials

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// backup is what a tool that reads object by object has of an application: all that these say, with status and UIDs.
type backup struct {
	app     *v1alpha1.Application
	secrets []corev1.Secret
}

func (w *world) backup() backup {
	w.Helper()
	list := &corev1.SecretList{}
	w.must(w.platform.List(w.ctx, list, client.InNamespace(w.namespace)))
	return backup{w.app(), list.Items}
}

// loseAll is the end of the cluster, for this application.
func (w *world) loseAll() {
	w.Helper()
	w.must(w.platform.Delete(w.ctx, w.app()))
	w.must(w.platform.DeleteAllOf(w.ctx, &corev1.Secret{}, client.InNamespace(w.namespace)))
}

// restoreApplication creates the Application: the API server gives it another UID, and drops its status.
func (w *world) restoreApplication(from backup) {
	w.Helper()
	app := from.app.DeepCopy()
	app.ResourceVersion, app.UID, app.Status = "", "", v1alpha1.ApplicationStatus{}
	w.must(w.platform.Create(w.ctx, app))
}

// restoreStatus is what a tool does that is told to bring back status, too.
func (w *world) restoreStatus(from backup) {
	w.Helper()
	app := w.app()
	app.Status = from.app.Status
	w.must(w.platform.Status().Update(w.ctx, app))
}

// restoreSecrets creates the Secrets with all that they said, owner references included, or writes that into those that are
// there, as kubectl apply does.
func (w *world) restoreSecrets(from backup) {
	w.Helper()
	for i := range from.secrets {
		secret := from.secrets[i].DeepCopy()
		secret.ResourceVersion, secret.UID = "", ""
		if found := w.secretNamed(secret.Name); found != nil {
			found.Annotations = merged(found.Annotations, secret.Annotations)
			found.OwnerReferences = append(found.OwnerReferences, secret.OwnerReferences...)
			found.Data = secret.Data
			w.must(w.platform.Update(w.ctx, found))
			continue
		}
		w.must(w.platform.Create(w.ctx, secret))
	}
}

var _ = Describe("An application that is restored object by object, under another UID", func() {
	for how, steps := range map[string]func(w *world, from backup){
		"the Application alone": func(w *world, from backup) {
			w.restoreApplication(from)
		},
		"its Secrets first, and the operator sees them before": func(w *world, from backup) {
			w.restoreSecrets(from)
			_, err := w.reconcile()
			w.must(err)
			Expect(w.secret("1.0.0")).To(BeNil(), "what no pod can use is not left to start pods with")
			w.restoreApplication(from)
		},
		"its Secrets first, while no operator runs": func(w *world, from backup) {
			w.restoreSecrets(from)
			w.restoreApplication(from)
		},
		"its Secrets first, and the tenant only later": func(w *world, from backup) {
			w.restoreSecrets(from)
			w.restoreApplication(from)
			_, err := w.reconcileAs(Standing{})
			w.must(err)
		},
		"its Secrets last, over the ones that it has got meanwhile": func(w *world, from backup) {
			w.restoreApplication(from)
			w.settle()
			w.restoreSecrets(from)
		},
		"its status, too, before the operator sees it": func(w *world, from backup) {
			w.restoreSecrets(from)
			w.restoreApplication(from)
			w.restoreStatus(from)
		},
		"its status, too, and the tenant only later": func(w *world, from backup) {
			w.restoreApplication(from)
			w.restoreStatus(from)
			_, err := w.reconcileAs(Standing{})
			w.must(err)
			Expect(w.entry("1.0.0").Verifiers).To(BeEmpty())
		},
		"its status, too, over the one that it has got meanwhile": func(w *world, from backup) {
			w.restoreApplication(from)
			w.settle()
			w.restoreStatus(from)
		},
	} {
		It("is another one: no old secret is accepted, and it has new ids and credentials: "+how, func() {
			w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
			w.edit(func(s *v1alpha1.ApplicationSpec) { s.CredentialPolicy.BindingVersion = "1.0.0" })
			w.settle()
			older := w.text("1.0.0")
			w.annotate(v1alpha1.AnnotationRotate, "friday")
			w.settle()
			old, was, from := w.text("1.0.0"), w.entry("1.0.0"), w.backup()
			Expect(w.accepts("1.0.0", older)).To(BeTrue())
			Expect(from.secrets).To(HaveLen(2))

			w.loseAll()
			steps(w, from)
			w.settle()
			fresh, entry, uid := w.text("1.0.0"), w.entry("1.0.0"), w.app().UID
			Expect(fresh).NotTo(Equal(old))
			Expect(w.accepts("1.0.0", fresh)).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeFalse())
			Expect(w.accepts("1.0.0", older)).To(BeFalse())
			Expect(entry.ClientID).NotTo(Equal(was.ClientID))
			Expect(entry.Verifiers[0].ID).NotTo(Equal(was.Verifiers[0].ID))
			Expect(entry.Verifiers[0].Cause).NotTo(Equal(v1alpha1.CauseRotation), "the word was executed before")
			Expect(entry.Rotated).To(Equal("friday"))
			Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
			Expect(w.boundText()).To(Equal(fresh))
			for _, secret := range []*corev1.Secret{w.secret("1.0.0"), w.secretNamed(bindingSecret)} {
				Expect(secret.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationApplicationUID, string(uid)))
				Expect(secret.OwnerReferences).To(HaveLen(1))
				Expect(secret.OwnerReferences[0].UID).To(Equal(uid))
			}
		})
	}

	It("does not fight over the Secret of a binding either", func() {
		w := newWorldOn(GinkgoT(), standIn(), granted("1.0.0"))
		w.mends = newMends()
		w.bind("1.0.0")
		from := w.backup()
		w.loseAll()
		w.restoreApplication(from)
		for range 30 {
			w.settle()
			secret := w.secretNamed(bindingSecret)
			for _, old := range from.secrets {
				if old.Name == bindingSecret {
					secret.Annotations, secret.OwnerReferences, secret.Data = old.Annotations, old.OwnerReferences, old.Data
				}
			}
			w.must(w.platform.Update(w.ctx, secret))
			w.pass(time.Second)
		}
		first := len(w.writes)
		Expect(first).To(BeNumerically("<", 30))
		Expect(w.settle()).To(BeNumerically(">", time.Second))
		Expect(w.bound().Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(w.writes).To(HaveLen(first))
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		w.pass(time.Minute)
		w.settle()
		Expect(w.boundText()).To(Equal(w.text("1.0.0")))
	})

	for what, edit := range map[string]func(*corev1.Secret, *v1alpha1.Application){
		"none": func(s *corev1.Secret, _ *v1alpha1.Application) { s.OwnerReferences = nil },
		"one to the living application, as from a tool that renews them": func(s *corev1.Secret, app *v1alpha1.Application) {
			s.OwnerReferences[0].UID = app.UID
		},
	} {
		It("finds a Secret that came without its owner reference to be nobody's, and says what to do; it has "+what, func() {
			w := newWorld(GinkgoT(), granted("1.0.0"))
			w.settle()
			from, old := w.backup(), w.text("1.0.0")
			w.loseAll()
			w.restoreApplication(from)
			edit(&from.secrets[0], w.app())
			w.restoreSecrets(from)
			before := w.secret("1.0.0")
			w.settle()
			Expect(w.secret("1.0.0")).To(Equal(before))
			Expect(w.accepts("1.0.0", old)).To(BeFalse())
			Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretNameConflict))
			Expect(w.ready("1.0.0").Message).To(And(
				ContainSubstring("Secret kpi-dashboard.1.0.0 "), ContainSubstring(string(from.app.UID)), ContainSubstring("restore"),
				ContainSubstring("delete it")))

			By("deleting it")
			w.must(platform.Delete(w.ctx, before))
			w.settle()
			Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
			Expect(w.accepts("1.0.0", old)).To(BeFalse())
		})
	}

	It("does not fight a tool that keeps applying the backup: it is told who that is, and when the next repair is", func() {
		w := newWorld(GinkgoT(), granted("1.0.0"))
		w.settle()
		from, old := w.backup(), w.text("1.0.0")
		w.loseAll()
		w.restoreApplication(from)
		removals := 0
		for range 3 * promptRepairs {
			w.settle()
			first := len(w.writes)
			secret := from.secrets[0].DeepCopy()
			secret.ResourceVersion, secret.UID, secret.ManagedFields = "", "", nil
			if found := w.secret("1.0.0"); found != nil {
				secret.ResourceVersion = found.ResourceVersion
				w.must(platform.Update(w.ctx, secret, client.FieldOwner("somebodys-gitops")))
			} else {
				w.must(platform.Create(w.ctx, secret, client.FieldOwner("somebodys-gitops")))
			}
			w.settle()
			for _, write := range w.writes[first:] {
				if write == "delete secret" {
					removals++
				}
			}
			w.pass(time.Second)
		}
		Expect(removals).To(Equal(promptRepairs))
		Expect(w.accepts("1.0.0", old)).To(BeFalse())
		Expect(w.ready("1.0.0").Reason).To(BeEquivalentTo(v1alpha1.ReasonSecretContested))
		Expect(w.ready("1.0.0").Message).To(And(ContainSubstring(`"somebodys-gitops"`), ContainSubstring("2030-06-01T12:01:01Z")))

		By("the tool's coming to an end")
		w.pass(time.Minute)
		w.settle()
		Expect(w.ready("1.0.0").Status).To(Equal(metav1.ConditionTrue))
		Expect(w.accepts("1.0.0", w.text("1.0.0"))).To(BeTrue())
	})
})
