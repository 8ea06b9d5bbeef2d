package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/internal/program"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
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
	server := tokenserver.New(tokenserver.Deps{
		Issuer:    o.issuer,
		Directory: view,
		Keys:      keys,
		Tokens: token.New(token.Deps{
			Issuer: o.issuer, Lifetime: o.tokenLifetime, Standard: keys.Standard(), InsightsHub: keys.InsightsHub(),
			Clock: clock.RealClock{}, Rand: rand.Reader,
		}),
		MaxStaleness: o.maxStaleness,
		Clock:        clock.RealClock{},
		Rand:         rand.Reader,
		Log:          logger,
	})
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return view.Run(groupCtx) })
	group.Go(func() error { return keys.Run(groupCtx) })
	if err := listen(groupCtx, group, o, server, logger); err != nil {
		return err
	}
	if err := group.Wait(); err != nil {
		return err
	}
	logger.Info("Stopped")
	return nil
}

// listen opens the addresses and serves on them in the group.
func listen(ctx context.Context, group *errgroup.Group, o *options, server *tokenserver.Server, logger *slog.Logger) error {
	clients, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listenAddress)
	if err != nil {
		return fmt.Errorf("opening --listen-address: %w", err)
	}
	if o.tlsCertFile != "" {
		certificate, err := certwatcher.New(o.tlsCertFile, o.tlsPrivateKeyFile)
		if err != nil {
			return fmt.Errorf("reading --tls-cert-file and --tls-private-key-file: %w", err)
		}
		group.Go(func() error { return certificate.Start(ctx) })
		clients = tls.NewListener(clients, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certificate.GetCertificate,
		})
	}
	if o.metricsAddress != "" {
		metrics, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.metricsAddress)
		if err != nil {
			return fmt.Errorf("opening --metrics-address: %w", err)
		}
		group.Go(func() error { return server.Serve(ctx, metrics, server.MetricsHandler()) })
	}
	group.Go(func() error { return server.Serve(ctx, clients, server.Handler()) })
	logger.Info("Serving", "version", version, "issuer", o.issuer, "address", clients.Addr().String())
	return nil
}
