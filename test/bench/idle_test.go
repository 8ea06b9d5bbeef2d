package bench

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const (
	// creators is how many applications are created at a time.
	creators = 8
	// idleFor is how long is measured.
	idleFor = time.Minute
)

// BenchmarkIdle is what the operator costs while nothing happens and nothing is due: its CPU time, and its requests to the API
// server by verb, over a minute. Watches are opened anew now and then; nothing else should be there.
func BenchmarkIdle(b *testing.B) {
	c := start(b)
	var group errgroup.Group
	group.SetLimit(creators)
	for i := range *applications {
		group.Go(func() error { return c.Create(b.Context(), application(i)) })
	}
	must(b, group.Wait())
	c.settle(b, *applications)
	before, busy := c.operatorRequests(b), c.operatorCPU(b)
	b.ResetTimer()
	time.Sleep(idleFor)
	b.ReportMetric(float64((c.operatorCPU(b) - busy).Milliseconds()), "operator-cpu-ms/min")
	total := 0.0
	for verb, count := range c.operatorRequests(b) {
		if more := count - before[verb]; more > 0 {
			total += more
			b.ReportMetric(more, strings.ToLower(verb)+"-requests/min")
		}
	}
	b.ReportMetric(total, "requests/min")
}

// settle waits until the operator has nothing more to do: all applications are ready, and its queues have been empty for a
// while.
func (c *cluster) settle(b *testing.B, want int) {
	b.Helper()
	ready := 0
	for end := time.Now().Add(time.Hour); ready < want; time.Sleep(2 * time.Second) {
		if time.Now().After(end) {
			b.Fatalf("%d of %d applications are ready", ready, want)
		}
		list := &v1alpha1.ApplicationList{}
		must(b, c.List(b.Context(), list, client.InNamespace(host)))
		ready = 0
		for i := range list.Items {
			for _, condition := range list.Items[i].Status.Conditions {
				if condition.Type == string(v1alpha1.ConditionReady) && condition.Status == "True" {
					ready++
				}
			}
		}
	}
	const while = 15 * time.Second
	for empty := time.Now(); time.Since(empty) < while; time.Sleep(time.Second) {
		if c.operatorBusy(b) {
			empty = time.Now()
		}
	}
}

// operatorBusy reports whether something is in the operator's queues, or worked on.
func (c *cluster) operatorBusy(b *testing.B) bool {
	b.Helper()
	for _, metric := range []string{"workqueue_depth", "controller_runtime_active_workers"} {
		for _, value := range c.operatorMetric(b, metric, "controller") {
			if value > 0 {
				return true
			}
		}
	}
	return false
}

// operatorRequests returns how many requests of each method the operator has made.
func (c *cluster) operatorRequests(b *testing.B) map[string]float64 {
	b.Helper()
	return c.operatorMetric(b, "rest_client_requests_total", "method")
}

// operatorMetric returns the sums of one of the operator's own metrics by a label, which has to be there.
func (c *cluster) operatorMetric(b *testing.B, name, label string) map[string]float64 {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, c.stack.OperatorMetrics()+"/metrics", nil)
	must(b, err)
	response, err := http.DefaultClient.Do(request)
	must(b, err)
	defer response.Body.Close()
	sums := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		rest, found := strings.CutPrefix(lines.Text(), name+"{")
		if !found {
			continue
		}
		labels, value, _ := strings.Cut(rest, "} ")
		_, of, _ := strings.Cut(labels, label+`="`)
		of, _, _ = strings.Cut(of, `"`)
		number, err := strconv.ParseFloat(value, 64)
		must(b, err)
		sums[of] += number
	}
	if len(sums) == 0 {
		b.Fatalf("the operator has no metric %s", name)
	}
	return sums
}

// operatorCPU returns the CPU time that the operator has had, from /proc (Linux), in ticks of a hundredth of a second.
func (c *cluster) operatorCPU(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.stack.OperatorPID()))
	must(b, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] { // utime, stime: the 14th and 15th of the line
		n, err := strconv.Atoi(field)
		must(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
