// Command iotapi is an example of a resource server: an API of the platform that serves a tenant's assets and time series to
// whoever shows a token for that tenant. It verifies tokens offline, by the token server's public keys, with a public library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	issuer := flag.String("issuer", "", "the token server's issuer, as https://tokens.example.com (required)")
	audience := flag.String("audience", "https://api.example.com", "this API's audience: spec.audience of its ResourceServer")
	address := flag.String("listen-address", "127.0.0.1:8090", "address to listen on")
	flag.Parse()
	err := run(ctx, *issuer, *audience, *address)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "iotapi:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, issuer, audience, address string) error {
	if issuer == "" {
		return errors.New("--issuer is required")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: newAPI(ctx, issuer, audience), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(drain)
}
