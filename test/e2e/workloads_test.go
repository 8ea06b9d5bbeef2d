//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// follower is what every workload is called that follows the credentials.
const follower = "follower"

// none is an error that says how many there are.
func none(count int) error {
	if count > 0 {
		return fmt.Errorf("there are %d", count)
	}
	return nil
}

// follow creates a workload of each kind and returns when their pods are ready.
func (s *scene) follow() {
	s.Helper()
	meta := metav1.ObjectMeta{Namespace: s.host, Name: follower}
	kind := func(name string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
		labels := map[string]string{"kind": name}
		return &metav1.LabelSelector{MatchLabels: labels},
			corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: s.asking(fromSecret(s.podSpec()))}
	}
	deployment, statefulSet, daemonSet := &appsv1.Deployment{ObjectMeta: meta}, &appsv1.StatefulSet{ObjectMeta: meta}, &appsv1.DaemonSet{ObjectMeta: meta}
	deployment.Spec.Selector, deployment.Spec.Template = kind("deployment")
	deployment.Spec.Replicas = new(int32(2))
	statefulSet.Spec.Selector, statefulSet.Spec.Template = kind("statefulset")
	daemonSet.Spec.Selector, daemonSet.Spec.Template = kind("daemonset")
	for _, workload := range []client.Object{deployment, statefulSet, daemonSet} {
		s.create(workload)
	}
	s.rolledOut()
}

var kinds = []string{"deployment", "statefulset", "daemonset"}

// rolledOut returns when the pods of each workload are those of its template.
func (s *scene) rolledOut() {
	s.Helper()
	for _, kind := range kinds {
		kubectl(s.T, "rollout", "status", "-n", s.host, "--timeout=180s", kind+"/"+follower)
	}
}

// templates returns how many templates each workload ever had: each roll makes one.
func (s *scene) templates() map[string]int {
	s.Helper()
	count := map[string]int{}
	sets, revisions := &appsv1.ReplicaSetList{}, &appsv1.ControllerRevisionList{}
	if err := errors.Join(platform.List(s.Context(), sets, client.InNamespace(s.host)),
		platform.List(s.Context(), revisions, client.InNamespace(s.host))); err != nil {
		s.Fatal(err)
	}
	count["deployment"] = len(sets.Items)
	for _, revision := range revisions.Items {
		count[revision.Labels["kind"]]++
	}
	return count
}

// generations returns how often the spec of each workload was written.
func (s *scene) generations() map[string]string {
	s.Helper()
	generations := map[string]string{}
	for _, kind := range kinds {
		generations[kind] = kubectl(s.T, "get", "-n", s.host, kind, follower, "-o", "jsonpath={.metadata.generation}")
	}
	return generations
}

// followers returns the pods of the workloads.
func (s *scene) followers() []corev1.Pod {
	s.Helper()
	list := &corev1.PodList{}
	if err := platform.List(s.Context(), list, client.InNamespace(s.host), client.HasLabels{"kind"}); err != nil {
		s.Fatal(err)
	}
	var running []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			running = append(running, pod)
		}
	}
	return running
}

func TestARotationRollsEachWorkloadOnceAndNothingElseDoes(t *testing.T) {
	s := newScene(t, func(version *v1alpha1.ApplicationVersion) {
		for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.WorkloadDeployment, v1alpha1.WorkloadStatefulSet, v1alpha1.WorkloadDaemonSet} {
			version.Workloads = append(version.Workloads, v1alpha1.Workload{Kind: kind, Name: follower})
		}
	})
	s.follow()
	bystander := s.start("bystander", nil, s.asking(fromSecret(s.podSpec())))
	before, old := s.report(bystander), s.secret()["CLIENT_SECRET"]

	kubectl(t, "annotate", "-n", s.host, "application", application, "countersign.dev/rotate=e2e")
	eventually(t, "every template names the new credential", func() error {
		if rolls := s.generations(); !maps.Equal(rolls, map[string]string{"deployment": "2", "statefulset": "2", "daemonset": "2"}) {
			return fmt.Errorf("the generations are %v", rolls)
		}
		return nil
	})
	s.rolledOut()
	secret := s.secret()["CLIENT_SECRET"]
	if secret == old {
		t.Fatal("the Secret is as it was before the rotation")
	}
	if found := s.followers(); len(found) != 4 {
		t.Errorf("the workloads have %d pods, want 2, 1 and 1", len(found))
	}
	for _, pod := range s.followers() {
		if s.environment(&pod)["CLIENT_SECRET"] != secret {
			t.Errorf("%s does not have the new secret", pod.Name)
		}
		s.servedThroughout(&pod, nil)
	}
	s.servedThroughout(bystander, before)
	s.everyRequestWasGranted()

	s.disturbTheOperator()
	if s.secret()["CLIENT_SECRET"] != secret {
		t.Error("the credential was rotated without a request")
	}
	for kind, count := range s.templates() {
		if count != 2 {
			t.Errorf("the %s had %d templates, want the one before the rotation and the one after", kind, count)
		}
	}
	if rolls := s.generations(); !maps.Equal(rolls, map[string]string{"deployment": "2", "statefulset": "2", "daemonset": "2"}) {
		t.Errorf("the generations are %v, want 2 each", rolls)
	}
	s.servedThroughout(bystander, before)
}

// everyRequestWasGranted fails the test where the audit log says otherwise of the application: also of pods that are gone.
func (s *scene) everyRequestWasGranted() {
	s.Helper()
	log := kubectl(s.T, "logs", "-n", countersign, "-l", "app.kubernetes.io/component=tokenserver", "--tail=-1")
	issued := 0
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"client_id":"`+s.secret()["CLIENT_ID"]+`"`) {
			continue
		}
		if issued++; !strings.Contains(line, `"outcome":"issued"`) {
			s.Errorf("a request was not granted: %s", line)
		}
	}
	if issued == 0 {
		s.Error("the audit log has no line about the application")
	}
}

// disturbTheOperator starts it anew, then takes its pods away without a word, and each time waits until its successor has been
// through all that there is.
func (s *scene) disturbTheOperator() {
	s.Helper()
	progress("starting the operator anew")
	kubectl(s.T, "rollout", "restart", "-n", countersign, "deployment/countersign-operator")
	kubectl(s.T, "rollout", "status", "-n", countersign, "--timeout=180s", "deployment/countersign-operator")
	newScene(s.T, nil) // its credentials come after what was there before
	progress("taking the operator's pods away")
	kubectl(s.T, "delete", "pods", "-n", countersign, "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")
	kubectl(s.T, "rollout", "status", "-n", countersign, "--timeout=180s", "deployment/countersign-operator")
	newScene(s.T, nil)
}
