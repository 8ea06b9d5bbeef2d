package workloads_test

import (
	"bufio"
	"bytes"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/workloads"
)

// told is the id in the pod template, and how often that was changed.
func (w *world) told(object client.Object) (id string, changes int64) {
	GinkgoHelper()
	generation, annotations := w.seen(object)
	return annotations[v1alpha1.AnnotationCredentialID], generation - 1
}

// list lists the workloads that are given, and counts the edit.
func (w *world) list(listed ...v1alpha1.Workload) {
	w.app.Spec.Versions[0].Workloads = listed
	w.app.Generation++
}

// limited makes the phase work as a user who has no right, and returns what binds the role to them.
func (w *world) limited() (bind func()) {
	GinkgoHelper()
	as := rest.CopyConfig(config)
	as.Impersonate = rest.ImpersonationConfig{UserName: "operator-of-" + w.app.Namespace}
	limited, err := client.New(as, client.Options{Scheme: platform.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	w.phase.Client = limited
	return func() {
		GinkgoHelper()
		role := readRole()
		Expect(client.IgnoreAlreadyExists(platform.Create(w.ctx, role))).To(Succeed())
		Expect(platform.Create(w.ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: w.app.Namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: as.Impersonate.UserName}},
		})).To(Succeed())
		Eventually(w.reconcile).Should(BeZero(), "the authorizer has its own watch")
	}
}

func deployment(name string) v1alpha1.Workload {
	return v1alpha1.Workload{Kind: v1alpha1.WorkloadDeployment, Name: name}
}

var _ = Describe("Workloads that could not be told of a rotation", func() {
	It("for want of the optional role are told once it is bound, which is known before the first rotation", func() {
		w := newWorld(all...)
		objects := w.three()
		bind := w.limited()
		w.rotate("first")
		Expect(w.reconcile()).To(BeNumerically(">", 0))
		Expect(w.condition().Reason).To(Equal(string(v1alpha1.ReasonWorkloadsForbidden)))
		Expect(w.condition().Message).To(And(ContainSubstring(workloads.Role), Not(ContainSubstring("first"))))
		w.rotate("second")
		Expect(w.reconcile()).To(BeNumerically(">", 0))
		Expect(w.condition().Message).To(ContainSubstring("credential second is still theirs to hear of"))

		bind()
		for _, object := range objects {
			id, changes := w.told(object)
			Expect(id).To(Equal("second"))
			Expect(changes).To(Equal(int64(1)))
		}
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
	})

	It("for a wrong name are told once it is corrected", func() {
		w := newWorld(deployment("kip"))
		objects := w.three()
		w.rotate("first")
		w.reconcile()
		w.rotate("second")
		w.reconcile()
		Expect(w.condition().Reason).To(Equal(string(v1alpha1.ReasonWorkloadNotFound)))
		w.list(deployment("kpi"))
		Expect(w.reconcile()).To(BeZero())
		id, _ := w.told(objects[0])
		Expect(id).To(Equal("second"))
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
	})

	It("are told of the last one, where there were several", func() {
		w := newWorld(deployment("kpi"), deployment("typo"))
		objects := w.three()
		for _, id := range []string{"first", "second", "third"} {
			w.rotate(id)
			w.reconcile()
		}
		w.list(deployment("kpi"))
		w.reconcile()
		id, changes := w.told(objects[0])
		Expect(id).To(Equal("third"))
		Expect(changes).To(Equal(int64(2)))
		Expect(w.app.Status.Versions[0].WorkloadsCredentialID).To(Equal("third"))
		Expect(w.app.Status.Versions[0].WorkloadsTold).To(BeEmpty())
	})

	It("hold up no other, which is told once, even if somebody takes the annotation off again", func() {
		w := newWorld(deployment("typo"), deployment("kpi"))
		objects := w.three()
		w.rotate("first")
		w.reconcile()
		w.rotate("second")
		w.reconcile()
		id, _ := w.told(objects[0])
		Expect(id).To(Equal("second"))
		kpi := objects[0].(*appsv1.Deployment) //nolint:forcetypeassert // it is the first of three
		delete(kpi.Spec.Template.Annotations, v1alpha1.AnnotationCredentialID)
		Expect(platform.Update(w.ctx, kpi)).To(Succeed())
		w.reconcile()
		id, _ = w.told(objects[0])
		Expect(id).To(BeEmpty(), "it would roll at each trial for as long as both hands are at it")
	})

	It("because it was asked for in the edit that lists them, are told", func() {
		w := newWorld(all...)
		objects := w.three()
		w.rotate("first")
		before := w.app.DeepCopy()
		w.rotate("second")
		_, err := w.phase.Reconcile(w.ctx, before, w.app)
		Expect(err).NotTo(HaveOccurred())
		id, _ := w.told(objects[0])
		Expect(id).To(Equal("second"))
	})

	It("are told by an operator whose clock is an hour behind, though they seem to be younger than the credential", func() {
		w := newWorld(all...)
		w.rotate("first")
		objects := w.three()
		w.reconcile()
		w.rotate("second")
		w.app.Status.Versions[0].Verifiers[0].DeliveryTime = &metav1.Time{Time: time.Now().Add(-time.Hour)}
		w.reconcile()
		id, _ := w.told(objects[0])
		Expect(id).To(Equal("second"))
	})

	It("because they were not there have the credential when they are created, and do not roll for it", func() {
		w := newWorld(deployment("kpi"))
		w.rotate("first")
		w.reconcile()
		w.rotate("second")
		w.app.Status.Versions[0].Verifiers[0].DeliveryTime = &metav1.Time{Time: time.Now().Add(-3 * time.Hour)}
		w.reconcile()
		Expect(w.condition().Reason).To(Equal(string(v1alpha1.ReasonWorkloadNotFound)))
		objects := w.three()
		Expect(w.reconcile()).To(BeZero())
		_, changes := w.told(objects[0])
		Expect(changes).To(BeZero())
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
	})

	It("because access was taken out and given back are told; meanwhile nothing is said of them", func() {
		w := newWorld(all...)
		objects := w.three()
		w.rotate("first")
		w.reconcile()
		w.app.Status.Versions[0].Verifiers = nil
		w.reconcile()
		Expect(w.condition()).To(BeNil())
		w.rotate("second")
		w.reconcile()
		id, _ := w.told(objects[0])
		Expect(id).To(Equal("second"))
	})

	It("are tried again after growing pauses: at most an hour, and a day where no rotation waits", func() {
		w := newWorld(deployment("typo"))
		w.rotate("first")
		after := func(since time.Duration) time.Duration {
			GinkgoHelper()
			w.clock.SetTime(noon.Add(since))
			return w.reconcile()
		}
		Expect(after(0)).To(Equal(5 * time.Minute))
		Expect(after(-time.Hour)).To(Equal(5*time.Minute), "a clock that was set back")
		Expect(after(20 * time.Minute)).To(Equal(20 * time.Minute))
		Expect(after(72 * time.Hour)).To(Equal(24 * time.Hour))
		w.rotate("second")
		Expect(after(72 * time.Hour)).To(Equal(time.Hour))
	})

	It("are tried again when the first of several versions is", func() {
		w := newWorld(deployment("typo"))
		w.rotate("first")
		w.reconcile()
		w.app.Spec.Versions = append(w.app.Spec.Versions, w.app.Spec.Versions[0])
		w.app.Status.Versions = append(w.app.Status.Versions, *w.app.Status.Versions[0].DeepCopy())
		w.app.Status.Versions[1].Conditions = nil
		w.clock.SetTime(noon.Add(time.Hour))
		Expect(w.reconcile()).To(Equal(5 * time.Minute))
	})
})

// readRole returns the role as it is installed.
func readRole() *rbacv1.ClusterRole {
	GinkgoHelper()
	data, err := os.ReadFile("../../config/workloads/rbac.yaml")
	Expect(err).NotTo(HaveOccurred())
	document, err := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))).Read()
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(document, role)).To(Succeed())
	return role
}
