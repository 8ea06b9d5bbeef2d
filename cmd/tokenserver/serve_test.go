package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/tokenservertest"
)

const (
	// patience is how long a test waits for what takes milliseconds.
	patience = 30 * time.Second
	delay    = 5 * time.Second
)

// opened are listeners of this machine's own.
func opened(t *testing.T) *listeners {
	t.Helper()
	l, err := listen(t.Context(), &options{listenAddress: "127.0.0.1:0", metricsAddress: "127.0.0.1:0", maxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func statusAt(listener net.Listener, path string) func() (int, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func() (int, error) {
		answer, err := client.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		return answer.StatusCode, nil
	}
}

// What is withdrawn while a server stops must still be seen: the view may not end before the last request is answered.
func TestTheViewAndTheMetricsGoOnUntilTheServerHasStopped(t *testing.T) {
	g := gomega.NewWithT(t)
	w := tokenservertest.New(t)
	w.Restart(func(d *tokenserver.Deps) { d.ShutdownDelay = delay })
	l := opened(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	viewEnded, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- runAll(ctx, w.Server, l, func(ctx context.Context) error {
			<-ctx.Done()
			close(viewEnded)
			return nil
		})
	}()
	g.Eventually(statusAt(l.clients, "/readyz"), patience, time.Millisecond).Should(gomega.Equal(http.StatusOK))
	stop()
	for _, listener := range []net.Listener{l.clients, l.metrics} {
		g.Eventually(statusAt(listener, "/readyz"), patience, time.Millisecond).Should(gomega.Equal(http.StatusServiceUnavailable))
	}
	if status, err := statusAt(l.clients, "/.well-known/jwks.json")(); status != http.StatusOK {
		t.Errorf("got %d, %v", status, err)
	}
	if status, err := statusAt(l.metrics, "/metrics")(); status != http.StatusOK {
		t.Errorf("got %d, %v", status, err)
	}
	g.Eventually(w.Clock.HasWaiters, patience, time.Millisecond).Should(gomega.BeTrue())
	select {
	case <-viewEnded:
		t.Error("the view ended while the server serves")
	case err := <-ended:
		t.Fatalf("the server ended before its delay: %v", err)
	default:
	}
	w.Clock.Step(delay)
	g.Eventually(ended, patience).Should(gomega.Receive(gomega.BeNil()))
	g.Eventually(viewEnded, patience).Should(gomega.BeClosed())
}

func TestAPartThatFailsEndsTheServer(t *testing.T) {
	w := tokenservertest.New(t)
	failure := errors.New("no keys")
	err := runAll(t.Context(), w.Server, opened(t), func(context.Context) error { return failure })
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

func TestMoreConnectionsThanAreAllowedWait(t *testing.T) {
	g := gomega.NewWithT(t)
	l := opened(t)
	accepted := make(chan net.Conn, 3)
	go func() {
		for {
			connection, err := l.clients.Accept()
			if err != nil {
				return
			}
			accepted <- connection
		}
	}()
	for range 3 {
		connection, err := net.Dial("tcp", l.clients.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
	}
	var first net.Conn
	g.Eventually(accepted, patience).Should(gomega.Receive(&first))
	var second net.Conn
	g.Eventually(accepted, patience).Should(gomega.Receive(&second))
	if len(accepted) != 0 {
		t.Error("a third was accepted")
	}
	first.Close()
	var third net.Conn
	g.Eventually(accepted, patience).Should(gomega.Receive(&third))
	third.Close()
	second.Close()
	l.clients.Close()
	l.metrics.Close()
}
