package directory

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

// The design load: 10,000 applications and 100,000 grants.
const (
	loadTenants      = 1_000
	loadApplications = 10_000
	loadGrants       = 100_000
)

func loadTenant(i int) string { return fmt.Sprintf("tenant-%04d", i%loadTenants) }

func loadUID(i int) types.UID {
	return types.UID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i%loadApplications))
}

// loadGrant is the i-th: ten of each application, by tenants that follow each other.
func loadGrant(i int) *v1alpha1.TenantGrant {
	app, tenant := i%loadApplications, loadTenant(i/loadApplications+i%loadApplications)
	grant := newGrant(tenant, fmt.Sprintf("app-%05d", app), loadUID(app))
	grant.Spec.Scopes = []v1alpha1.Scope{"assets:read", "timeseries:read", "files:read"}
	return grant
}

func loaded(b *testing.B) *world {
	b.Helper()
	w := newWorld(b)
	tenants := []any{newTenant("operator-co", "tenant-operator-co")}
	for i := range loadTenants {
		tenants = append(tenants, newTenant(loadTenant(i), "tenant-"+loadTenant(i)))
	}
	apps := make([]any, 0, loadApplications)
	for i := range loadApplications {
		apps = append(apps, newApp(fmt.Sprintf("app-%05d", i), loadUID(i), newSecret(byte(i))))
	}
	must(b, w.feeds[0].store.Replace(tenants, "1"))
	must(b, w.feeds[1].store.Replace([]any{newServer("iot", audience)}, "1"))
	must(b, w.feeds[2].store.Replace([]any{newLevel("limited", "assets:read", "timeseries:read")}, "1"))
	must(b, w.feeds[3].store.Replace(apps, "1"))
	return w
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkAuthenticateAndDecide is what a token costs before it is signed.
func BenchmarkAuthenticateAndDecide(b *testing.B) {
	w := loaded(b)
	for i := range loadGrants {
		must(b, w.feeds[4].store.Add(loadGrant(i)))
	}
	id, secret := clientID("app-00042", "1.0.0", loadUID(42)), newSecret(42).Reveal()
	b.ReportAllocs()
	for b.Loop() {
		client, ok := w.Authenticate(id, secret)
		if !ok {
			b.Fatal("refused")
		}
		if d := w.Decide(client, loadTenant(42), "", nil); !d.Granted() {
			b.Fatal(d.Reason)
		}
	}
}

// BenchmarkRefusedAuthentication compares an unknown client with a wrong secret: they must cost the same.
func BenchmarkRefusedAuthentication(b *testing.B) {
	w := loaded(b)
	secret := newSecret(255).Reveal()
	for name, id := range map[string]string{
		"wrong secret":   clientID("app-00042", "1.0.0", loadUID(42)),
		"unknown client": clientID("app-none", "1.0.0", loadUID(42)),
		"unknown digits": clientID("app-00042", "1.0.0", laterUID),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := w.Authenticate(id, secret); ok {
					b.Fatal("admitted")
				}
			}
		})
	}
}

// BenchmarkReplaceGrants is a new view of all grants, from objects as they come in a list: it reports the heap that each keeps.
func BenchmarkReplaceGrants(b *testing.B) {
	objects := func() []any {
		list := make([]any, 0, loadGrants)
		for i := range loadGrants {
			// Decoded, each object has strings of its own.
			text, err := json.Marshal(loadGrant(i))
			must(b, err)
			decoded := &v1alpha1.TenantGrant{}
			must(b, json.Unmarshal(text, decoded))
			list = append(list, decoded)
		}
		return list
	}
	w := loaded(b)
	before := heap()
	must(b, w.feeds[4].store.Replace(objects(), "1"))
	kept := heap() - before
	again := objects()
	for b.Loop() {
		must(b, w.feeds[4].store.Replace(again, "2"))
	}
	b.ReportMetric(float64(kept)/loadGrants, "heap-B/grant")
	runtime.KeepAlive(w)
}

// BenchmarkOneApplicationWithAllGrants would take minutes if an event cost as much as there are grants of the name.
func BenchmarkOneApplicationWithAllGrants(b *testing.B) {
	objects := make([]any, 0, loadGrants)
	for i := range loadGrants {
		objects = append(objects, newGrant(fmt.Sprintf("t-%06d", i), "kpi", appUID))
	}
	for b.Loop() {
		w := newWorld(b)
		must(b, w.feeds[4].store.Replace(objects, "1"))
	}
}
