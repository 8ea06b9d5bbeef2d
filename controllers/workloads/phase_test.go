package workloads_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/workloads"
)

func TestWorkloadsOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "workloads")
}

var (
	config   *rest.Config
	platform client.WithWatch
	noon     = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
)

var _ = BeforeSuite(func() {
	control := &envtest.Environment{}
	DeferCleanup(control.Stop)
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	config = started
	scheme := runtime.NewScheme()
	Expect(appsv1.AddToScheme(scheme)).To(Succeed())
	Expect(corev1.AddToScheme(scheme)).To(Succeed())
	Expect(rbacv1.AddToScheme(scheme)).To(Succeed())
	Expect(admissionv1.AddToScheme(scheme)).To(Succeed())
	platform, err = client.NewWithWatch(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

// world is a namespace, an application in it that is in memory alone, and the phase.
type world struct {
	ctx    context.Context
	app    *v1alpha1.Application
	clock  *clocktesting.FakePassiveClock
	phase  *workloads.Phase
	events *events.FakeRecorder
}

func newWorld(listed ...v1alpha1.Workload) *world {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "w"}}
	Expect(platform.Create(context.Background(), namespace)).To(Succeed())
	recorder, clock := events.NewFakeRecorder(100), clocktesting.NewFakePassiveClock(noon)
	return &world{
		ctx: context.Background(), clock: clock,
		app: &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "kpi", Generation: 1},
			Spec:       v1alpha1.ApplicationSpec{Versions: []v1alpha1.ApplicationVersion{{Version: "1.0.0", Workloads: listed}}},
			Status:     v1alpha1.ApplicationStatus{Versions: []v1alpha1.ApplicationVersionStatus{{Version: "1.0.0"}}},
		},
		phase:  workloads.New(workloads.Deps{Client: platform, Clock: clock, Events: recorder}),
		events: recorder,
	}
}

func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "kpi"}, Annotations: map[string]string{"example.com/theirs": "stays"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kpi", Image: "kpi"}}},
	}
}

// three creates one workload of each kind.
func (w *world) three() []client.Object {
	GinkgoHelper()
	name := metav1.ObjectMeta{Namespace: w.app.Namespace, Name: "kpi"}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "kpi"}}
	objects := []client.Object{
		&appsv1.Deployment{ObjectMeta: name, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template()}},
		&appsv1.StatefulSet{ObjectMeta: name, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template()}},
		&appsv1.DaemonSet{ObjectMeta: name, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template()}},
	}
	for _, object := range objects {
		Expect(platform.Create(w.ctx, object)).To(Succeed())
	}
	return objects
}

// rotate gives the version a new credential, as the phase before does.
func (w *world) rotate(id string) {
	entry, now := &w.app.Status.Versions[0], metav1.Time{Time: noon}
	for i := range entry.Verifiers {
		entry.Verifiers[i].ExpirationTime = &metav1.Time{Time: noon.Add(time.Hour)}
	}
	entry.Verifiers = append([]v1alpha1.Verifier{{ID: id, IssueTime: now, DeliveryTime: &now}}, entry.Verifiers...)
}

func (w *world) reconcile() time.Duration {
	GinkgoHelper()
	after, err := w.phase.Reconcile(w.ctx, w.app.DeepCopy(), w.app)
	Expect(err).NotTo(HaveOccurred())
	return after
}

func (w *world) condition() *metav1.Condition {
	return meta.FindStatusCondition(w.app.Status.Versions[0].Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
}

// seen is what a workload's controller looks at: it rolls once for each generation with another template.
func (w *world) seen(object client.Object) (generation int64, annotations map[string]string) {
	GinkgoHelper()
	Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	switch object := object.(type) {
	case *appsv1.Deployment:
		return object.Generation, object.Spec.Template.Annotations
	case *appsv1.StatefulSet:
		return object.Generation, object.Spec.Template.Annotations
	case *appsv1.DaemonSet:
		return object.Generation, object.Spec.Template.Annotations
	}
	return 0, nil
}

var all = []v1alpha1.Workload{
	{Kind: v1alpha1.WorkloadDeployment, Name: "kpi"},
	{Kind: v1alpha1.WorkloadStatefulSet, Name: "kpi"},
	{Kind: v1alpha1.WorkloadDaemonSet, Name: "kpi"},
}

var _ = Describe("Workloads", func() {
	It("roll exactly once for each rotation, and never otherwise", func() {
		w := newWorld(all...)
		objects := w.three()
		expect := func(generation int64, id string) {
			GinkgoHelper()
			for _, object := range objects {
				got, annotations := w.seen(object)
				Expect(got).To(Equal(generation))
				Expect(annotations[v1alpha1.AnnotationCredentialID]).To(Equal(id))
				Expect(annotations).To(HaveKeyWithValue("example.com/theirs", "stays"))
			}
		}
		w.reconcile()
		expect(1, "")
		w.rotate("first")
		w.reconcile()
		expect(1, "")
		w.rotate("second")
		w.reconcile()
		expect(2, "second")
		w.app.Generation++ // somebody edits a label, or the operator restarts
		w.reconcile()
		expect(2, "second")
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))

		before := w.app.DeepCopy()
		w.rotate("third")
		rotated := w.app.DeepCopy()
		w.reconcile()
		expect(3, "third")
		// A crash before the status was written: they are told again, and do not roll again.
		w.app = rotated
		w.app.Status.Versions[0].WorkloadsCredentialID = before.Status.Versions[0].WorkloadsCredentialID
		w.reconcile()
		expect(3, "third")
	})

	It("are told under the operator's name, also where they roll later: paused, or as their pods are deleted", func() {
		w := newWorld(all[0], all[1])
		objects := w.three()
		deployment, set := objects[0].(*appsv1.Deployment), objects[1].(*appsv1.StatefulSet)
		deployment.Spec.Paused = true
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}
		Expect(platform.Update(w.ctx, deployment)).To(Succeed())
		Expect(platform.Update(w.ctx, set)).To(Succeed())
		w.rotate("first")
		w.reconcile()
		Expect(w.events.Events).To(BeEmpty())
		w.rotate("second")
		w.reconcile()
		Expect(w.events.Events).To(Receive(ContainSubstring("2 of 2 workloads of version 1.0.0 were told of credential second")))
		for _, object := range objects[:2] {
			_, annotations := w.seen(object)
			Expect(annotations).To(HaveKeyWithValue(v1alpha1.AnnotationCredentialID, "second"))
			Expect(object.GetManagedFields()).To(ContainElement(HaveField("Manager", v1alpha1.FieldManager)))
		}
		Expect(deployment.Spec.Paused).To(BeTrue())
		Expect(set.Spec.UpdateStrategy.Type).To(Equal(appsv1.OnDeleteStatefulSetStrategyType))
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
	})

	It("are left alone by the operator when another hand takes the annotation off", func() {
		w := newWorld(all[0])
		deployment := w.three()[0].(*appsv1.Deployment)
		w.rotate("first")
		w.reconcile()
		w.rotate("second")
		w.reconcile()
		w.seen(deployment)
		deployment.Spec.Template.Annotations = nil
		Expect(platform.Update(w.ctx, deployment)).To(Succeed())
		w.app.Generation++
		Expect(w.reconcile()).To(BeZero())
		_, annotations := w.seen(deployment)
		Expect(annotations).To(BeEmpty())
		w.rotate("third")
		w.reconcile()
		_, annotations = w.seen(deployment)
		Expect(annotations).To(HaveKeyWithValue(v1alpha1.AnnotationCredentialID, "third"))
	})

	It("that are listed after a rotation do not roll for it", func() {
		w := newWorld()
		objects := w.three()
		w.rotate("first")
		w.rotate("second")
		w.reconcile()
		w.app.Spec.Versions[0].Workloads = all
		w.app.Generation++
		w.reconcile()
		generation, _ := w.seen(objects[0])
		Expect(generation).To(Equal(int64(1)))
		w.rotate("third")
		w.reconcile()
		_, annotations := w.seen(objects[0])
		Expect(annotations).To(HaveKeyWithValue(v1alpha1.AnnotationCredentialID, "third"))
	})

	It("do not roll to a credential that is not in the Secret yet", func() {
		w := newWorld(all...)
		objects := w.three()
		w.rotate("first")
		w.reconcile()
		w.rotate("second")
		w.app.Status.Versions[0].Verifiers[0].DeliveryTime = nil
		w.reconcile()
		generation, _ := w.seen(objects[0])
		Expect(generation).To(Equal(int64(1)))
	})

	It("that are not there are named, before and after a rotation, and the others roll", func() {
		w := newWorld(append(all, v1alpha1.Workload{Kind: v1alpha1.WorkloadDeployment, Name: "typo"})...)
		objects := w.three()
		w.rotate("first")
		Expect(w.reconcile()).To(BeNumerically(">", 0))
		Expect(w.condition().Reason).To(Equal(string(v1alpha1.ReasonWorkloadNotFound)))
		Expect(w.condition().Message).To(ContainSubstring("Deployment typo"))
		w.rotate("second")
		w.reconcile()
		Expect(w.condition().Message).To(ContainSubstring("Deployment typo"))
		_, annotations := w.seen(objects[2])
		Expect(annotations).To(HaveKeyWithValue(v1alpha1.AnnotationCredentialID, "second"))
		w.app.Spec.Versions[0].Workloads = all
		Expect(w.reconcile()).To(BeZero())
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
	})

	It("of which nothing is noted are tried, whatever a condition says that came with a restore", func() {
		w := newWorld(all...)
		w.three()
		w.rotate("another")
		w.reconcile()
		w.app.Status.Versions[0].WorkloadsCredentialID = ""
		w.app.Status.Versions[0].Verifiers = nil
		w.rotate("first")
		w.reconcile()
		Expect(w.condition().Message).To(ContainSubstring("up to credential first"))
	})

	It("of a version that lists none are none of its business", func() {
		w := newWorld(all...)
		w.three()
		w.rotate("first")
		w.reconcile()
		w.app.Spec.Versions[0].Workloads = nil
		w.reconcile()
		Expect(w.condition()).To(BeNil())
		Expect(w.app.Status.Versions[0].WorkloadsCredentialID).To(BeEmpty())
	})
})
