//go:build e2e

package e2e

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestARolloutOfTheTokenServerFailsNoRequest(t *testing.T) {
	s := newScene(t, nil)
	pod := s.start("app", nil, s.asking(fromSecret(s.podSpec())))
	before := s.report(pod)
	old := pods(t, "tokenserver")

	kubectl(t, "rollout", "restart", "-n", countersign, "deployment/countersign-tokenserver")
	kubectl(t, "rollout", "status", "-n", countersign, "--timeout=180s", "deployment/countersign-tokenserver")
	eventually(t, "the pods before are gone", func() error {
		now := pods(t, "tokenserver")
		return none(len(slices.DeleteFunc(now, func(pod corev1.Pod) bool {
			return !slices.ContainsFunc(old, func(gone corev1.Pod) bool { return gone.UID == pod.UID })
		})))
	})
	s.servedThroughout(pod, before)
}
