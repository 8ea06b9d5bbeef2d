package credentials

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"countersign.dev/api/v1alpha1"
)

// expirations knows when the last credential of each self-hosted version ends. It is a prometheus.Collector: what is left
// is counted when somebody asks, so that no reconcile is needed for it.
type expirations struct {
	clock clock.PassiveClock
	left  *prometheus.Desc

	mu sync.Mutex
	of map[types.NamespacedName]map[v1alpha1.VersionName]time.Time
}

var _ prometheus.Collector = (*expirations)(nil)

func newExpirations(clock clock.PassiveClock) *expirations {
	return &expirations{
		clock: clock,
		left: prometheus.NewDesc("countersign_credential_remaining_seconds",
			"Until the last credential of a self-hosted version ends; below zero: since then.",
			[]string{"namespace", "application", "version"}, nil),
		of: map[types.NamespacedName]map[v1alpha1.VersionName]time.Time{},
	}
}

// set replaces what is known of the application by what the round found. Nil: it is not there.
func (e *expirations) set(key types.NamespacedName, r *round) {
	ends := map[v1alpha1.VersionName]time.Time{}
	if r != nil {
		for _, s := range r.steps {
			if s.situation == selfHosted {
				ends[s.version] = lastEnd(s.stated)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(ends) == 0 {
		delete(e.of, key)
		return
	}
	e.of[key] = ends
}

// Describe implements prometheus.Collector.
func (e *expirations) Describe(ch chan<- *prometheus.Desc) { ch <- e.left }

// Collect implements prometheus.Collector.
func (e *expirations) Collect(ch chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	for key, ends := range e.of {
		for version, end := range ends {
			ch <- prometheus.MustNewConstMetric(e.left, prometheus.GaugeValue, end.Sub(now).Seconds(),
				key.Namespace, key.Name, string(version))
		}
	}
}
