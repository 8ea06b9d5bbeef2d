package tokenserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// maxHeaderBytes bounds the header of a request.
	maxHeaderBytes = 16 << 10
	// headerSlack is what net/http reads beyond that before it answers 431.
	headerSlack = 4 << 10
)

// Timeouts bound what one connection can hold. Each that is zero is the one of DefaultTimeouts: nothing is without a bound.
type Timeouts struct {
	// ReadHeader is how long a request's header may take, and Read the header and the body together.
	ReadHeader, Read time.Duration
	// Write is how long a request may take from its header on until its answer is taken.
	Write time.Duration
	// Idle is how long a connection may wait for its next request.
	Idle time.Duration
	// Drain is how long requests in flight get when the server stops.
	Drain time.Duration
}

// DefaultTimeouts returns the bounds that a server has if it is not told others.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		ReadHeader: 5 * time.Second, Read: 10 * time.Second, Write: 20 * time.Second, Idle: 2 * time.Minute, Drain: 20 * time.Second,
	}
}

func (t Timeouts) orDefault() Timeouts {
	d := DefaultTimeouts()
	return Timeouts{
		ReadHeader: either(t.ReadHeader, d.ReadHeader), Read: either(t.Read, d.Read), Write: either(t.Write, d.Write),
		Idle: either(t.Idle, d.Idle), Drain: either(t.Drain, d.Drain),
	}
}

func either(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}

// Serve answers clients on the listener until the context is done, and returns when no request is in flight any more.
//
// Between the two it is told to stop and goes on serving for the shutdown delay, while /readyz says that no more requests
// should come here: whoever sends them, a Service or a proxy, learns of that only after a while. Each answer in that time
// closes its connection, so that none is idle, with a request on its way, when the listener closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server, failed := s.start(listener, s.Handler())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.deps.Log.InfoContext(ctx, "Stopping", "delay", s.deps.ShutdownDelay.String())
	if s.deps.ShutdownDelay > 0 {
		select {
		case err := <-failed:
			return err
		case <-s.deps.Clock.After(s.deps.ShutdownDelay):
		}
	}
	return s.drain(ctx, server, listener)
}

// ServeMetrics answers those who watch the server, until the context is done.
func (s *Server) ServeMetrics(ctx context.Context, listener net.Listener) error {
	server, failed := s.start(listener, s.MetricsHandler())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return s.drain(ctx, server, listener)
}

func (s *Server) start(listener net.Listener, handler http.Handler) (*http.Server, <-chan error) {
	timeouts := s.deps.Timeouts.orDefault()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: timeouts.ReadHeader,
		ReadTimeout:       timeouts.Read,
		WriteTimeout:      timeouts.Write,
		IdleTimeout:       timeouts.Idle,
		MaxHeaderBytes:    maxHeaderBytes - headerSlack,
		ErrorLog:          slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), server.Serve(listener)) }()
	return server, failed
}

// drain closes the listener and lets the requests in flight end.
func (s *Server) drain(ctx context.Context, server *http.Server, listener net.Listener) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.deps.Timeouts.orDefault().Drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("ending the requests in flight on %s: %w", listener.Addr(), err)
	}
	return nil
}

// closing makes each answer the last on its connection once the server is told to stop.
func (s *Server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
