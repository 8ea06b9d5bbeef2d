package tokenserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/requestid"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
)

// Times and sizes that bound what one connection can hold.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 20 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	// drainTimeout is how long requests in flight get when the server stops.
	drainTimeout = 20 * time.Second
)

// Deps is what a Server works with.
type Deps struct {
	// Issuer is the configured issuer (RFC 8414 section 2).
	Issuer    string
	Directory *directory.Directory
	Keys      *signer.Signer
	Tokens    *token.Issuer
	// MaxStaleness is the age of the view past which nothing is issued.
	MaxStaleness time.Duration
	// Clock times requests, for the metrics.
	Clock clock.PassiveClock
	// Rand makes ids of requests, safe for concurrent use: crypto/rand, but for tests.
	Rand io.Reader
	Log  *slog.Logger
}

// Server is the token server.
type Server struct {
	deps     Deps
	exchange *exchange.Exchange
	metrics  *metrics
	stopping atomic.Bool
}

// New returns a Server.
func New(deps Deps) *Server {
	s := &Server{deps: deps, metrics: newMetrics(deps.Directory, deps.Clock)}
	s.metrics.registry.MustRegister(newKeyMetrics(deps.Keys))
	s.exchange = exchange.New(exchange.Deps{
		Directory: deps.Directory, Tokens: deps.Tokens, MaxStaleness: deps.MaxStaleness, Log: deps.Log, Count: s.metrics.count,
	})
	return s
}

// Handler serves every route.
func (s *Server) Handler() http.Handler {
	handler := guarded(recovering(s.deps.Log, newRouter(s.routes())))
	return requestid.Handler(s.deps.Rand, s.metrics.timed(handler))
}

// MetricsHandler serves /metrics, and /healthz and /readyz beside it, for a listener that clients do not reach.
func (s *Server) MetricsHandler() http.Handler {
	return newRouter([]route{
		{http.MethodGet, "/metrics", s.metrics.handler()},
		{http.MethodGet, "/healthz", http.HandlerFunc(alive)},
		{http.MethodGet, "/readyz", http.HandlerFunc(s.ready)},
	})
}

// Serve answers requests on the listener until the context is done. Then it is not ready any more, takes no new connection,
// and ends the requests that are in flight.
func (s *Server) Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("ending the requests in flight on %s: %w", listener.Addr(), err)
	}
	return nil
}

func alive(w http.ResponseWriter, _ *http.Request) {
	// A client that went away cannot be told anything.
	_, _ = io.WriteString(w, "ok\n")
}

// ready says whether requests should come here: a first view of the cluster and the keys are there, and the server is not
// stopping.
//
// It does not ask how old the view is. An API server that is away makes all replicas blind at once: they answer 503 to those
// who want tokens, and must go on to serve keys to those who verify, which nobody could reach were no replica ready.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.unready(); err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	alive(w, r)
}

func (s *Server) unready() error {
	if s.stopping.Load() {
		return errors.New("the server is stopping")
	}
	if !s.deps.Directory.Synced() {
		return errors.New("the first view of the cluster is not complete yet")
	}
	if !s.deps.Keys.Standard().Held() || !s.deps.Keys.InsightsHub().Held() {
		return errors.New("there are no signing keys yet")
	}
	return nil
}
