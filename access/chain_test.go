package access_test

import (
	"strings"
	"testing"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

func chain(w *world, q access.Question) (access.Decision, []access.ChainLink) {
	d := access.Decide(w, q)
	return d, access.Chain(w, q, &d)
}

func TestAChainThatHoldsSaysOfEachLinkWhereItStands(t *testing.T) {
	w := newWorld()
	q := w.question("acme")
	q.Scopes = []string{"assets:read"}
	_, links := chain(w, q)
	if len(links) != int(access.LinkWanted)+1 {
		t.Fatalf("%d links", len(links))
	}
	for _, link := range links {
		if link.State != access.LinkHolds || link.Says == "" {
			t.Errorf("%+v", link)
		}
		if link.Link < access.LinkScopes && (link.Object == "" || link.Field == "") {
			t.Errorf("nobody knows where %q stands: %+v", link.Says, link)
		}
	}
	if offer := links[access.LinkOffer]; offer.Found != "to acme by name" {
		t.Errorf("%+v", offer)
	}
}

func TestAHostsOwnDataNeedsNoLinkToAnotherTenant(t *testing.T) {
	_, links := chain(newWorld(), newWorld().question("operator-co"))
	for _, link := range links {
		between := link.Link >= access.LinkStage && link.Link <= access.LinkGrantVersion
		if between != (link.State == access.LinkNotNeeded) {
			t.Errorf("%+v", link)
		}
	}
}

func TestAChainBreaksWhereTheDecisionSaysAndIsUnknownBelow(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*world)
		link access.Link
		want string // in what is found there
	}{
		"two tenants for the host's namespace": {
			func(w *world) { w.others = append(w.others, claimant("twin", "tenant-operator-co")) },
			access.LinkHost, "claimed by operator-co and twin",
		},
		"a suspended host":  {func(w *world) { w.host.Spec.State = v1alpha1.StateSuspended }, access.LinkHostActive, ""},
		"a host of nothing": {func(w *world) { w.host.Spec.Hosting = nil }, access.LinkHosting, ""},
		"a transfer":        {func(w *world) { w.handOver("operator-co/kpi", "acme/kpi") }, access.LinkTransfer, "acme/kpi"},
		"no version":        {func(w *world) { w.application.Spec.Versions[0].Version = "2" }, access.LinkVersion, "2"},
		"no access":         {func(w *world) { w.application.Spec.Versions[0].Access = nil }, access.LinkAccess, ""},
		"no level":          {func(w *world) { w.limited = nil }, access.LinkAccess, ""},
		"no audience":       {func(w *world) { w.servers = nil }, access.LinkAudience, "iot"},
		"development": {
			func(w *world) { w.host.Spec.Hosting.Stage = v1alpha1.HostingDevelopment }, access.LinkStage, "Development",
		},
		"no tenant":        {func(w *world) { w.user = nil }, access.LinkUser, ""},
		"a suspended user": {func(w *world) { w.user.Spec.State = v1alpha1.StateSuspended }, access.LinkUserActive, ""},
		"no offer":         {func(w *world) { w.application.Spec.Offer = nil }, access.LinkOffer, ""},
		"no grant":         {func(w *world) { w.grant = nil }, access.LinkGrant, ""},
		"another uid":      {func(w *world) { w.grant.Spec.Application.UID = otherUID }, access.LinkGrantUID, string(appUID)},
		"a suspended grant": {
			func(w *world) { w.grant.Spec.State = v1alpha1.StateSuspended }, access.LinkGrantActive, "",
		},
		"an expired grant":      {func(w *world) { w.grant.Spec.ExpirationTime = deleted }, access.LinkGrantTime, "2026-11-23T12:00:00Z"},
		"another version":       {func(w *world) { w.grant.Spec.Versions = []v1alpha1.VersionName{"2"} }, access.LinkGrantVersion, "2"},
		"nothing in common":     {func(w *world) { w.grant.Spec.Scopes = []v1alpha1.Scope{"files:read"} }, access.LinkScopes, "grant lists files:read"},
		"nothing of the host's": {func(w *world) { w.host.Spec.Hosting.Levels = []string{"none"} }, access.LinkScopes, "host's levels are none"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.edit(w)
			d, links := chain(w, w.question("acme"))
			if d.Granted() || d.Link != c.link {
				t.Fatalf("%s at %d, want %d", d.Reason, d.Link, c.link)
			}
			for _, link := range links {
				want := access.LinkHolds
				if link.Link == c.link {
					want = access.LinkBroken
				} else if link.Link > c.link {
					want = access.LinkUnknown
				}
				if link.State != want {
					t.Errorf("%q is %s, want %s", link.Says, link.State, want)
				}
			}
			if found := links[c.link].Found; !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

func TestNothingInCommonIsSaidOfWhoCanMendIt(t *testing.T) {
	custom := func(w *world, scopes ...v1alpha1.Scope) {
		w.application.Spec.Versions[0].Access = &v1alpha1.Access{Scopes: scopes}
	}
	for want, edit := range map[string]func(*world){
		"Tenant operator-co, spec.hosting.levels":                         func(w *world) { custom(w, "timeseries:write") },
		"ResourceServer iot, spec.scopes":                                 func(w *world) { custom(w, "files:read") },
		"Application tenant-operator-co/kpi, spec.versions[1.0.0].access": func(w *world) { custom(w, "files:read", "timeseries:write") },
		"TenantGrant tenant-acme/operator-co.kpi, spec.scopes": func(w *world) {
			w.grant.Spec.Scopes = []v1alpha1.Scope{"timeseries:write"}
		},
	} {
		w := newWorld()
		edit(w)
		d := access.Decide(w, w.question("acme"))
		if d.Reason != v1alpha1.ReasonNothingInCommon || !strings.Contains(d.Message(), "("+want+")") {
			t.Errorf("got %s: %s, want it at %s", d.Reason, d.Message(), want)
		}
	}
}

func TestWhatIsBeyondTheHostsCeilingIsNamed(t *testing.T) {
	w := newWorld()
	app, host := access.NewApplication(w.application), access.NewTenant(w.host)
	if beyond := access.BeyondCeiling(w, host, app.Version("1.0.0")); len(beyond) > 0 {
		t.Errorf("a level within it: %v", beyond)
	}
	w.application.Spec.Versions[0].Access = &v1alpha1.Access{Scopes: []v1alpha1.Scope{"timeseries:write", "assets:read"}}
	app = access.NewApplication(w.application)
	if beyond := access.BeyondCeiling(w, host, app.Version("1.0.0")); len(beyond) != 1 || beyond[0] != "timeseries:write" {
		t.Errorf("custom access: %v", beyond)
	}
}

func TestATokenIsNarrowedToTheGrantAndTheDecisionSaysByWhat(t *testing.T) {
	w := newWorld()
	w.grant.Spec.Scopes = []v1alpha1.Scope{"assets:read"}
	d := access.Decide(w, w.question("acme"))
	if got := d.Exceeding(); len(got) != 1 || got[0] != "timeseries:read" {
		t.Errorf("exceeding: %v", got)
	}
	if own := access.Decide(w, w.question("operator-co")); own.Exceeding() != nil {
		t.Errorf("the host's own data: %v", own.Exceeding())
	}
}
