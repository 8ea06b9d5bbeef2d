package tokenserver

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
)

// metrics is what the server counts. Names and labels are API; no label has a value that a client or a tenant chooses.
type metrics struct {
	clock     clock.PassiveClock
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	duration  prometheus.Histogram
}

func newMetrics(view *directory.Directory, clock clock.PassiveClock) *metrics {
	m := &metrics{
		clock:    clock,
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_decisions_total",
			Help: "Answers to requests for tokens and for lists of tenants, by face, outcome (issued, listed, refused, unauthenticated, unavailable) and reason.",
		}, []string{"face", "outcome", "reason"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "countersign_http_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8),
		}),
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "countersign_view_age_seconds",
		Help: "How long ago the view of the cluster is known to have been complete. Past --max-staleness nothing is issued.",
	}, func() float64 { return view.Age().Seconds() })
	m.registry.MustRegister(m.decisions, m.duration, age,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) count(face exchange.Face, outcome exchange.Outcome, reason string) {
	m.decisions.WithLabelValues(string(face), string(outcome), reason).Inc()
}

func (m *metrics) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := m.clock.Now()
		next.ServeHTTP(w, r)
		m.duration.Observe(m.clock.Since(start).Seconds())
	})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
