package tokenserver_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
)

// BenchmarkToken measures a token request without and with limits and a log that is written, in turn, so that a machine
// with other things to do is as slow for both: with-ns is the median of those with both, and ratio what it is of the median
// without.
func BenchmarkToken(b *testing.B) {
	w := tokenservertest.New(b)
	w.Restart(func(d *tokenserver.Deps) { d.Log = slog.New(slog.DiscardHandler) })
	without := w.Handler
	w.Restart(func(d *tokenserver.Deps) {
		d.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // encoding the line is measured
		d.Limits = limit.New(limit.Config{ClientRate: 1e9, ClientBurst: 1 << 30, FailureRate: 5, FailureBurst: 50}, clock.RealClock{})
	})
	with := w.Handler
	form := url.Values{"grant_type": {"client_credentials"}, "tenant": {tokenservertest.Tenant}}
	var timesWithout, timesWith []time.Duration
	for b.Loop() {
		timesWithout = append(timesWithout, timeOf(b, without, form))
		timesWith = append(timesWith, timeOf(b, with, form))
	}
	slices.Sort(timesWithout)
	slices.Sort(timesWith)
	middle := len(timesWith) / 2
	b.ReportMetric(float64(timesWith[middle]), "with-ns")
	b.ReportMetric(float64(timesWith[middle])/float64(timesWithout[middle]), "ratio")
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
