package plugin

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"countersign.dev/api/v1alpha1"
	operated "countersign.dev/controllers/credentials"
)

// What the plugin takes for readable and the operator does not act on would make 'rotate' a command without effect.
func TestThePluginReadsAnAnnotationAsTheOperatorDoes(t *testing.T) {
	t.Parallel()
	phase := operator(t)
	parts := []string{
		"a", " a ", "2030-06-01T12:00:00+01:00", "b", "1.0.0", "1.1.0", "1.0.0=a", "1.0.0 = a", "1.0.0=1.0.0", "1.1.0=b", "3=a", "=a",
		"1.0.0=", "a=b=c", "a b", "ä", "a/b", "", " ", strings.Repeat("a", 64), strings.Repeat("a", 65),
	}
	texts := parts
	for _, first := range parts {
		for _, second := range parts {
			texts = append(texts, first+","+second)
		}
	}
	acted := 0
	for _, text := range texts {
		app := &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Namespace: "operator-co", Name: "kpi", Annotations: map[string]string{v1alpha1.AnnotationRotate: text}},
			Spec:       v1alpha1.ApplicationSpec{Versions: []v1alpha1.ApplicationVersion{{Version: "1.0.0"}, {Version: "1.1.0"}}},
		}
		if _, err := phase.Reconcile(t.Context(), app, operated.Standing{Host: "operator-co"}); err != nil {
			t.Fatal(err)
		}
		said := meta.FindStatusCondition(app.Status.Conditions, string(v1alpha1.ConditionRotationPending))
		acts := said == nil || !strings.Contains(said.Message, "changes nothing")
		if _, readable := readWords(app, text); readable != acts && text != "" { // the plugin takes an empty one for none
			t.Errorf("%q: the plugin says %t, the operator %t: %+v", text, readable, acts, said)
		}
		if acts {
			acted++
		}
		// Whatever stands there, the operator acts on what the plugin makes of it.
		app.Annotations[v1alpha1.AnnotationRotate], _ = newWords(app, text, "1.1.0", "0123456789abcdef")
		if _, err := phase.Reconcile(t.Context(), app, operated.Standing{Host: "operator-co"}); err != nil {
			t.Fatal(err)
		}
		said = meta.FindStatusCondition(app.Status.Conditions, string(v1alpha1.ConditionRotationPending))
		if said != nil && strings.Contains(said.Message, "changes nothing") {
			t.Errorf("%q became %q: %s", text, app.Annotations[v1alpha1.AnnotationRotate], said.Message)
		}
	}
	if acted < 10 || acted > len(texts)-10 {
		t.Errorf("%d of %d texts are acted on: this compares nothing", acted, len(texts))
	}
}

// operator is what acts on annotations, on a cluster in memory.
func operator(t *testing.T) *operated.Phase {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	empty := fake.NewClientBuilder().WithScheme(scheme).WithIndex(&corev1.Secret{}, operated.FieldApplication, func(o client.Object) []string {
		return operated.ByApplication(o.(*corev1.Secret))
	}).Build()
	return operated.New(operated.Deps{
		Client: empty, Live: empty, Clock: clocktesting.NewFakePassiveClock(time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)),
		Rand: rand.Reader, Issuer: "https://tokens.example.com", Events: events.NewFakeRecorder(10000),
	})
}
