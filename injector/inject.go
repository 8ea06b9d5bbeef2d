package injector

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Inject adds to every container of the pod, init containers included, the environment variables of those names, each as a
// reference to the key of that name in the Secret. It reports whether anything was added.
//
// A variable that a container sets in env stays as it is, and one that takes the whole Secret by envFrom gets nothing: it
// has them all. What another envFrom brings is in objects that nobody has read here; a variable in env wins over it, as
// everywhere in Kubernetes. References come first, so that a container's own variables can be made of them: $(CLIENT_ID).
func Inject(pod *corev1.Pod, secret string, names []string) bool {
	added := false
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			missing := missingFrom(&containers[i], secret, names)
			containers[i].Env = append(missing, containers[i].Env...)
			added = added || len(missing) > 0
		}
	}
	return added
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
