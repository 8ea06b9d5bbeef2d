//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pods returns those of a component of Countersign.
func pods(t *testing.T, component string) []corev1.Pod {
	t.Helper()
	list := &corev1.PodList{}
	if err := platform.List(t.Context(), list, client.InNamespace(countersign),
		client.MatchingLabels{"app.kubernetes.io/component": component}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestTheImagesAreWhatTheDockerfileMakes(t *testing.T) {
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, image, _ := strings.Cut(string(dockerfile), "FROM scratch\n")
	var instructions []string
	for line := range strings.Lines(image) {
		if !strings.HasPrefix(line, "#") {
			instructions = append(instructions, strings.TrimSpace(line))
		}
	}
	want := []string{"COPY --from=build /countersign /countersign", "USER " + imageUser, `ENTRYPOINT ["/countersign"]`}
	if !slices.Equal(instructions, want) {
		t.Errorf("the Dockerfile makes an image by %q, and ours are as %q would make them", instructions, want)
	}
}

func TestEachProgramRunsInTwoPodsAndNoneHadToBeStartedTwice(t *testing.T) {
	for _, component := range []string{"operator", "tokenserver", "injector"} {
		found := pods(t, component)
		if len(found) != 2 {
			t.Errorf("%s has %d pods, want 2", component, len(found))
		}
		for _, pod := range found {
			status := pod.Status.ContainerStatuses[0]
			if !status.Ready || status.RestartCount != 0 {
				t.Errorf("%s: ready %t, started again %d times: %+v", pod.Name, status.Ready, status.RestartCount, status.LastTerminationState)
			}
			if user := status.User; user == nil || user.Linux == nil || user.Linux.UID != 65532 {
				t.Errorf("%s runs as %+v, want the user of the image", pod.Name, user)
			}
		}
	}
}
