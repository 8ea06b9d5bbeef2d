package injector_test

import (
	"encoding/json"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/injector"
)

func TestAPodGetsTheSecretThatStatusReportsOrElseTheOneThatSpecWillHave(t *testing.T) {
	for says, c := range map[string]struct{ chosen, reported, want string }{
		"reported, and none chosen":            {reported: "kpi.1.0.0", want: "kpi.1.0.0"},
		"reported while another one is chosen": {chosen: "new", reported: "kpi.1.0.0", want: "kpi.1.0.0"},
		"chosen, and not reported yet":         {chosen: "new", want: "new"},
		"neither":                              {want: "kpi.1.0.0"},
	} {
		t.Run(says, func(t *testing.T) {
			app := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: "operator-co", Name: "kpi"}}
			app.Spec.Versions = []v1alpha1.ApplicationVersion{{Version: "1.0.0", Access: &v1alpha1.Access{}, SecretName: c.chosen}}
			app.Status.Versions = []v1alpha1.ApplicationVersionStatus{{Version: "1.0.0", SecretName: c.reported}}
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(app).Build()
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "kpi"}}}}
			pod.Labels = map[string]string{v1alpha1.LabelApplication: "kpi", v1alpha1.LabelVersion: "1.0.0"}
			raw, err := json.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			handler := &injector.Handler{Applications: reader, Live: reader}
			answer := handler.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Namespace: "operator-co", Object: runtime.RawExtension{Raw: raw},
			}})
			patch, err := json.Marshal(answer.Patches)
			if err != nil {
				t.Fatal(err)
			}
			if !answer.Allowed || !strings.Contains(string(patch), `"secretKeyRef":{"key":"CLIENT_ID","name":"`+c.want+`"}`) {
				t.Errorf("allowed %v: %s", answer.Allowed, patch)
			}
		})
	}
}
