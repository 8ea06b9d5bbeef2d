package tokenserver_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
)

// BenchmarkToken measures a token request without and with limits and a log that is written, in turn, so that a machine
// with other things to do is as slow for both: with-ns is the one with both, and ratio what it takes of the one without.
func BenchmarkToken(b *testing.B) {
	w := tokenservertest.New(b)
	w.Restart(func(d *tokenserver.Deps) { d.Log = slog.New(slog.DiscardHandler) })
	without := w.Handler
	w.Restart(func(d *tokenserver.Deps) {
		d.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
		d.Limits = limit.New(limit.Config{ClientRate: 1e9, ClientBurst: 1 << 30, FailureRate: 5, FailureBurst: 50}, clock.RealClock{})
	})
	with := w.Handler
	form := url.Values{"grant_type": {"client_credentials"}, "tenant": {tokenservertest.Tenant}}
	var spentWithout, spentWith time.Duration
	for b.Loop() {
		spentWithout += timeOf(b, without, form)
		spentWith += timeOf(b, with, form)
	}
	b.ReportMetric(float64(spentWith)/float64(b.N), "with-ns")
	b.ReportMetric(float64(spentWith)/float64(spentWithout), "ratio")
}

func timeOf(b *testing.B, handler http.Handler, form url.Values) time.Duration {
	b.Helper()
	r := request(http.MethodPost, "/oauth2/token", form, tokenservertest.ClientID(), tokenservertest.Secret())
	r.Header.Set("User-Agent", "Go-http-client/1.1")
	answer := httptest.NewRecorder()
	start := time.Now()
	handler.ServeHTTP(answer, r)
	spent := time.Since(start)
	if answer.Code != http.StatusOK {
		b.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	return spent
}
