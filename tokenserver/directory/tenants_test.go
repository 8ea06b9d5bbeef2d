package directory

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"pgregory.net/rapid"

	"countersign.dev/api/v1alpha1"
)

// walk goes from page to page and calls between before each but the first.
func (w *world) walk(client Client, limit func() int, between func()) (listed []string, pages int) {
	w.tb.Helper()
	for place := (Place{}); ; {
		most := limit()
		page := w.TenantsPage(client, place, most)
		if len(page.Tenants) > most {
			w.tb.Fatalf("a page of %d tenants, where %d are the limit", len(page.Tenants), most)
		}
		for _, tenant := range page.Tenants {
			listed = append(listed, tenant.Tenant)
		}
		pages++
		if page.Next == nil {
			return listed, pages
		}
		place = *page.Next
		between()
	}
}

func always(limit int) func() int { return func() int { return limit } }

// grantOf is the tenant's grant to the scenario's application, with a UID of its own.
func grantOf(tenant, uid string) *v1alpha1.TenantGrant {
	grant := newGrant(tenant, "kpi", appUID)
	grant.UID = types.UID(uid)
	return grant
}

func (w *world) grantStore() cache.ReflectorStore { return w.store(&v1alpha1.TenantGrant{}) }

func TestAPageListsTheHostFirstAndThenWhomATokenCanBeHadFor(t *testing.T) {
	w := scenario(t)
	w.apply(
		newTenant("globex", "tenant-globex"), grantOf("globex", "1"), newTenant("late", "tenant-late"), newGrant("late", "kpi", laterUID),
		grantOf("nobody", "2"), grantOf("operator-co", "3"), newTenant("other", "tenant-other"), newGrant("other", "other-app", appUID),
	)
	client := w.kpi()
	for limit := 1; limit < 5; limit++ {
		got, _ := w.walk(client, always(limit), func() {})
		if want := []string{"operator-co", "globex", "acme"}; !slices.Equal(got, want) {
			t.Errorf("%d a page: got %v, want %v", limit, got, want)
		}
	}
	for _, tenant := range w.TenantsPage(client, Place{}, 9).Tenants {
		if d := w.Decide(client, tenant.Tenant, "", nil); !slices.Equal(d.Scopes, tenant.Scopes) {
			t.Errorf("%s is listed with %v, and a token has %v", tenant.Tenant, tenant.Scopes, d.Scopes)
		}
	}
}

func TestNobodyIsListedForNobody(t *testing.T) {
	w := scenario(t)
	if page := w.TenantsPage(Client{}, Place{}, 9); page.Tenants != nil || page.Next != nil {
		t.Errorf("got %+v", page)
	}
	client := w.kpi()
	w.remove(newApp("kpi", appUID))
	if page := w.TenantsPage(client, Place{}, 9); page.Tenants != nil {
		t.Errorf("of an application that is gone: got %+v", page)
	}
}

func TestAPlaceIsOnlyAPlace(t *testing.T) {
	w := scenario(t)
	w.apply(newTenant("globex", "tenant-globex"), newGrant("globex", "other-app", laterUID), newApp("other-app", laterUID, newSecret(9)))
	other, ok := w.Authenticate(clientID("other-app", "1.0.0", laterUID), newSecret(9).Reveal())
	if !ok {
		t.Fatal("the other application's client is refused")
	}
	theirs := w.TenantsPage(other, Place{}, 1)
	if theirs.Next == nil {
		t.Fatal("the other application has one page only")
	}
	for _, place := range []Place{*theirs.Next, {Grant: "grant-of-globex"}, {HostPassed: true, Grant: "grant-of-a"}, {HostPassed: true}} {
		for _, tenant := range w.TenantsPage(w.kpi(), place, 9).Tenants {
			if tenant.Tenant != "operator-co" && tenant.Tenant != "acme" {
				t.Errorf("behind %+v %s is listed", place, tenant.Tenant)
			}
		}
	}
	if page := w.TenantsPage(w.kpi(), Place{HostPassed: true, Grant: "zzz"}, 9); page.Tenants != nil || page.Next != nil {
		t.Errorf("behind the end: got %+v", page)
	}
}

func TestAPageLooksAtABoundedNumberOfGrants(t *testing.T) {
	w := scenario(t)
	const foreign = 2*maxExamined + maxExamined/2
	for i := range foreign {
		grant := newGrant(fmt.Sprintf("t-%04d", i), "kpi", laterUID)
		grant.UID = types.UID(fmt.Sprintf("a-%04d", i))
		must(t, w.grantStore().Add(grant))
	}
	got, pages := w.walk(w.kpi(), always(2), func() {})
	if want := []string{"operator-co", "acme"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := foreign/maxExamined + 1; pages != want {
		t.Errorf("%d grants that permit nothing took %d pages, want %d", foreign, pages, want)
	}
}

// crowd is tenants that come and go, each with a grant that has another UID each time.
type crowd struct {
	w       *world
	present []*v1alpha1.TenantGrant
	came    int
}

// come lets one more come: mostly with consent, sometimes with one for another application.
func (c *crowd) come(t *rapid.T) {
	name, uid := fmt.Sprintf("passing-%d", c.came), appUID
	if rapid.IntRange(0, 4).Draw(t, "consent") == 0 {
		uid = laterUID
	}
	grant := newGrant(name, "kpi", uid)
	grant.UID = drawUID(t)
	must(t, c.w.store(&v1alpha1.Tenant{}).Add(newTenant(name, "tenant-"+name)))
	must(t, c.w.grantStore().Add(grant))
	c.present = append(c.present, grant)
	c.came++
}

// leave lets one go: its grant or its tenant.
func (c *crowd) leave(t *rapid.T) {
	if len(c.present) == 0 {
		return
	}
	at := rapid.IntRange(0, len(c.present)-1).Draw(t, "who")
	if rapid.Bool().Draw(t, "grant") {
		must(t, c.w.grantStore().Delete(c.present[at]))
	} else {
		tenant := string(c.present[at].Spec.Tenant)
		must(t, c.w.store(&v1alpha1.Tenant{}).Delete(newTenant(tenant, "tenant-"+tenant)))
	}
	c.present = slices.Delete(c.present, at, at+1)
}

func drawUID(t *rapid.T) types.UID {
	return types.UID(fmt.Sprintf("%016x", rapid.Uint64().Draw(t, "uid")))
}

func TestWhoIsThereAllAlongIsListedOnceWhile1000OthersComeAndGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.apply(newTenant("operator-co", "tenant-operator-co"), newServer("iot", audience),
			newLevel("limited", "assets:read"), newApp("kpi", appUID, newSecret(1)))
		lasting, want := []*v1alpha1.TenantGrant{}, []string{"operator-co"}
		for i := range rapid.IntRange(0, 40).Draw(t, "lasting") {
			name := fmt.Sprintf("lasting-%d", i)
			grant := newGrant(name, "kpi", appUID)
			grant.UID = types.UID(fmt.Sprintf("%s-%d", drawUID(t), i))
			must(t, w.store(&v1alpha1.Tenant{}).Add(newTenant(name, "tenant-"+name)))
			must(t, w.grantStore().Add(grant))
			lasting, want = append(lasting, grant), append(want, name)
		}
		passing := &crowd{w: w}
		for range rapid.IntRange(0, 500).Draw(t, "before") {
			passing.come(t)
		}
		churn := func() {
			for range rapid.IntRange(0, 200).Draw(t, "events") {
				switch kind := rapid.IntRange(0, 4).Draw(t, "event"); {
				case kind < 2 && passing.came < 1000:
					passing.come(t)
				case kind < 4:
					passing.leave(t)
				case len(lasting) > 0: // changes, and stays
					grant := rapid.SampledFrom(lasting).Draw(t, "changed").DeepCopy()
					grant.Spec.Scopes = []v1alpha1.Scope{"assets:read"}
					must(t, w.grantStore().Update(grant))
				}
			}
		}
		limit := rapid.IntRange(1, 50)
		got, _ := w.walk(w.kpi(), func() int { return limit.Draw(t, "limit") }, churn)
		if err := eachOnce(want, got); err != nil {
			t.Fatal(err)
		}
	})
}

func eachOnce(want, got []string) error {
	times := map[string]int{}
	for _, name := range got {
		times[name]++
	}
	for _, name := range want {
		if times[name] != 1 {
			return fmt.Errorf("%s was there all along and is listed %d times", name, times[name])
		}
	}
	return nil
}

// TestReadersPageWhileAWriterLetsOthersComeAndGo says nothing of an order of events: the race detector and the promise hold in
// every one.
func TestReadersPageWhileAWriterLetsOthersComeAndGo(t *testing.T) {
	w := scenario(t)
	want := []string{"operator-co", "acme"}
	for i := range 50 {
		name := fmt.Sprintf("lasting-%d", i)
		w.apply(newTenant(name, "tenant-"+name), grantOf(name, fmt.Sprintf("%d-lasting", i%10*1000+i)))
		want = append(want, name)
	}
	client := w.kpi()
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			passing := grantOf(fmt.Sprintf("passing-%d", i%1000), fmt.Sprintf("%d", i%10000))
			changed := grantOf("lasting-7", "7007-lasting")
			for _, err := range []error{w.grantStore().Add(passing), w.grantStore().Update(changed)} {
				if err != nil {
					t.Error(err)
				}
			}
			if i%3 != 0 {
				if err := w.grantStore().Delete(passing); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for reader := range 2 {
		readers.Go(func() {
			for range 50 {
				got, _ := w.walk(client, always(reader*20+3), func() {})
				if err := eachOnce(want, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

// BenchmarkTenantsPage compares a page of 100 somewhere among 1,000 grants of an application with one among 100,000.
func BenchmarkTenantsPage(b *testing.B) {
	const few, many, limit = 1_000, 100_000, 100
	worlds := map[int]*world{few: crowded(b, few), many: crowded(b, many)}
	spent, places := map[int]time.Duration{}, map[int]Place{}
	var turn uint32
	for b.Loop() {
		turn++
		for size, w := range worlds {
			client := w.kpi()
			start := time.Now()
			page := w.TenantsPage(client, places[size], limit)
			spent[size] += time.Since(start)
			if len(page.Tenants) != limit {
				b.Fatalf("a page of %d", len(page.Tenants))
			}
			// Another place each time, all over the order.
			places[size] = Place{HostPassed: true, Grant: fmt.Sprintf("%08x", turn*2654435761%(1<<31))}
		}
	}
	for _, size := range []int{few, many} {
		b.ReportMetric(float64(spent[size].Microseconds())/float64(turn), fmt.Sprintf("µs/page-of-%d", size))
	}
	b.ReportMetric(float64(spent[many])/float64(spent[few]), "ratio")
}

// BenchmarkAllTenants is what the Insights Hub's list costs, which has to count them all.
func BenchmarkAllTenants(b *testing.B) {
	w := crowded(b, 100_000)
	client := w.kpi()
	for b.Loop() {
		if got := len(w.Tenants(client)); got != 100_001 {
			b.Fatalf("%d tenants", got)
		}
	}
}

// crowded is a world in which that many tenants granted one application, with UIDs all over their range.
func crowded(b *testing.B, grants int) *world {
	b.Helper()
	w := newWorld(b)
	w.apply(newTenant("operator-co", "tenant-operator-co"), newServer("iot", audience),
		newLevel("limited", "assets:read", "timeseries:read"), newApp("kpi", appUID, newSecret(1)))
	tenants, given := []any{newTenant("operator-co", "tenant-operator-co")}, make([]any, 0, grants)
	for i := range grants {
		name := fmt.Sprintf("t-%06d", i)
		tenants = append(tenants, newTenant(name, "tenant-"+name))
		given = append(given, grantOf(name, fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(i)*2654435761, i)))
	}
	must(b, w.store(&v1alpha1.Tenant{}).Replace(tenants, "1"))
	must(b, w.grantStore().Replace(given, "1"))
	return w
}
