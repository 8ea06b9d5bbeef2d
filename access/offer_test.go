package access_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

func (w *world) offering(tenant *v1alpha1.Tenant) (access.Offering, bool) {
	return access.OfferTo(w, access.NewApplication(w.application), access.NewTenant(tenant))
}

func TestAnOfferHasTheMostOfEachVersionThatCanHaveTokens(t *testing.T) {
	w := newWorld()
	w.grant = nil
	w.servers = append(w.servers, &v1alpha1.ResourceServer{})
	w.servers[1].Name = "files"
	w.servers[1].Spec = v1alpha1.ResourceServerSpec{Audience: "https://files.example.com", Scopes: []v1alpha1.Scope{"files:read"}}
	w.application.Spec.ResourceServers = append(w.application.Spec.ResourceServers, "files", "none")
	w.application.Spec.Versions = append(w.application.Spec.Versions,
		v1alpha1.ApplicationVersion{
			Version: "1.1.0", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"timeseries:write", "timeseries:read"}},
		},
		v1alpha1.ApplicationVersion{Version: "suspended", State: v1alpha1.StateSuspended, Access: &v1alpha1.Access{Level: "limited"}},
		v1alpha1.ApplicationVersion{Version: "registered"},
		v1alpha1.ApplicationVersion{Version: "lost", Access: &v1alpha1.Access{Level: "none"}},
		v1alpha1.ApplicationVersion{Version: "beyond", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"timeseries:write"}}},
	)
	offering, ok := w.offering(w.user)
	if !ok || offering.Host.Name != "operator-co" || offering.Application.UID != appUID {
		t.Fatalf("got %+v, %t", offering, ok)
	}
	got := map[string]access.Scopes{}
	for _, version := range offering.Versions {
		got[version.Version] = version.Scopes
	}
	want := map[string]access.Scopes{
		"1.0.0": {"assets:read", "files:read", "timeseries:read"}, // by level, over both audiences
		"1.1.0": {"timeseries:read"},                              // within the ceiling
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if offering.Versions[0].Level.Name != "limited" || offering.Versions[1].Level != nil {
		t.Errorf("levels: %v and %v", offering.Versions[0].Level, offering.Versions[1].Level)
	}
}

func TestNothingIsOfferedWhereNoConsentCouldHelp(t *testing.T) {
	for name, edit := range map[string]func(*world){
		"without an offer":                            func(w *world) { w.application.Spec.Offer = nil },
		"to another tenant":                           func(w *world) { w.application.Spec.Offer.Tenants[0] = "globex" },
		"by a host that is gone":                      func(w *world) { w.host = nil },
		"by a host that is suspended":                 func(w *world) { w.host.Spec.State = v1alpha1.StateSuspended },
		"by a host in Development":                    func(w *world) { w.host.Spec.Hosting.Stage = v1alpha1.HostingDevelopment },
		"by a host that hosts nothing":                func(w *world) { w.host.Spec.Hosting = nil },
		"by one that handed it over":                  func(w *world) { w.handOver("operator-co/kpi", "acme/kpi") },
		"to a tenant that is suspended":               func(w *world) { w.user.Spec.State = v1alpha1.StateSuspended },
		"to a tenant whose namespace another one has": func(w *world) { w.others = append(w.others, claimant("twin", "tenant-acme")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			edit(w)
			if offering, ok := w.offering(w.user); ok {
				t.Errorf("got %+v", offering)
			}
		})
	}
	w := newWorld()
	w.application.Spec.Offer.Tenants = append(w.application.Spec.Offer.Tenants, "operator-co")
	if _, ok := w.offering(w.host); ok {
		t.Error("a tenant's own application is an offer to it")
	}
}
