package tokenserver

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/limit"
)

// viewAges collects how old the view is, kind by kind, when somebody asks.
type viewAges struct {
	view *directory.Directory
	desc *prometheus.Desc
}

func newViewAges(view *directory.Directory) prometheus.Collector {
	return viewAges{view, prometheus.NewDesc("countersign_view_age_seconds",
		"How long ago the view of a kind is known to have been complete; +Inf before it ever was. Where the oldest is past "+
			"--max-staleness, nothing is issued.", []string{"kind"}, nil)}
}

// Describe is that of prometheus.Collector.
func (c viewAges) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect is that of prometheus.Collector.
func (c viewAges) Collect(metrics chan<- prometheus.Metric) {
	for kind, age := range c.view.Ages() {
		metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, seconds(age), kind)
	}
}

// seconds takes the longest Duration for what it stands for.
func seconds(age time.Duration) float64 {
	if age == math.MaxInt64 {
		return math.Inf(1)
	}
	return age.Seconds()
}

// remembered collects how many buckets there are.
type remembered struct {
	limits *limit.Limiter
	desc   *prometheus.Desc
}

func newRemembered(limits *limit.Limiter) prometheus.Collector {
	return remembered{limits, prometheus.NewDesc("countersign_rate_limit_buckets",
		"Clients, and addresses with failed authentications, that the rate limits remember. There are never more than 65536 of each.",
		[]string{"of"}, nil)}
}

// Describe is that of prometheus.Collector.
func (c remembered) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect is that of prometheus.Collector.
func (c remembered) Collect(metrics chan<- prometheus.Metric) {
	clients, addresses := c.limits.Remembered()
	metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(clients), "clients")
	metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(addresses), "addresses")
}
