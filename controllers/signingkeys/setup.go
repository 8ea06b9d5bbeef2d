package signingkeys

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Setup adds the reconciler to the manager, with a cache of its own that holds the one Secret: that of the manager selects
// Secrets by another type.
func Setup(mgr manager.Manager, deps Deps) error {
	r := New(deps)
	own, err := cluster.New(mgr.GetConfig(), func(o *cluster.Options) {
		o.Scheme = mgr.GetScheme()
		o.Cache.ByObject = map[client.Object]cache.ByObject{
			&corev1.Secret{}: {
				Namespaces: map[string]cache.Config{deps.Namespace: {}},
				Field:      fields.OneTermEqualSelector("metadata.name", SecretName),
			},
		}
	})
	if err != nil {
		return fmt.Errorf("making a cache for the signing keys: %w", err)
	}
	if err := mgr.Add(own); err != nil {
		return fmt.Errorf("adding a cache for the signing keys: %w", err)
	}
	err = builder.ControllerManagedBy(mgr).
		Named("signingkeys").
		WatchesRawSource(source.Kind(own.GetCache(), &corev1.Secret{}, &handler.TypedEnqueueRequestForObject[*corev1.Secret]{})).
		WatchesRawSource(once(r.Key())).
		Complete(r)
	if err != nil {
		return fmt.Errorf("adding the controller of the signing keys: %w", err)
	}
	return nil
}

// once wakes the reconciler at the start: there is no event of a Secret that is not there.
func once(key client.ObjectKey) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		queue.Add(reconcile.Request{NamespacedName: key})
		return nil
	})
}
