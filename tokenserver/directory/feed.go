package directory

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"countersign.dev/api/v1alpha1"
)

// feed brings the objects of one kind into its store and proves how fresh they are there.
type feed struct {
	kind, resource string
	store          cache.ReflectorStore
	view           *view
	clock          clock.Clock
	log            *slog.Logger
}

func newFeed[T any, O object[T]](deps Deps, kind, resource string, into table[O]) *feed {
	log := deps.Log.With("kind", kind)
	state := &view{}
	return &feed{
		kind:     kind,
		resource: resource,
		store:    &store[T, O]{table: into, view: state, log: log},
		view:     state,
		clock:    deps.Clock,
		log:      log,
	}
}

// run watches and probes until the context is done.
func (f *feed) run(ctx context.Context, cluster dynamic.Interface) {
	client := cluster.Resource(v1alpha1.GroupVersion.WithResource(f.resource))
	logger := logr.FromSlogHandler(f.log.Handler())
	ctx = klog.NewContext(ctx, logger)

	expected := &unstructured.Unstructured{}
	expected.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(f.kind))
	reflector := cache.NewReflectorWithOptions(f.listWatch(client), expected, f.store, cache.ReflectorOptions{
		Logger:  &logger,
		Name:    f.resource,
		Backoff: reconnection(),
	})
	var running sync.WaitGroup
	running.Go(func() { reflector.RunWithContext(ctx) })
	running.Go(func() { f.probe(ctx, client) })
	running.Wait()
}

// reconnection bounds how long after the API server's return a watch stays away: client-go's default of up to a minute would
// be a minute of refusals more. There are few replicas, so that this is no herd.
func reconnection() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second}
}

// listWatch lists and watches for the reflector. A request for all objects is always a consistent one (resourceVersion
// unset), where the reflector would be content with what an API server's cache holds: so each proves how fresh the view is,
// and none brings back what is already revoked.
func (f *feed) listWatch(client dynamic.ResourceInterface) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if options.Continue == "" {
				f.view.open(f.clock.Now())
				options.ResourceVersion, options.ResourceVersionMatch = "", ""
			}
			return client.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			if options.SendInitialEvents != nil && *options.SendInitialEvents {
				f.view.open(f.clock.Now())
				options.ResourceVersion = ""
			}
			return client.Watch(ctx, options)
		},
	}
}
