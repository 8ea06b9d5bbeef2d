package directory

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// perWindow makes windows of few applications.
const perWindow = 3

// offers goes from page to page, and returns what is listed by its UID.
func (w *world) offers(tenant *access.Tenant, limit int) (listed []string, pages int) {
	w.tb.Helper()
	for place := ""; ; pages++ {
		page := w.offersPage(tenant, place, limit, perWindow)
		if len(page.Offers) > limit {
			w.tb.Fatalf("a page of %d offers, where %d are the limit", len(page.Offers), limit)
		}
		for _, offering := range page.Offers {
			listed = append(listed, string(offering.Application.UID))
		}
		if page.Next == "" {
			return listed, pages + 1
		}
		if page.Next <= place {
			w.tb.Fatalf("from %q on to %q", place, page.Next)
		}
		place = page.Next
	}
}

// drawUUID is a UID as an API server makes them.
func drawUUID(t *rapid.T) types.UID {
	return types.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x",
		rapid.Uint32().Draw(t, "uid"), rapid.Uint64Range(0, 1<<48-1).Draw(t, "the rest of it")))
}

// drawOffered is an application that can be offered to acme, by name, by a selector, or not at all.
func drawOffered(t *rapid.T, name string) *v1alpha1.Application {
	app := newApp(name, drawUUID(t))
	app.Namespace = rapid.SampledFrom([]string{"tenant-operator-co", "tenant-developer", "tenant-acme", "tenant-nobody"}).Draw(t, "host")
	app.Spec.Versions[0].State = rapid.SampledFrom(someStates).Draw(t, "state")
	switch rapid.IntRange(0, 3).Draw(t, "offer") {
	case 0:
		app.Spec.Offer = nil
	case 1:
		app.Spec.Offer = &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{"globex"}}
	case 2:
		app.Spec.Offer = &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{"acme"}}
	}
	return app
}

// market is a world with two hosts, one of them of developers, and two tenants.
func market(tb tb) *world {
	w := newWorld(tb)
	developer := newTenant("developer", "tenant-developer")
	developer.Spec.Hosting.Stage = v1alpha1.HostingDevelopment
	w.apply(
		newTenant("operator-co", "tenant-operator-co"), developer, newTenant("acme", "tenant-acme"), newTenant("globex", "tenant-globex"),
		newServer("iot", audience), newLevel("limited", "assets:read", "timeseries:read"),
	)
	return w
}

func TestAllPagesTogetherListWhatIsOfferedAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := market(t)
		acme := w.TenantOf("tenant-acme")
		var want []string
		for i := range rapid.IntRange(0, 30).Draw(t, "applications") {
			object := drawOffered(t, fmt.Sprintf("app-%d", i))
			w.apply(object)
			if _, offered := access.OfferTo(w, access.NewApplication(object), acme); offered {
				want = append(want, string(object.UID))
			}
		}
		slices.Sort(want)
		got, _ := w.offers(acme, rapid.IntRange(1, 9).Draw(t, "limit"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-offered +listed:\n%s", diff)
		}
	})
}

// The heart of it: who sees one world cannot tell it from another in which all that is not offered to him is different.
func TestNothingThatATenantGetsDependsOnWhatIsNotOfferedToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		here, there := market(t), market(t)
		acme := here.TenantOf("tenant-acme")
		for i := range rapid.IntRange(0, 30).Draw(t, "applications") {
			name := fmt.Sprintf("app-%d", i)
			object := drawOffered(t, name)
			here.apply(object)
			if _, offered := here.OfferTo(acme, "operator-co", name); !offered {
				object = newApp(fmt.Sprintf("other-%d", i), drawUUID(t))
				object.Spec.Offer = nil
			}
			there.apply(object)
		}
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		for range 9 {
			place := string(drawUUID(t))[:rapid.IntRange(0, 36).Draw(t, "digits")]
			if diff := cmp.Diff(here.seen(acme, place, limit), there.seen(acme, place, limit)); diff != "" {
				t.Fatalf("behind %q, -here +there:\n%s", place, diff)
			}
		}
	})
}

// seen is all that the tenant sees of a page.
func (w *world) seen(tenant *access.Tenant, place string, limit int) []any {
	page := w.offersPage(tenant, place, limit, perWindow)
	seen := []any{page.Next}
	for _, offering := range page.Offers {
		seen = append(seen, offering.Host.Name, offering.Application.Name, offering.Application.UID, len(offering.Versions))
	}
	return seen
}

func TestAPageLooksAtABoundedNumberOfApplications(t *testing.T) {
	w := market(t)
	const hidden = 8 * perWindow
	for i := range hidden {
		app := newApp(fmt.Sprintf("hidden-%d", i), types.UID(fmt.Sprintf("%02x000000-0000-4000-8000-000000000000", i*256/hidden)))
		app.Spec.Offer = nil
		w.apply(app)
	}
	w.apply(newApp("kpi", appUID))
	got, pages := w.offers(w.TenantOf("tenant-acme"), 9)
	if !slices.Equal(got, []string{string(appUID)}) || pages != 8 {
		t.Errorf("%d applications that are not offered: listed %v on %d pages", hidden, got, pages)
	}
}

func TestAnOfferThatIsTakenBackOrTransferredIsNoneAnyMore(t *testing.T) {
	w := market(t)
	acme := w.TenantOf("tenant-acme")
	shown := func() bool {
		_, one := w.OfferTo(acme, "operator-co", "kpi")
		if all, _ := w.offers(acme, 9); one != (len(all) == 1) {
			t.Errorf("alone it is shown: %t, and in the list: %v", one, all)
		}
		return one
	}
	app := newApp("kpi", appUID)
	w.apply(app)
	if !shown() {
		t.Error("it is not shown")
	}
	app.UID = laterUID
	w.apply(app)
	if all, _ := w.offers(acme, 9); !shown() || all[0] != string(laterUID) {
		t.Errorf("created again: listed are %v", all)
	}
	app.Spec.Offer = nil
	w.apply(app)
	if shown() {
		t.Error("it is shown, and not offered any more")
	}
	w.remove(app)
	if _, offered := w.OfferTo(acme, "nobody", "kpi"); shown() || offered {
		t.Error("it is shown, and there is none")
	}
}

func TestThePlacesOfWindowsGrowWithTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("-019afgz:")), 0, 6, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if a < b && head(a) > head(b) {
			t.Fatalf("%q comes before %q, and %x behind %x", a, b, head(a), head(b))
		}
	})
}

// BenchmarkOffersPage is a page where one in a hundred of 10,000 applications is offered.
func BenchmarkOffersPage(b *testing.B) {
	w := market(b)
	for i := range loadApplications {
		app := newApp(fmt.Sprintf("app-%05d", i), types.UID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i*2654435761))))
		if i%100 != 0 {
			app.Spec.Offer = &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{"globex"}}
		}
		must(b, w.feeds[3].store.Add(app))
	}
	acme := w.TenantOf("tenant-acme")
	b.ReportAllocs()
	for b.Loop() {
		if page := w.OffersPage(acme, "4", 100); len(page.Offers) == 0 {
			b.Fatal("nothing is offered")
		}
	}
}
