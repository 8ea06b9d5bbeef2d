package injector_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/injector"
)

// kpi is an application with one version that has access.
func kpi() *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: "operator-co", Name: "kpi"},
		Spec: v1alpha1.ApplicationSpec{
			Versions: []v1alpha1.ApplicationVersion{{Version: "1.0.0", Access: &v1alpha1.Access{Level: "limited"}}},
			CredentialPolicy: v1alpha1.CredentialPolicy{Environment: v1alpha1.Environment{
				Type: v1alpha1.EnvironmentCustom, Keys: &v1alpha1.EnvironmentKeys{ClientID: "CLIENT_ID", ClientSecret: "CLIENT_SECRET"},
			}},
		},
	}
}

// labelled are the labels of its pods.
func labelled() map[string]string {
	return map[string]string{v1alpha1.LabelApplication: "kpi", v1alpha1.LabelVersion: "1.0.0"}
}

func reader(t *testing.T, apps ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(apps...).Build()
}

// questions is how many questions the API server is asked in these tests.
const questions = 2

func handler(apps, live client.Reader) *injector.Handler {
	return &injector.Handler{Applications: apps, Live: live, LiveReads: rate.NewLimiter(0, questions)}
}

// counting counts what the API server is asked.
type counting struct {
	client.Reader
	reads int
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	c.reads++
	return c.Reader.Get(ctx, key, into, options...)
}

// ask asks as an API server does, which takes what there is for an answer.
func ask(t *testing.T, handler *injector.Handler, pod []byte) admission.Response {
	t.Helper()
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "1", Namespace: "operator-co", Object: runtime.RawExtension{Raw: pod},
	}}
	answer := handler.Handle(t.Context(), request)
	if err := answer.Complete(request); err != nil {
		t.Fatal(err)
	}
	return answer
}

func podWith(t *testing.T, labels map[string]string) []byte {
	t.Helper()
	return toJSON(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kpi"}}},
	})
}

func TestAPodGetsTheSecretThatStatusReportsOrElseTheOneThatSpecWillHave(t *testing.T) {
	for says, c := range map[string]struct{ chosen, reported, want string }{
		"reported, and none chosen":            {reported: "kpi.1.0.0", want: "kpi.1.0.0"},
		"reported while another one is chosen": {chosen: "new", reported: "kpi.1.0.0", want: "kpi.1.0.0"},
		"chosen, and not reported yet":         {chosen: "new", want: "new"},
		"neither":                              {want: "kpi.1.0.0"},
	} {
		t.Run(says, func(t *testing.T) {
			app := kpi()
			app.Spec.Versions[0].SecretName = c.chosen
			app.Status.Versions = []v1alpha1.ApplicationVersionStatus{{Version: "1.0.0", SecretName: c.reported}}
			apps, pod := reader(t, app), podWith(t, labelled())
			answer := ask(t, handler(apps, apps), pod)
			if !answer.Allowed {
				t.Fatal(answer.Result)
			}
			for _, variable := range fromJSON[corev1.Pod](t, mutated(t, pod, answer.Patches)).Spec.Containers[0].Env {
				if variable.ValueFrom.SecretKeyRef.Name != c.want {
					t.Errorf("%s is of Secret %s", variable.Name, variable.ValueFrom.SecretKeyRef.Name)
				}
			}
		})
	}
}

func TestAFieldThatIsYoungerThanTheInjectorStays(t *testing.T) {
	const pod = `{"metadata": {"labels": {"countersign.dev/application": "kpi", "countersign.dev/version": "1.0.0"}, "later": 1},
		"spec": {"laterGuard": {"enforce": true}, "containers": [{"name": "kpi", "laterGuard": ["on"]}]}}`
	apps := reader(t, kpi())
	answer := ask(t, handler(apps, apps), []byte(pod))
	if !answer.Allowed || len(answer.Patches) == 0 {
		t.Fatal("it gets no variables: ", answer.Result)
	}
	after := fromJSON[object](t, mutated(t, []byte(pod), answer.Patches))
	if diff := cmp.Diff(fromJSON[object](t, []byte(pod)), withoutEnv(after)); diff != "" {
		t.Error(diff)
	}
}
