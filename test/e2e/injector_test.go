//go:build e2e

package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

var labelled = map[string]string{v1alpha1.LabelApplication: application, v1alpha1.LabelVersion: version}

func TestALabelledPodGetsItsCredentialsFromTheInjector(t *testing.T) {
	s := newScene(t, nil)
	spec := s.podSpec()
	spec.InitContainers = []corev1.Container{{Name: "init", Image: appImage, Args: []string{"have", "CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL"}}}
	spec.Containers[0].Env = append(spec.Containers[0].Env,
		corev1.EnvVar{Name: "APP_NAME", Value: "mine"}, corev1.EnvVar{Name: "GREETING", Value: "I am $(CLIENT_ID)"})
	pod := s.start("labelled", labelled, spec)
	s.verify(s.token(pod))
	variables, secret := s.environment(pod), s.secret()
	if variables["CLIENT_SECRET"] != secret["CLIENT_SECRET"] || variables["GREETING"] != "I am "+secret["CLIENT_ID"] {
		t.Errorf("the container has %v", variables)
	}
	if variables["APP_NAME"] != "mine" {
		t.Errorf("APP_NAME, which the container sets, is %q", variables["APP_NAME"])
	}

	if variables := s.environment(s.start("unlabelled", nil, s.podSpec())); variables["CLIENT_ID"] != "" {
		t.Errorf("a pod without the labels has %v", variables)
	}
}

func TestWithoutAnInjectorNoLabelledPodIsCreatedAndEveryOtherIs(t *testing.T) {
	s := newScene(t, nil)
	kubectl(t, "scale", "-n", countersign, "--replicas=0", "deployment/countersign-injector")
	defer kubectl(t, "wait", "-n", countersign, "--for=condition=Available", "--timeout=120s", "deployment/countersign-injector")
	defer kubectl(t, "scale", "-n", countersign, "--replicas=2", "deployment/countersign-injector")
	eventually(t, "no injector runs", func() error {
		return none(len(pods(t, "injector")))
	})

	s.start("unlabelled", nil, fromSecret(s.podSpec()))
	refused := platform.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: "labelled", Labels: labelled}, Spec: s.podSpec(),
	})
	if refused == nil || !strings.Contains(refused.Error(), "pods.injector.countersign.dev") {
		t.Errorf("a labelled pod was created without the injector: %v", refused)
	}

	s.create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: "labelled"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labelled},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labelled}, Spec: s.podSpec()},
		},
	})
	eventually(t, "the Deployment says that it cannot make its pod", func() error {
		_, err := run(t.Context(), "wait", "-n", s.host, "--for=condition=ReplicaFailure", "--timeout=1s", "deployment/labelled")
		return err
	})
	kubectl(t, "scale", "-n", countersign, "--replicas=2", "deployment/countersign-injector")
	kubectl(t, "rollout", "status", "-n", s.host, "--timeout=180s", "deployment/labelled")
}
