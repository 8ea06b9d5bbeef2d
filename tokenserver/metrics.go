package tokenserver

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/origin"
)

// metrics is what the server counts. Names and labels are API (docs/metrics.md); every label has its values from a closed
// set, and none that a client or a tenant chooses.
type metrics struct {
	clock     clock.PassiveClock
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	tokens    *prometheus.CounterVec
	duration  *prometheus.HistogramVec
}

func newMetrics(view *directory.Directory, limits *limit.Limiter, clock clock.PassiveClock) *metrics {
	m := &metrics{
		clock:    clock,
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_decisions_total",
			Help: "Decisions, each of which has a line in the audit log, by face, outcome and reason.",
		}, []string{"face", "outcome", "reason"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_tokens_issued_total",
			Help: "Tokens that were issued, by face and by the algorithm that they are signed with.",
		}, []string{"face", "algorithm"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_http_request_duration_seconds",
			Help: "Time from a request's header to the end of its answer, by endpoint and class of status.",
			// From 0.1 ms to 1.6 s.
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8),
		}, []string{"endpoint", "status"}),
	}
	m.registry.MustRegister(m.decisions, m.tokens, m.duration, newViewAges(view), newRemembered(limits),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) count(face exchange.Face, outcome exchange.Outcome, reason string) {
	m.decisions.WithLabelValues(string(face), string(outcome), reason).Inc()
}

func (m *metrics) countToken(face exchange.Face, algorithm string) {
	m.tokens.WithLabelValues(string(face), algorithm).Inc()
}

// timed observes each request.
func (m *metrics) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, answer := m.clock.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		m.duration.WithLabelValues(origin.From(r.Context()).Endpoint, classOf(answer.status)).Observe(m.clock.Since(start).Seconds())
	})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// classOf returns 2xx for 200, and so on.
func classOf(status int) string { return strconv.Itoa(status/100) + "xx" }

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
