package kill

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

// patience is how long anything may take, on a machine that has other things to do.
const patience = 90 * time.Second

var (
	running  *stack.Stack
	platform client.WithWatch
	root     string

	seed = flag.Uint64("seed", 1, "what the points are drawn from at which the operator is killed")
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	flag.Parse()
	code, err := withStack(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kill:", err)
		code = 1
	}
	os.Exit(code)
}

// withStack runs all of Countersign, whose operator may roll workloads, and ends it again.
func withStack(run func() int) (code int, err error) {
	if running, err = stack.Launch(context.Background(), stack.Config{Levels: true}); err != nil {
		return 0, err
	}
	root = running.Root()
	defer func() { err = errors.Join(err, running.Stop()) }()
	component := filepath.Join(root, "config", "workloads", "rbac.yaml")
	if output, err := running.Kubectl(context.Background(), "apply", "-f", component).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("letting the operator roll workloads: %w: %s", err, output)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme),
		eventsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return 0, err
	}
	if platform, err = client.NewWithWatch(running.Admin, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	return run(), nil
}

// replaceOperator ends the stack's own operator until the test ends.
func replaceOperator(t *testing.T) {
	t.Helper()
	must(t, running.StopOperator())
	t.Cleanup(func() { must(t, running.ResumeOperator(context.Background())) })
}

// start starts an operator, which the test's end ends if nothing else has.
func start(t *testing.T, config stack.OperatorConfig) *stack.Operator {
	t.Helper()
	operator, err := running.StartOperator(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, operator.Stop()) })
	return operator
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !ask(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
