package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/injector"
	"countersign.dev/injector/certificate"
	"countersign.dev/internal/program"
)

const (
	// liveReads is how many questions a second the API server is asked about pods that would be refused, liveReadsAtOnce how
	// many in a burst: more than are ever created in the moment after their Application, and nothing to an API server.
	liveReads       = 20
	liveReadsAtOnce = 50
)

var errNotSynced = errors.New("the view of all applications is not there yet")

// serve answers the API server until the context is done.
func serve(ctx context.Context, o *options, stderr io.Writer) error {
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
	var keeper *certificate.Keeper
	if o.certDir == "" {
		keeper = certificate.NewKeeper(certificate.Deps{
			Clock: clock.RealClock{}, Configuration: o.configuration, Owner: o.owner, Names: o.hosts,
		})
	}
	mgr, err := newManager(config, o, keeper)
	if err != nil {
		return err
	}
	if err := setUp(mgr, keeper); err != nil {
		return err
	}
	log.Info("Starting the injector", "version", version, "address", o.listenAddress, "ownCertificate", keeper != nil)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the injector: %w", err)
	}
	log.Info("Stopped")
	return nil
}

func newManager(config *rest.Config, o *options, keeper *certificate.Keeper) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, admissionregistrationv1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("registering types: %w", err)
		}
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				// Its role is for this one alone.
				&admissionregistrationv1.MutatingWebhookConfiguration{}: {
					Field: fields.OneTermEqualSelector("metadata.name", o.configuration),
				},
			},
		},
		Metrics:                server.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress: o.healthProbeAddress,
		WebhookServer: webhook.NewServer(webhook.Options{
			Host: o.host, Port: o.port, CertDir: o.certDir, TLSOpts: []func(*tls.Config){func(c *tls.Config) { o.secure(c, keeper) }},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, nil
}

// secure says who is answered, and by which certificate where it is not one from a directory.
func (o *options) secure(config *tls.Config, keeper *certificate.Keeper) {
	config.MinVersion = tls.VersionTLS13
	if keeper != nil {
		config.GetCertificate = keeper.Certificate
	}
	if o.clientCAs != nil {
		config.ClientCAs, config.ClientAuth = o.clientCAs, tls.RequireAndVerifyClientCert
	}
}

func setUp(mgr manager.Manager, keeper *certificate.Keeper) error {
	mgr.GetWebhookServer().Register(injector.Path, &webhook.Admission{
		Handler: &injector.Handler{
			Applications: mgr.GetClient(), Live: mgr.GetAPIReader(), LiveReads: rate.NewLimiter(liveReads, liveReadsAtOnce),
		},
	})
	// The first pod must not wait until the view of all applications is there.
	applications, err := mgr.GetCache().GetInformer(context.Background(), &v1alpha1.Application{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching applications: %w", err)
	}
	ready := func(*http.Request) error {
		if !applications.HasSynced() {
			return errNotSynced
		}
		return nil
	}
	if keeper != nil {
		keeper.Client = mgr.GetClient()
		if err := builder.ControllerManagedBy(mgr).Named("certificate").
			For(&admissionregistrationv1.MutatingWebhookConfiguration{}).Complete(keeper); err != nil {
			return fmt.Errorf("adding a controller: %w", err)
		}
		ready = keeper.Ready
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding /healthz: %w", err)
	}
	if err := mgr.AddReadyzCheck("webhook", ready); err != nil {
		return fmt.Errorf("adding /readyz: %w", err)
	}
	return nil
}
