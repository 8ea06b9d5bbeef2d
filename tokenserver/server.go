package tokenserver

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/origin"
	"countersign.dev/tokenserver/requestid"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
	"countersign.dev/tokenserver/workload"
)

// Deps is what a Server works with.
type Deps struct {
	// Issuer is the configured issuer (RFC 8414 section 2).
	Issuer    string
	Directory *directory.Directory
	Keys      *signer.Signer
	Tokens    *token.Issuer
	// Workloads proves who a pod is. nil: nobody authenticates as a ServiceAccount.
	Workloads *workload.Verifier
	// MaxStaleness is the age of the view past which nothing is issued.
	MaxStaleness time.Duration
	// Limits says when a client, or an address, has to slow down. nil: nobody has to.
	Limits *limit.Limiter
	// TrustedProxies are the addresses of proxies that are believed whose request they bring. Empty: nobody is.
	TrustedProxies []netip.Prefix
	// Timeouts bound what one connection can hold.
	Timeouts Timeouts
	// ShutdownDelay is how long the server goes on serving, not ready any more, once it is told to stop.
	ShutdownDelay time.Duration
	// Clock times requests, for the metrics, and the shutdown delay.
	Clock clock.Clock
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
	s := &Server{deps: deps, metrics: newMetrics(deps.Directory, deps.Limits, deps.Clock)}
	s.metrics.registry.MustRegister(newKeyMetrics(deps.Keys))
	s.exchange = exchange.New(exchange.Deps{
		Directory: deps.Directory, Tokens: deps.Tokens, Workloads: deps.Workloads, MaxStaleness: deps.MaxStaleness,
		Limits: deps.Limits, Log: deps.Log, Count: s.metrics.count, CountToken: s.metrics.countToken,
	})
	return s
}

// Handler serves every route.
func (s *Server) Handler() http.Handler {
	router := newRouter(s.routes())
	handler := s.metrics.timed(s.closing(guarded(recovering(s.deps.Log, router))))
	from := origin.Config{Trusted: s.deps.TrustedProxies, Endpoint: router.endpoint}
	return requestid.Handler(s.deps.Rand, origin.Handler(from, handler))
}

// MetricsHandler serves /metrics, and /healthz and /readyz beside it, for a listener that clients do not reach.
func (s *Server) MetricsHandler() http.Handler {
	return newRouter([]route{
		{http.MethodGet, "/metrics", s.metrics.handler()},
		{http.MethodGet, "/healthz", http.HandlerFunc(alive)},
		{http.MethodGet, "/readyz", http.HandlerFunc(s.ready)},
	})
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
