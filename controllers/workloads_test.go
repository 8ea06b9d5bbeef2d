package controllers

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A workload of a version", func() {
	It("rolls to the credential of a rotation, and to nothing else that is reconciled", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		labels := map[string]string{"app": "kpi"}
		deployment := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: "kpi"},
			Spec: appsv1.DeploymentSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kpi", Image: "kpi"}}},
				},
			},
		}
		cluster, err := client.New(config, client.Options{})
		Expect(err).NotTo(HaveOccurred())
		Expect(cluster.Create(w.ctx, deployment)).To(Succeed())
		told := func() string {
			GinkgoHelper()
			Expect(cluster.Get(w.ctx, client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
			return deployment.Spec.Template.Annotations[v1alpha1.AnnotationCredentialID]
		}

		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.Versions[0].Workloads = []v1alpha1.Workload{{Kind: v1alpha1.WorkloadDeployment, Name: "kpi"}}
		})
		w.reconcile(app)
		Expect(told()).To(BeEmpty(), "its pods start with the first credential anyway")
		Expect(reasonOf(app.Status.Versions[0].Conditions, v1alpha1.ConditionWorkloadsUpdated)).
			To(Equal(v1alpha1.ReasonWorkloadsUpdated))

		edit(w, app, func(a *v1alpha1.Application) { a.Annotations = map[string]string{v1alpha1.AnnotationRotate: "once"} })
		w.reconcile(app)
		w.reconcile(app)
		Expect(told()).To(Equal(app.Status.Versions[0].Verifiers[0].ID))
		Expect(app.Status.Versions[0].WorkloadsCredentialID).To(Equal(told()))
		Expect(deployment.Generation).To(Equal(int64(2)), "it rolls once")

		By("losing the status, as in a restore")
		app.Status = v1alpha1.ApplicationStatus{}
		Expect(platform.Status().Update(w.ctx, app)).To(Succeed())
		w.reconcile(app)
		w.reconcile(app)
		Expect(app.Status.Versions[0].Verifiers[0].ID).To(Equal(told()))
		Expect(deployment.Generation).To(Equal(int64(2)), "the credential is the same")
	})

	It("that cannot be patched is said in status, and returned as an error and nothing beside it", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		Expect(w.reconcile(app).RequeueAfter).NotTo(BeZero(), "its rotation")
		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.Versions[0].Workloads = []v1alpha1.Workload{{Kind: v1alpha1.WorkloadDeployment, Name: "kpi"}}
		})
		away := errors.New("a webhook is away")
		deps := w.deps
		deps.Client = interceptor.NewClient(withoutIndex(platform), interceptor.Funcs{
			Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
				return away
			},
		})
		result, err := newApplications(deps).Reconcile(w.ctx, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(app)})
		Expect(err).To(MatchError(away))
		Expect(result).To(BeZero())
		Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
		Expect(reasonOf(app.Status.Versions[0].Conditions, v1alpha1.ConditionWorkloadsUpdated)).
			To(Equal(v1alpha1.ReasonWorkloadUpdateFailed))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
	})
})

var _ = Describe("A status", func() {
	It("is written under the operator's name", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		w.reconcile(app)
		var managers []string
		for _, entry := range app.ManagedFields {
			if entry.Subresource == "status" {
				managers = append(managers, entry.Manager)
			}
		}
		Expect(managers).To(ConsistOf(v1alpha1.FieldManager))
	})
})
