package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers"
	"countersign.dev/controllers/signingkeys"
	"countersign.dev/internal/keyset"
	"countersign.dev/internal/program"
)

// leaseName is the lease that the working operator holds.
const leaseName = "countersign-operator"

// operate runs the controllers until the context is done, or until the lease is lost.
func operate(ctx context.Context, o *options, stderr io.Writer) error {
	log, err := program.Logger(stderr, o.logLevel)
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(log.Handler())
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	config, err := program.Cluster(o.kubeconfig)
	if err != nil {
		return err
	}
	if err := checkKinds(config); err != nil {
		return err
	}
	mgr, err := newManager(config, o)
	if err != nil {
		return err
	}
	if err := checkNamespace(ctx, mgr.GetAPIReader(), o.namespace); err != nil {
		return err
	}
	if err := setUp(ctx, mgr, o); err != nil {
		return err
	}
	log.Info("Starting the operator", "version", version, "issuer", o.issuer, "namespace", o.namespace)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the controllers: %w", err)
	}
	log.Info("Stopped")
	return nil
}

// checkKinds fails where the five kinds are not installed, in words that help more than a watch's retries would.
func checkKinds(config *rest.Config) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("configuring the API server's client: %w", err)
	}
	resources, err := client.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("asking the API server %s for the kinds of %s: %w", config.Host, v1alpha1.GroupVersion, err)
	}
	served := map[string]bool{}
	if resources != nil {
		for _, resource := range resources.APIResources {
			served[resource.Name] = true
		}
	}
	for _, name := range []string{"tenants", "resourceservers", "accesslevels", "applications", "tenantgrants"} {
		if !served[name] {
			return fmt.Errorf("the API server does not serve %s.%s: install the CRDs first, with kubectl apply -k config/crd",
				name, v1alpha1.GroupName)
		}
	}
	return nil
}

// checkNamespace fails where Countersign's own namespace is not there: without it there is no lease to wait for.
func checkNamespace(ctx context.Context, reader client.Reader, name string) error {
	err := reader.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("namespace %s does not exist: create it, or name another with --namespace", name)
	case err != nil:
		return fmt.Errorf("looking for namespace %s: %w", name, err)
	}
	return nil
}

func newManager(config *rest.Config, o *options) (manager.Manager, error) {
	scheme, err := controllers.Scheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         controllers.CacheOptions(),
		Metrics:                       server.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.healthProbeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends when Start returns
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, nil
}

func setUp(ctx context.Context, mgr manager.Manager, o *options) error {
	events := mgr.GetEventRecorder(leaseName)
	if err := controllers.Setup(ctx, mgr, controllers.Deps{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: clock.RealClock{}, Rand: rand.Reader,
		Issuer: o.issuer, Events: events,
	}); err != nil {
		return err
	}
	if err := signingkeys.Setup(mgr, signingkeys.Deps{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: o.namespace,
		Schedule: o.keys.schedule, Algorithm: keyset.Algorithm(o.keys.algorithm),
		Clock: clock.RealClock{}, Rand: rand.Reader, Events: events,
	}); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding /healthz: %w", err)
	}
	if err := mgr.AddReadyzCheck("view", viewed(mgr.GetCache())); err != nil {
		return fmt.Errorf("adding /readyz: %w", err)
	}
	return nil
}

// viewTimeout is how long /readyz waits for the view: shorter than a kubelet waits for /readyz.
const viewTimeout = 500 * time.Millisecond

// viewed fails while the operator does not see the five kinds, without which no controller works. One that waits for the
// lease sees them, too.
func viewed(view cache.Cache) healthz.Checker {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), viewTimeout)
		defer cancel()
		if !view.WaitForCacheSync(ctx) {
			return errors.New("the first view of the five kinds is not complete: the log says which of them cannot be listed")
		}
		return nil
	}
}
