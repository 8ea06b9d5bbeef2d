package workloads_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"countersign.dev/api/v1alpha1"
)

// failing makes patches of workloads of the kind fail with what err says at that time.
func (w *world) failing(kind v1alpha1.WorkloadKind, err func() error) {
	w.phase.Client = interceptor.NewClient(platform, interceptor.Funcs{Patch: func(
		ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption,
	) error {
		if object.GetObjectKind().GroupVersionKind().Kind == string(kind) {
			return err()
		}
		return c.Patch(ctx, object, patch, options...) //nolint:wrapcheck // stands in for the client
	}})
}

func (w *world) fail() error {
	GinkgoHelper()
	after, err := w.phase.Reconcile(w.ctx, w.app.DeepCopy(), w.app)
	Expect(err).To(HaveOccurred())
	Expect(after).To(BeZero())
	return err
}

var _ = Describe("A workload that cannot be patched", func() {
	It("holds up neither the others of its version nor those of the next, is named, and an error until it can", func() {
		w := newWorld(all[0], all[1])
		objects := w.three()
		w.app.Spec.Versions = append(w.app.Spec.Versions, v1alpha1.ApplicationVersion{Version: "1.1.0", Workloads: all[2:]})
		w.app.Status.Versions = append(w.app.Status.Versions, v1alpha1.ApplicationVersionStatus{Version: "1.1.0"})
		rotate := func(id string) {
			w.rotate(id)
			w.app.Status.Versions[1].Verifiers = w.app.Status.Versions[0].Verifiers
		}
		rotate("first")
		w.reconcile()
		rotate("second")
		away := apierrors.NewInternalError(errors.New("failed calling webhook"))
		w.failing(v1alpha1.WorkloadDeployment, func() error { return away })
		Expect(w.fail()).To(And(MatchError(away), MatchError(ContainSubstring("Deployment kpi"))))
		Expect(w.condition().Status).To(Equal(metav1.ConditionFalse))
		Expect(w.condition().Reason).To(Equal(string(v1alpha1.ReasonWorkloadUpdateFailed)))
		Expect(w.condition().Message).To(And(ContainSubstring("Deployment kpi"), ContainSubstring("failed calling webhook")))
		for i, want := range []string{"", "second", "second"} {
			id, _ := w.told(objects[i])
			Expect(id).To(Equal(want))
		}
		other := meta.FindStatusCondition(w.app.Status.Versions[1].Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
		Expect(other.Status).To(Equal(metav1.ConditionTrue))

		w.phase.Client = platform
		w.reconcile()
		Expect(w.condition().Status).To(Equal(metav1.ConditionTrue))
		for _, object := range objects {
			id, changes := w.told(object)
			Expect(id).To(Equal("second"))
			Expect(changes).To(Equal(int64(1)))
		}
	})

	It("says the same while only the error's words change, which would write the status for ever", func() {
		w := newWorld(all...)
		w.three()
		w.rotate("first")
		calls := 0
		w.failing(v1alpha1.WorkloadStatefulSet, func() error {
			calls++
			return apierrors.NewInternalError(fmt.Errorf("no answer at 10.0.0.1:%d%s", calls, strings.Repeat("…", 1<<15)))
		})
		Expect(w.fail()).NotTo(MatchError(ContainSubstring("10.0.0.1:2")))
		before := w.app.DeepCopy()
		Expect(len(w.condition().Message)).To(BeNumerically("<", 2048))
		Expect(w.fail()).To(MatchError(ContainSubstring("10.0.0.1:2")))
		Expect(w.app).To(Equal(before))
	})

	DescribeTable("for an admission policy is known before the first rotation, with the policy's words",
		func(refusal metav1.StatusReason, want v1alpha1.Reason, returned bool) {
			w := newWorld(deployment("kpi"))
			objects := w.three()
			w.refuse(objects[0], refusal)
			w.rotate("first")
			_, err := w.phase.Reconcile(w.ctx, w.app.DeepCopy(), w.app)
			Expect(err != nil).To(Equal(returned))
			Expect(w.condition().Reason).To(Equal(string(want)))
			Expect(w.condition().Message).To(ContainSubstring("denied request: hands off"))
		},
		Entry("that refuses it as invalid", metav1.StatusReasonInvalid, v1alpha1.ReasonWorkloadUpdateFailed, true),
		Entry("that refuses it as forbidden, as the role's absence does", metav1.StatusReasonForbidden,
			v1alpha1.ReasonWorkloadsForbidden, false),
	)
})

// refuse makes an admission policy for the workload's namespace, and waits until it is in force.
func (w *world) refuse(object client.Object, refusal metav1.StatusReason) {
	GinkgoHelper()
	ours := metav1.ObjectMeta{Name: "hands-off." + w.app.Namespace}
	Expect(platform.Create(w.ctx, &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: ours,
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.app.Namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{appsv1.GroupName}, APIVersions: []string{"v1"}, Resources: []string{"deployments"},
					},
				}}},
			},
			Validations: []admissionv1.Validation{{
				Expression: "object.spec.template == oldObject.spec.template", Message: "hands off", Reason: &refusal,
			}},
		},
	})).To(Succeed())
	Expect(platform.Create(w.ctx, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: ours,
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: ours.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	})).To(Succeed())
	annotate := client.RawPatch("application/merge-patch+json", []byte(
		`{"spec":{"template":{"metadata":{"annotations":{"example.com/tried":"once"}}}}}`))
	Eventually(func() error {
		return platform.Patch(w.ctx, object.DeepCopyObject().(client.Object), annotate, client.DryRunAll) //nolint:forcetypeassert // a copy
	}).Should(HaveOccurred(), "the API server has its own watch")
}
