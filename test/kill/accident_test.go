package kill

import (
	"bufio"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

// The applications are within an overlap, with the word for which they rotated still on them.
func TestNoRestartNoUpgradeNoBrokenWatchAndNoEditOfLabelsRotatesOrRollsAnything(t *testing.T) {
	f := register(t, "quiet", 10)
	replaceOperator(t)
	operator := start(t, stack.OperatorConfig{Name: "operator-of-today", LeaderElect: true})
	f.askForRotation("spring")
	f.awaitRotation("spring")
	f.startPods()
	before := f.look()
	everything := func() int {
		list := &v1alpha1.ApplicationList{}
		must(t, platform.List(t.Context(), list))
		return len(list.Items)
	}

	for _, step := range []struct {
		name string
		// do returns how many applications the operator has to look at because of it.
		do func(t *testing.T) int
	}{
		{"the operator is restarted", func(t *testing.T) int {
			must(t, operator.Stop())
			operator = start(t, stack.OperatorConfig{Name: "operator-of-today", LeaderElect: true})
			return everything()
		}},
		{"it is upgraded", func(t *testing.T) int {
			next := start(t, stack.OperatorConfig{Name: "operator-of-tomorrow", Program: buildNext(t), LeaderElect: true})
			must(t, operator.Stop())
			operator = next
			return everything()
		}},
		{"it is given other flags, by which it needs no lease", func(t *testing.T) int {
			must(t, operator.Stop())
			operator = start(t, stack.OperatorConfig{Name: "operator-without-lease"})
			return everything()
		}},
		{"all watches break and labels of applications change", func(t *testing.T) int {
			must(t, running.CrashAPIServer(t.Context()))
			looked := reconciled(t, operator)
			f.edit(func(app *v1alpha1.Application) { metav1.SetMetaDataLabel(&app.ObjectMeta, "example.com/team", "kpi") })
			return looked + f.size
		}},
		{"annotations of applications change, and the word goes", func(t *testing.T) int {
			looked := reconciled(t, operator)
			f.edit(func(app *v1alpha1.Application) {
				delete(app.Annotations, v1alpha1.AnnotationRotate)
				metav1.SetMetaDataAnnotation(&app.ObjectMeta, "example.com/note", "spring is over")
			})
			return looked + f.size
		}},
		{"labels and annotations of the namespace and of the tenant change", func(t *testing.T) int {
			looked := reconciled(t, operator)
			mark(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.host}})
			mark(t, &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: f.host}})
			return looked + f.size
		}},
	} {
		looked := step.do(t)
		eventually(t, step.name+", and the operator has looked at it", func() bool { return reconciled(t, operator) >= looked })
		after := f.look()
		for what := range before {
			if !reflect.DeepEqual(before[what], after[what]) {
				t.Errorf("%s: %s was %+v and is %+v", step.name, what, before[what], after[what])
			}
		}
		if t.Failed() {
			return
		}
	}
	f.everyoneIsServed()
}

// look returns what must not change: the versions of Secrets and Deployments, and all that statuses say.
func (f *fleet) look() map[string]any {
	f.Helper()
	seen := map[string]any{}
	for name, secret := range f.secrets() {
		seen["Secret of "+name] = secret.ResourceVersion
	}
	for name, deployment := range f.deployments() {
		seen["Deployment "+name] = deployment.ResourceVersion
	}
	for _, app := range f.applications() {
		seen["Application "+app.Name] = app.Status
	}
	return seen
}

// mark sets a label and an annotation.
func mark(t *testing.T, object client.Object) {
	t.Helper()
	patch := []byte(`{"metadata": {"labels": {"example.com/team": "kpi"}, "annotations": {"example.com/note": "spring is over"}}}`)
	must(t, platform.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", patch)))
}

// reconciled returns how many times the operator has looked at an application since it began to work; -1 while there are some
// that it has still to look at.
func reconciled(t *testing.T, operator *stack.Operator) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, operator.Metrics+"/metrics", nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	count := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), "{")
		labels, value, found := strings.Cut(rest, "} ")
		if !found || !strings.Contains(labels, `controller="application"`) {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		must(t, err)
		switch name {
		case "workqueue_depth", "controller_runtime_active_workers":
			if number > 0 {
				return -1
			}
		case "controller_runtime_reconcile_total":
			count += int(number)
		}
	}
	return count
}

// buildNext builds the operator as make build does, as of another version, and returns its path.
func buildNext(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "operator")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=next", "-o", path, "./cmd/operator")
	build.Dir, build.Env = root, append(build.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the operator of tomorrow: %v: %s", err, output)
	}
	output, err := exec.CommandContext(t.Context(), path, "--version").Output()
	must(t, err)
	if strings.TrimSpace(string(output)) != "next" {
		t.Fatalf("the operator of tomorrow says that it is of version %s", output)
	}
	return path
}
