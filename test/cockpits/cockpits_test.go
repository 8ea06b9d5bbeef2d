// Package cockpits tries what each person of a platform can do, as that person: every request of a spec is a user's own, who is
// a member of a group that is bound to one of the real ClusterRoles. The administrator of the cluster makes namespaces and
// bindings, and nothing else.
package cockpits

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

// patience is how long a change may take to arrive, on a machine that has other things to do.
const patience = 20 * time.Second

var (
	running *stack.Stack
	// cluster is the administrator of the cluster, who sets scenes and plays in none.
	cluster client.Client
	root    string
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := withStack(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cockpits:", err)
		code = 1
	}
	os.Exit(code)
}

// withStack runs all of Countersign, and ends it again.
func withStack(run func() int) (code int, err error) {
	if running, err = stack.Launch(context.Background(), stack.Config{}); err != nil {
		return 0, err
	}
	root = running.Root()
	defer func() { err = errors.Join(err, running.Stop()) }()
	if err := meetPeople(context.Background()); err != nil {
		return 0, err
	}
	return run(), nil
}

// meetPeople makes the administrator's client, makes somebody platform operator, and waits until the roles of Countersign are
// part of those that every cluster has: kube-controller-manager does that.
func meetPeople(ctx context.Context) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, rbacv1.AddToScheme, authorizationv1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	var err error
	if cluster, err = client.New(running.Admin, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if err := bindCluster(ctx, rolePlatformOperator, groupSubject(groupPlatformOperators)); err != nil {
		return err
	}
	for _, part := range []struct{ role, resource string }{
		{"admin", "applications"}, {"admin", "tenantgrants"}, {"edit", "applications"}, {"view", "tenantgrants"},
	} {
		err := wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
			role := &rbacv1.ClusterRole{}
			if err := cluster.Get(ctx, client.ObjectKey{Name: part.role}, role); err != nil {
				return false, err
			}
			return speaksOf(role, part.resource), nil
		})
		if err != nil {
			return fmt.Errorf("waiting for %s to be in the ClusterRole %s: %w", part.resource, part.role, err)
		}
	}
	return nil
}

func speaksOf(role *rbacv1.ClusterRole, resource string) bool {
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, name := range rule.Resources {
				if group == v1alpha1.GroupName && name == resource {
					return true
				}
			}
		}
	}
	return false
}
