package injector

import (
	"fmt"
	"slices"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
)

// Patch returns what adds to every container of the pod, init containers included, the environment variables of those names,
// each as a reference to the key of that name in the Secret. None: nothing is missing.
//
// A variable that a container sets in env stays as it is, and one that takes the whole Secret by envFrom gets nothing: it
// has them all. What another envFrom brings is in objects that nobody has read here; a variable in env wins over it, as
// everywhere in Kubernetes. References come first, so that a container's own variables can be made of them: $(CLIENT_ID).
//
// Every operation adds to an env and touches nothing else. The difference between the pod and what Go makes of it would take
// away what this program does not know: a field that is younger than it may be what keeps the pod in its bounds.
func Patch(pod *corev1.Pod, secret string, names []string) []jsonpatch.Operation {
	return append(patchAll("/spec/initContainers", pod.Spec.InitContainers, secret, names),
		patchAll("/spec/containers", pod.Spec.Containers, secret, names)...)
}

// patchAll is Patch for the list of containers at the path.
func patchAll(path string, containers []corev1.Container, secret string, names []string) []jsonpatch.Operation {
	var operations []jsonpatch.Operation
	for i := range containers {
		missing := missingFrom(&containers[i], secret, names)
		env := fmt.Sprintf("%s/%d/env", path, i)
		switch {
		case len(missing) == 0:
		case len(containers[i].Env) == 0: // also where it is null, to which nothing can be added
			operations = append(operations, jsonpatch.NewOperation("add", env, missing))
		default:
			for k, variable := range missing {
				operations = append(operations, jsonpatch.NewOperation("add", fmt.Sprintf("%s/%d", env, k), variable))
			}
		}
	}
	return operations
}

func missingFrom(container *corev1.Container, secret string, names []string) []corev1.EnvVar {
	if slices.ContainsFunc(container.EnvFrom, func(source corev1.EnvFromSource) bool {
		return source.SecretRef != nil && source.SecretRef.Name == secret && source.Prefix == ""
	}) {
		return nil
	}
	var missing []corev1.EnvVar
	for _, name := range names {
		if slices.ContainsFunc(container.Env, func(set corev1.EnvVar) bool { return set.Name == name }) {
			continue
		}
		// Not optional: the pod waits for its Secret rather than starting without credentials.
		missing = append(missing, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: name,
			},
		}})
	}
	return missing
}
