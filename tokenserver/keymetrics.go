package tokenserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/signer"
)

// labelFace tells the two sets of keys apart, as it does decisions; labelState is what a key is there for.
const (
	labelFace  = "face"
	labelState = "state"

	stateSigning = "signing"
	stateNext    = "next"
	stateRetired = "retired"
)

// keyMetrics tells how the signing keys stand at the moment they are asked for. Names and labels are API.
type keyMetrics struct {
	keys                   map[exchange.Face]*signer.Keys
	count, age, ends, good *prometheus.Desc
}

func newKeyMetrics(keys *signer.Signer) *keyMetrics {
	perFace := []string{labelFace}
	return &keyMetrics{
		keys: map[exchange.Face]*signer.Keys{exchange.Standard: keys.Standard(), exchange.InsightsHub: keys.InsightsHub()},
		count: prometheus.NewDesc("countersign_signing_keys",
			"Published keys by face and state: signing (0: nothing can be signed), next (0 for more than minutes: the operator "+
				"does not work, or what it writes does not arrive), retired.", []string{labelFace, labelState}, nil),
		age: prometheus.NewDesc("countersign_signing_key_age_seconds",
			"How long the key that signs has been signing.", perFace, nil),
		ends: prometheus.NewDesc("countersign_signing_key_ends_seconds",
			"Time until the key that signs stops and the next one begins. Absent while that is not decided.", perFace, nil),
		good: prometheus.NewDesc("countersign_signing_key_mount_seconds",
			"Time until the directory with the keys counts as stuck and nothing is signed; it is renewed long before. Absent "+
				"where no token lies beside the keys to tell by.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *keyMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{m.count, m.age, m.ends, m.good} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector.
func (m *keyMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	for face, keys := range m.keys {
		status := keys.Status()
		gauge(m.count, float64(status.Signing), string(face), stateSigning)
		gauge(m.count, float64(status.Next), string(face), stateNext)
		gauge(m.count, float64(status.Retired), string(face), stateRetired)
		if status.Signing > 0 {
			gauge(m.age, status.SignsFor.Seconds(), string(face))
		}
		if status.Ends {
			gauge(m.ends, status.EndsIn.Seconds(), string(face))
		}
		if status.MountTold && face == exchange.Standard { // one directory for both
			gauge(m.good, status.MountGoodFor.Seconds())
		}
	}
}
