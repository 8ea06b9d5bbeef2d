package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"

	"github.com/go-logr/logr"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/internal/program"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
	"countersign.dev/tokenserver/workload"
)

// serve wires the parts and runs them until the context is done or one of them fails.
func serve(ctx context.Context, o *options, stderr io.Writer) error {
	logger, err := program.Logger(stderr, o.logLevel)
	if err != nil {
		return err
	}
	klog.SetLogger(logr.FromSlogHandler(logger.Handler()))
	log.SetLogger(logr.FromSlogHandler(logger.Handler()))
	config, err := program.Cluster(o.kubeconfig)
	if err != nil {
		return err
	}
	view := directory.New(directory.Deps{Config: config, Clock: clock.RealClock{}, Log: logger})
	keys := signer.New(signer.Deps{Dir: o.signingKeys, Clock: clock.RealClock{}, Log: logger})
	workloads := workload.New(workload.Deps{Config: config, Audience: o.issuer, Clock: clock.RealClock{}, Log: logger})
	server := tokenserver.New(tokenserver.Deps{
		Issuer:    o.issuer,
		Directory: view,
		Keys:      keys,
		Tokens: token.New(token.Deps{
			Issuer: o.issuer, Lifetime: o.tokenLifetime, Standard: keys.Standard(), InsightsHub: keys.InsightsHub(),
			Clock: clock.RealClock{}, Rand: rand.Reader,
		}),
		Workloads:      workloads,
		MaxStaleness:   o.maxStaleness,
		Limits:         limit.New(o.limits, clock.RealClock{}),
		TrustedProxies: o.trustedProxies,
		ShutdownDelay:  o.shutdownDelay,
		Clock:          clock.RealClock{},
		Rand:           rand.Reader,
		Log:            logger,
	})
	listeners, err := listen(ctx, o)
	if err != nil {
		return err
	}
	logger.Info("Serving", "version", version, "issuer", o.issuer, "address", listeners.clients.Addr().String())
	if err := runAll(ctx, server, listeners, view.Run, keys.Run, workloads.Run); err != nil {
		return err
	}
	logger.Info("Stopped")
	return nil
}

// part is something that runs until its context is done.
type part func(context.Context) error

// runAll serves until the context is done. Everything that serving needs, and the metrics, goes on until the last request is
// answered: what is withdrawn while the server stops is still seen. A part that fails ends the rest.
func runAll(ctx context.Context, server *tokenserver.Server, listeners *listeners, parts ...part) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, groupCtx := errgroup.WithContext(running)
	for _, part := range append(parts, listeners.parts...) {
		group.Go(func() error { return part(groupCtx) })
	}
	if listeners.metrics != nil {
		group.Go(func() error { return server.ServeMetrics(groupCtx, listeners.metrics) })
	}
	serving, end := context.WithCancel(groupCtx)
	defer end()
	defer context.AfterFunc(ctx, end)()
	group.Go(func() error {
		defer stop()
		return server.Serve(serving, listeners.clients)
	})
	return group.Wait()
}

// listeners are the open addresses, and what has to run for them.
type listeners struct {
	clients net.Listener
	// metrics is nil where there is no address for them.
	metrics net.Listener
	parts   []part
}

// listen opens the addresses.
func listen(ctx context.Context, o *options) (*listeners, error) {
	clients, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listenAddress)
	if err != nil {
		return nil, fmt.Errorf("opening --listen-address: %w", err)
	}
	l := &listeners{clients: clients}
	if o.maxConnections > 0 {
		l.clients = netutil.LimitListener(l.clients, o.maxConnections)
	}
	if o.tlsCertFile != "" {
		certificate, err := certwatcher.New(o.tlsCertFile, o.tlsPrivateKeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading --tls-cert-file and --tls-private-key-file: %w", err)
		}
		l.parts = append(l.parts, certificate.Start)
		l.clients = tls.NewListener(l.clients, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certificate.GetCertificate,
		})
	}
	if o.metricsAddress != "" {
		l.metrics, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.metricsAddress)
		if err != nil {
			return nil, fmt.Errorf("opening --metrics-address: %w", err)
		}
	}
	return l, nil
}
