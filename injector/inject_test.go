package injector_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"countersign.dev/injector"
)

func set(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }

func reference(name string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "kpi.1.0.0"}, Key: name,
	}}}
}

func whole(secret, prefix string) []corev1.EnvFromSource {
	return []corev1.EnvFromSource{{
		Prefix: prefix, SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}},
	}}
}

func TestAContainerGetsTheVariablesThatItDoesNotSet(t *testing.T) {
	for name, c := range map[string]struct {
		container corev1.Container
		want      []corev1.EnvVar
	}{
		"one without any": {corev1.Container{}, []corev1.EnvVar{reference("CLIENT_ID"), reference("CLIENT_SECRET")}},
		"one that sets another, which may be made of ours": {
			corev1.Container{Env: []corev1.EnvVar{set("USER", "$(CLIENT_ID)")}},
			[]corev1.EnvVar{reference("CLIENT_ID"), reference("CLIENT_SECRET"), set("USER", "$(CLIENT_ID)")},
		},
		"one that sets one of them itself": {
			corev1.Container{Env: []corev1.EnvVar{set("CLIENT_ID", "mine")}},
			[]corev1.EnvVar{reference("CLIENT_SECRET"), set("CLIENT_ID", "mine")},
		},
		"one that sets one to nothing": {
			corev1.Container{Env: []corev1.EnvVar{set("CLIENT_SECRET", "")}},
			[]corev1.EnvVar{reference("CLIENT_ID"), set("CLIENT_SECRET", "")},
		},
		"one that takes the whole Secret": {corev1.Container{EnvFrom: whole("kpi.1.0.0", "")}, nil},
		"one that takes it under other names": {
			corev1.Container{EnvFrom: whole("kpi.1.0.0", "KPI_")}, []corev1.EnvVar{reference("CLIENT_ID"), reference("CLIENT_SECRET")},
		},
		"one that takes another": {
			corev1.Container{EnvFrom: whole("other", "")}, []corev1.EnvVar{reference("CLIENT_ID"), reference("CLIENT_SECRET")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{
				InitContainers: []corev1.Container{*c.container.DeepCopy()},
				Containers:     []corev1.Container{*c.container.DeepCopy(), *c.container.DeepCopy()},
			}}
			changed := injector.Inject(pod, "kpi.1.0.0", []string{"CLIENT_ID", "CLIENT_SECRET"})
			if changed != (c.want != nil) {
				t.Errorf("it says changed=%t", changed)
			}
			want := c.want
			if want == nil {
				want = c.container.Env
			}
			for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				if diff := cmp.Diff(want, container.Env); diff != "" {
					t.Error(diff)
				}
			}
			if injector.Inject(pod, "kpi.1.0.0", []string{"CLIENT_ID", "CLIENT_SECRET"}) {
				t.Error("a second look adds something again")
			}
		})
	}
}
