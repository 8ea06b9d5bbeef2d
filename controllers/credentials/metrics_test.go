package credentials

import (
	"crypto/rand"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"countersign.dev/api/v1alpha1"
)

// gathered is what the phase's metrics say, as name{labels} to value.
func gathered(t *testing.T, p *Phase) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.Metrics())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			all[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = metric.GetGauge().GetValue()
		}
	}
	return all
}

func TestTheMetricCountsDownToTheLastEndOfASelfHostedVersion(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"), granted("1.1.0"))
	phase := New(Deps{Client: w.client(), Live: w.platform, Clock: w.clock, Rand: rand.Reader, Issuer: issuer, Events: w.events})
	reconcile := func() {
		t.Helper()
		_, err := phase.Reconcile(w.ctx, w.app(), w.standing)
		w.must(err)
	}
	host := func(verifiers ...v1alpha1.SelfHostedVerifier) {
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].Verifiers = verifiers })
		reconcile()
	}
	reconcile()
	if got := gathered(t, phase); len(got) > 0 {
		t.Errorf("no version is self-hosted, and the metrics say %v", got)
	}
	host(stated(noon.Add(day)), stated(noon.Add(2*day)))
	series := "countersign_credential_remaining_seconds{application=kpi-dashboard,namespace=" + w.namespace + ",version=1.0.0}"
	if diff := cmp.Diff(map[string]float64{series: 172800}, gathered(t, phase)); diff != "" {
		t.Error(diff)
	}
	w.pass(3 * day)
	if diff := cmp.Diff(map[string]float64{series: -86400}, gathered(t, phase)); diff != "" {
		t.Error("by the clock alone: " + diff)
	}
	host()
	if got := gathered(t, phase); len(got) > 0 {
		t.Errorf("it is self-hosted no more, and the metrics say %v", got)
	}
	host(stated(noon.Add(day)))
	w.must(w.platform.Delete(w.ctx, w.app()))
	w.must(phase.Remove(w.ctx, w.key))
	if got := gathered(t, phase); len(got) > 0 {
		t.Errorf("the application is gone, and the metrics say %v", got)
	}
}

func TestTheDocumentHasTheOperatorsMetrics(t *testing.T) {
	data, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## The operator\n")
	rows := regexp.MustCompile("(?m)^\\| `(countersign_[a-z_]+)` \\| gauge \\| `namespace`, `application`, `version` \\|").
		FindAllStringSubmatch(section, -1)
	if len(rows) != 1 || rows[0][1] != "countersign_credential_remaining_seconds" {
		t.Errorf("docs/metrics.md has the rows %v", rows)
	}
}
