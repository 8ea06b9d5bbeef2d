package controllers

import (
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"countersign.dev/api/v1alpha1"
)

const (
	// workers is how many objects of a kind are reconciled at a time: enough that the API server, not the waiting for it,
	// is what bounds a restart with thousands of them.
	workers = 10
	// staleRetry is how long a cache gets to catch up after a lost race.
	staleRetry = 100 * time.Millisecond
)

// Deps is what the reconcilers work with.
type Deps struct {
	// Client reads from a cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Clock tells when grants expire and credentials are issued.
	Clock clock.PassiveClock
	// Rand is where secrets come from: crypto/rand, but for tests.
	Rand io.Reader
	// Issuer is the token server's issuer, which applications find in their environment.
	Issuer string
	// Events tells people what happened to an object.
	Events events.EventRecorder
}

// Scheme returns the types that the operator reads and writes.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering core/v1: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering %s: %w", v1alpha1.GroupVersion, err)
	}
	return scheme, nil
}

// CacheOptions bounds the cache: of all Secrets of the cluster it holds those with credentials and no other, and of each
// Namespace its name and whether it is being deleted.
func CacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}:    {Field: fields.OneTermEqualSelector("type", v1alpha1.SecretTypeCredentials)},
			namespaceMetadata(): {Transform: stripped},
		},
	}
}

// stripped leaves of an object what says who it is and whether it is being deleted.
func stripped(object any) (any, error) {
	if meta, ok := object.(metav1.Object); ok {
		meta.SetManagedFields(nil)
		meta.SetLabels(nil)
		meta.SetAnnotations(nil)
	}
	return object, nil
}

// Setup adds the reconcilers of the five kinds to the manager.
func Setup(ctx context.Context, mgr manager.Manager, deps Deps) error {
	if err := addIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	applications := newApplications(deps)
	if err := metrics.Registry.Register(applications.credentials.Metrics()); err != nil {
		return fmt.Errorf("registering the metrics of credentials: %w", err)
	}
	wake := wake{deps.Client}
	options := controller.Options{MaxConcurrentReconciles: workers}
	return firstError(
		builder.ControllerManagedBy(mgr).WithOptions(options).For(&v1alpha1.Tenant{}).
			Watches(&v1alpha1.Tenant{}, mapped(wake.tenantsOfNamespace)).
			Watches(&v1alpha1.AccessLevel{}, mapped(wake.tenantsOfLevel)).
			WatchesMetadata(&corev1.Namespace{}, mapped(wake.tenantsOfMetadata), builder.WithPredicates(comesOrGoes())).
			Complete(newTenants(deps)),
		builder.ControllerManagedBy(mgr).WithOptions(options).For(&v1alpha1.ResourceServer{}).
			Watches(&v1alpha1.ResourceServer{}, mapped(wake.serversOfAudience)).
			Complete(newResourceServers(deps)),
		builder.ControllerManagedBy(mgr).WithOptions(options).For(&v1alpha1.AccessLevel{}).
			Complete(newAccessLevels(deps)),
		builder.ControllerManagedBy(mgr).WithOptions(options).For(&v1alpha1.Application{}).
			Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(applicationOfSecret)).
			Watches(&v1alpha1.Application{}, mapped(wake.peersOfApplication), builder.WithPredicates(saysOtherwise())).
			Watches(&v1alpha1.Tenant{}, mapped(wake.applicationsOfTenant)).
			Watches(&v1alpha1.Tenant{}, mapped(wake.peersOfTenant)).
			Watches(&v1alpha1.AccessLevel{}, mapped(wake.applicationsOfLevel)).
			Watches(&v1alpha1.ResourceServer{}, mapped(wake.applicationsOfServer)).
			Complete(applications),
		builder.ControllerManagedBy(mgr).WithOptions(options).For(&v1alpha1.TenantGrant{}).
			Watches(&v1alpha1.Tenant{}, mapped(wake.grantsOfTenant)).
			Watches(&v1alpha1.Application{}, mapped(wake.grantsOfApplication), builder.WithPredicates(concernsGrants())).
			Complete(&tenantGrants{deps}),
	)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("adding a controller: %w", err)
		}
	}
	return nil
}
