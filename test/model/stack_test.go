package model

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

var (
	running  *stack.Stack
	platform client.Client
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := withStack(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "model:", err)
		code = 1
	}
	os.Exit(code)
}

// withStack runs all of Countersign, and ends it again.
func withStack(run func() int) (code int, err error) {
	if running, err = stack.Launch(context.Background(), stack.Config{}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return 0, err
	}
	// As many requests as it likes: a history is not a client that has to be slowed down.
	config := *running.Admin
	config.QPS = -1
	if platform, err = client.New(&config, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	return run(), nil
}
