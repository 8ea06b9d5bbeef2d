package injector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4" // with which the API server applies what a webhook answers
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"countersign.dev/injector"
)

var names = []string{"CLIENT_ID", "CLIENT_SECRET"}

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

// fataler is a test, or one try of a property.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func toJSON(t fataler, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func fromJSON[T any](t fataler, data []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// mutated is the pod as the API server makes it of the operations.
func mutated(t fataler, pod []byte, operations any) []byte {
	t.Helper()
	patch, err := jsonpatch.DecodePatch(toJSON(t, operations))
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply(pod)
	if err != nil {
		t.Fatal(err)
	}
	return after
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
			operations := injector.Patch(pod, "kpi.1.0.0", names)
			if (len(operations) == 0) != (c.want == nil) {
				t.Errorf("its operations are %v", operations)
			}
			after := fromJSON[corev1.Pod](t, mutated(t, toJSON(t, pod), operations))
			for _, container := range append(after.Spec.InitContainers, after.Spec.Containers...) {
				if diff := cmp.Diff(c.want, container.Env); diff != "" {
					t.Error(diff)
				}
			}
			if again := injector.Patch(&after, "kpi.1.0.0", names); len(again) > 0 {
				t.Errorf("a second look adds %v", again)
			}
		})
	}
}

// object is JSON that no Go type has a say in.
type object = map[string]any

// podOfLater draws pods with fields of API servers to come, wherever there can be one.
func podOfLater() *rapid.Generator[object] {
	later := rapid.MapOf(rapid.SampledFrom([]string{"laterGuard", "laterList", "status"}),
		rapid.SampledFrom([]any{"on", []any{"a"}, object{"deep": true}, object{}, nil}))
	variable := rapid.Custom(func(t *rapid.T) any {
		fields := later.Draw(t, "fields of a variable")
		fields["name"] = rapid.SampledFrom([]string{"CLIENT_ID", "CLIENT_SECRET", "OTHER"}).Draw(t, "name")
		return fields
	})
	env := rapid.OneOf(
		rapid.SampledFrom([]any{nil, []any{}}),
		rapid.Map(rapid.SliceOfN(variable, 1, 4), func(list []any) any { return list }),
	)
	container := rapid.Custom(func(t *rapid.T) any {
		fields := later.Draw(t, "fields of a container")
		fields["name"] = "container"
		if rapid.Bool().Draw(t, "has env") {
			fields["env"] = env.Draw(t, "env")
		}
		if rapid.Bool().Draw(t, "has envFrom") {
			fields["envFrom"] = []any{object{"secretRef": object{
				"name": rapid.SampledFrom([]string{"kpi.1.0.0", "other"}).Draw(t, "Secret"), "laterGuard": "on",
			}}}
		}
		return fields
	})
	return rapid.Custom(func(t *rapid.T) object {
		spec := later.Draw(t, "fields of the spec")
		for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
			if rapid.Bool().Draw(t, "has "+list) {
				spec[list] = rapid.SliceOfN(container, 0, 3).Draw(t, list)
			}
		}
		pod := later.Draw(t, "fields of the pod")
		delete(pod, "status") // here it is a field that we know, and an object
		pod["spec"] = spec
		return pod
	})
}

// withoutEnv is the pod without what may be changed.
func withoutEnv(pod object) object {
	spec, _ := pod["spec"].(object)
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range containersOf(spec, list) {
			delete(container, "env")
		}
	}
	return pod
}

func containersOf(spec object, list string) []object {
	elements, _ := spec[list].([]any)
	containers := make([]object, 0, len(elements))
	for _, element := range elements {
		container, _ := element.(object)
		containers = append(containers, container)
	}
	return containers
}

func TestNothingOfAPodIsTouchedButTheBeginningsOfItsEnvs(t *testing.T) {
	env := regexp.MustCompile(`^/spec/(initContainers|containers)/[0-9]+/env(/[0-9]+)?$`)
	rapid.Check(t, func(t *rapid.T) {
		before := toJSON(t, podOfLater().Draw(t, "pod"))
		pod := fromJSON[corev1.Pod](t, before)
		operations := injector.Patch(&pod, "kpi.1.0.0", names)
		for _, operation := range operations {
			if operation.Operation != "add" || !env.MatchString(operation.Path) {
				t.Errorf("it asks for %s", operation.Json())
			}
		}
		after := mutated(t, before, operations)
		if diff := cmp.Diff(withoutEnv(fromJSON[object](t, before)), withoutEnv(fromJSON[object](t, after))); diff != "" {
			t.Error(diff)
		}
		former, _ := fromJSON[object](t, before)["spec"].(object)
		spec, _ := fromJSON[object](t, after)["spec"].(object)
		for _, list := range []string{"initContainers", "containers"} {
			for i, container := range containersOf(spec, list) {
				keeps(t, containersOf(former, list)[i], container)
			}
		}
	})
}

// keeps fails the test unless the container's variables are what it had, after references to those that it had not.
func keeps(t *rapid.T, before, after object) {
	had, _ := before["env"].([]any)
	has, _ := after["env"].([]any)
	added := len(has) - len(had)
	if added < 0 || !slices.EqualFunc(had, has[added:], func(a, b any) bool { return cmp.Equal(a, b) }) {
		t.Errorf("%v became %v", had, has)
		return
	}
	of := map[string]bool{}
	for _, variable := range had {
		of[fmt.Sprint(variable.(object)["name"])] = true
	}
	for _, variable := range has[:added] {
		name := fmt.Sprint(variable.(object)["name"])
		if of[name] || !slices.Contains(names, name) {
			t.Errorf("%s is set, and was added to %v", name, slices.Collect(maps.Keys(of)))
		}
		of[name] = true
	}
}
