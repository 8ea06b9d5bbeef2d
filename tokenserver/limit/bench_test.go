package limit_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"k8s.io/utils/clock"

	"countersign.dev/tokenserver/limit"
)

func BenchmarkClient(b *testing.B) {
	l := limit.New(limit.Config{ClientRate: 1e9, ClientBurst: 1 << 30}, clock.RealClock{})
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("operator-co-kpi-%d-1.0.0-471108153390", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			l.Client(ids[i%len(ids)], 1, 1)
		}
	})
}

// BenchmarkMemory measures what the limiter holds when it holds as much as it ever does.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		before := heap()
		l := limit.New(limit.Config{ClientRate: 1, ClientBurst: 5, FailureRate: 1, FailureBurst: 1}, clock.RealClock{})
		for i := range 1 << 18 {
			l.Client(fmt.Sprintf("operator-co-kpi-%d-1.0.0-471108153390", i), 1, 1)
			l.Failure(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		runtime.KeepAlive(l)
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
