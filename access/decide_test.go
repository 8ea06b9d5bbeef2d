package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	appUID   = types.UID("b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77")
	otherUID = types.UID("0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001")
	audience = "https://api.example.com"
)

// world is the scenario that the cases start from, in which everything is granted, and the facts over it.
type world struct {
	host, user  *v1alpha1.Tenant
	others      []*v1alpha1.Tenant
	servers     []*v1alpha1.ResourceServer
	limited     *v1alpha1.AccessLevel
	application *v1alpha1.Application
	otherApps   []*v1alpha1.Application
	grant       *v1alpha1.TenantGrant
}

func newWorld() *world {
	return &world{
		host: &v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: "operator-co"},
			Spec: v1alpha1.TenantSpec{
				Namespace: "tenant-operator-co",
				Hosting:   &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}},
			},
		},
		user: &v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: "acme", Labels: map[string]string{"plan": "gold"}},
			Spec:       v1alpha1.TenantSpec{Namespace: "tenant-acme"},
		},
		servers: []*v1alpha1.ResourceServer{{
			ObjectMeta: metav1.ObjectMeta{Name: "iot"},
			Spec: v1alpha1.ResourceServerSpec{
				Audience: audience,
				Scopes:   []v1alpha1.Scope{"timeseries:write", "timeseries:read", "assets:read"},
			},
		}},
		limited: &v1alpha1.AccessLevel{
			ObjectMeta: metav1.ObjectMeta{Name: "limited"},
			Spec:       v1alpha1.AccessLevelSpec{Scopes: []v1alpha1.Scope{"timeseries:read", "assets:read", "files:read"}},
		},
		application: &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Name: "kpi", Namespace: "tenant-operator-co", UID: appUID},
			Spec: v1alpha1.ApplicationSpec{
				ResourceServers: []string{"iot"},
				Offer:           &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{"acme"}},
				Versions: []v1alpha1.ApplicationVersion{
					{Version: "1.0.0", Access: &v1alpha1.Access{Level: "limited"}},
				},
			},
		},
		grant: &v1alpha1.TenantGrant{
			ObjectMeta: metav1.ObjectMeta{Name: "operator-co.kpi", Namespace: "tenant-acme", UID: "grant-uid"},
			Spec: v1alpha1.TenantGrantSpec{
				Tenant:      "acme",
				Application: v1alpha1.ApplicationReference{HostTenant: "operator-co", Name: "kpi", UID: appUID},
				Scopes:      []v1alpha1.Scope{"assets:read", "timeseries:read", "timeseries:write"},
			},
		},
	}
}

func (w *world) tenants() []*access.Tenant {
	var tenants []*access.Tenant
	for _, object := range append([]*v1alpha1.Tenant{w.host, w.user}, w.others...) {
		if object == nil {
			continue
		}
		if tenant := access.NewTenant(object); tenant != nil {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}

func (w *world) Tenant(name string) *access.Tenant {
	for _, tenant := range w.tenants() {
		if tenant.Name == name {
			return tenant
		}
	}
	return nil
}

func (w *world) TenantsClaiming(namespace string) []*access.Tenant {
	var claimants []*access.Tenant
	for _, tenant := range w.tenants() {
		if tenant.Namespace == namespace {
			claimants = append(claimants, tenant)
		}
	}
	return claimants
}

func (w *world) Level(name string) *access.Level {
	if w.limited == nil || w.limited.Name != name {
		return nil
	}
	return access.NewLevel(w.limited)
}

func (w *world) ResourceServer(name string) *access.ResourceServer {
	for _, server := range w.servers {
		if server.Name == name {
			return access.NewResourceServer(server)
		}
	}
	return nil
}

func (w *world) ResourceServersFor(audience string) []*access.ResourceServer {
	var servers []*access.ResourceServer
	for _, object := range w.servers {
		if server := access.NewResourceServer(object); server != nil && server.Audience == audience {
			servers = append(servers, server)
		}
	}
	return servers
}

func (w *world) Grant(namespace, name string) *access.Grant {
	if w.grant == nil || w.grant.Namespace != namespace || w.grant.Name != name {
		return nil
	}
	return access.NewGrant(w.grant)
}

func (w *world) Application(namespace, name string) *access.Application {
	for _, app := range append([]*v1alpha1.Application{w.application}, w.otherApps...) {
		if app.Namespace == namespace && app.Name == name {
			return access.NewApplication(app)
		}
	}
	return nil
}

func (w *world) question(tenant string) access.Question {
	return access.Question{Application: access.NewApplication(w.application), Version: "1.0.0", Tenant: tenant, Now: now}
}

var deleted = &metav1.Time{Time: now}

func TestADecisionThatBothSidesAgreedToYieldsTheIntersection(t *testing.T) {
	w := newWorld()
	for tenant, want := range map[string]access.Scopes{
		"acme":        {"assets:read", "timeseries:read"},
		"operator-co": {"assets:read", "timeseries:read"},
	} {
		d := access.Decide(w, w.question(tenant))
		if !d.Granted() || !cmp.Equal(d.Scopes, want) || d.Audience != audience {
			t.Errorf("%s: got %s with %v for %s, want %v", tenant, d.Reason, d.Scopes, d.Audience, want)
		}
	}
	d := access.Decide(w, w.question("acme"))
	if d.GrantUID() != "grant-uid" {
		t.Errorf("the decision rests on grant %q", d.GrantUID())
	}
	if d := access.Decide(w, w.question("operator-co")); d.GrantUID() != "" {
		t.Errorf("the host's own data rests on grant %q", d.GrantUID())
	}
}

func TestEachLinkThatIsMissingHasItsReason(t *testing.T) {
	type change struct {
		edit  func(*world)
		ask   func(*access.Question)
		want  v1alpha1.Reason
		shown v1alpha1.Reason // to the client, where it differs
	}
	own := func(q *access.Question) { q.Tenant = "operator-co" }
	cases := map[string]change{
		"an application that does not exist": {
			ask: func(q *access.Question) { q.Application = nil }, want: v1alpha1.ReasonApplicationNotFound,
		},
		"an application that was handed over": {
			edit: func(w *world) { w.handOver("operator-co/kpi", "acme/kpi") }, want: v1alpha1.ReasonApplicationTransferred,
		},
		"a version that is not listed": {
			ask: func(q *access.Question) { q.Version = "v1.0.0" }, want: v1alpha1.ReasonVersionNotFound,
		},
		"a version that is suspended": {
			edit: func(w *world) { w.application.Spec.Versions[0].State = v1alpha1.StateSuspended }, want: v1alpha1.ReasonVersionSuspended,
		},
		"a version in a state that this program does not know": {
			edit: func(w *world) { w.application.Spec.Versions[0].State = "Paused" }, want: v1alpha1.ReasonVersionSuspended,
		},
		"a version without access": {
			edit: func(w *world) { w.application.Spec.Versions[0].Access = nil }, want: v1alpha1.ReasonAccessNotGranted,
		},
		"a level that does not exist": {
			edit: func(w *world) { w.limited = nil }, want: v1alpha1.ReasonAccessLevelNotFound,
		},
		"a level that is being deleted": {
			edit: func(w *world) { w.limited.DeletionTimestamp = deleted }, want: v1alpha1.ReasonAccessLevelNotFound,
		},
		"a host that does not exist": {
			edit: func(w *world) { w.host = nil }, want: v1alpha1.ReasonTenantNotHosting,
		},
		"a host that is being deleted": {
			edit: func(w *world) { w.host.DeletionTimestamp = deleted }, want: v1alpha1.ReasonTenantNotHosting,
		},
		"a host whose namespace another tenant claims": {
			edit: func(w *world) { w.others = append(w.others, claimant("twin", "tenant-operator-co")) }, want: v1alpha1.ReasonTenantNotHosting,
		},
		"a host that hosts nothing": {
			edit: func(w *world) { w.host.Spec.Hosting = nil }, ask: own, want: v1alpha1.ReasonTenantNotHosting,
		},
		"a host of a stage that this program does not know": {
			edit: func(w *world) { w.host.Spec.Hosting.Stage = "Preview" }, ask: own, want: v1alpha1.ReasonTenantNotHosting,
		},
		"a host that is suspended": {
			edit: func(w *world) { w.host.Spec.State = v1alpha1.StateSuspended }, want: v1alpha1.ReasonTenantSuspended,
		},
		"a development host for another tenant": {
			edit: func(w *world) { w.host.Spec.Hosting.Stage = v1alpha1.HostingDevelopment }, want: v1alpha1.ReasonDevelopmentStage,
		},
		"an audience that is not the application's": {
			ask: func(q *access.Question) { q.Audience = "https://other.example.com" }, want: v1alpha1.ReasonAudienceNotAllowed,
		},
		"a resource server that does not exist": {
			edit: func(w *world) { w.servers = nil }, want: v1alpha1.ReasonAudienceNotAllowed,
		},
		"an audience that two resource servers have": {
			edit: func(w *world) {
				twin := w.servers[0].DeepCopy()
				twin.Name = "twin"
				w.servers = append(w.servers, twin)
			}, want: v1alpha1.ReasonAudienceNotAllowed,
		},
		"a tenant that does not exist": {
			ask:  func(q *access.Question) { q.Tenant = "nobody" },
			want: v1alpha1.ReasonTenantNotFound, shown: v1alpha1.ReasonNotGranted,
		},
		"a tenant whose namespace another tenant claims": {
			edit: func(w *world) { w.others = append(w.others, claimant("twin", "tenant-acme")) },
			want: v1alpha1.ReasonTenantNotFound, shown: v1alpha1.ReasonNotGranted,
		},
		"a tenant that is suspended, after it granted": {
			edit: func(w *world) { w.user.Spec.State = v1alpha1.StateSuspended }, want: v1alpha1.ReasonTenantSuspended,
		},
		"a tenant that is suspended and never granted": {
			edit: func(w *world) { w.user.Spec.State, w.grant = v1alpha1.StateSuspended, nil },
			want: v1alpha1.ReasonTenantSuspended, shown: v1alpha1.ReasonNotGranted,
		},
		"an offer taken back, after the tenant granted": {
			edit: func(w *world) { w.application.Spec.Offer = nil }, want: v1alpha1.ReasonNotOffered,
		},
		"an offer to others, and no grant": {
			edit: func(w *world) { w.application.Spec.Offer.Tenants[0], w.grant = "globex", nil },
			want: v1alpha1.ReasonNotOffered, shown: v1alpha1.ReasonNotGranted,
		},
		"no grant": {
			edit: func(w *world) { w.grant = nil }, want: v1alpha1.ReasonNotGranted,
		},
		"a grant that is being deleted": {
			edit: func(w *world) { w.grant.DeletionTimestamp = deleted }, want: v1alpha1.ReasonNotGranted,
		},
		"a grant that names another tenant than its namespace's": {
			edit: func(w *world) { w.grant.Spec.Tenant = "globex" }, want: v1alpha1.ReasonNotGranted,
		},
		"a grant for an earlier application of the same name": {
			edit: func(w *world) { w.grant.Spec.Application.UID = otherUID },
			want: v1alpha1.ReasonApplicationReplaced, shown: v1alpha1.ReasonNotGranted,
		},
		"a grant that is suspended": {
			edit: func(w *world) { w.grant.Spec.State = v1alpha1.StateSuspended }, want: v1alpha1.ReasonGrantSuspended,
		},
		"a grant that expires this very moment": {
			edit: func(w *world) { w.grant.Spec.ExpirationTime = &metav1.Time{Time: now} }, want: v1alpha1.ReasonGrantExpired,
		},
		"a grant for other versions": {
			edit: func(w *world) { w.grant.Spec.Versions = []v1alpha1.VersionName{"2.0.0"} }, want: v1alpha1.ReasonVersionNotCovered,
		},
		"a grant of other scopes": {
			edit: func(w *world) { w.grant.Spec.Scopes = []v1alpha1.Scope{"files:read"} }, want: v1alpha1.ReasonNothingInCommon,
		},
		"custom access beyond the host's ceiling": {
			edit: func(w *world) {
				w.application.Spec.Versions[0].Access = &v1alpha1.Access{Scopes: []v1alpha1.Scope{"timeseries:write"}}
			}, want: v1alpha1.ReasonNothingInCommon,
		},
		"a scope that cannot be had": {
			ask: func(q *access.Question) { q.Scopes = []string{"assets:read", "timeseries:write"} }, want: v1alpha1.ReasonInvalidScope,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.edit != nil {
				c.edit(w)
			}
			q := w.question("acme")
			if c.ask != nil {
				c.ask(&q)
			}
			d := access.Decide(w, q)
			if d.Reason != c.want {
				t.Errorf("got %s, want %s", d.Reason, c.want)
			}
			shown := c.shown
			if shown == "" {
				shown = c.want
			}
			if got := d.ReasonForClient(); got != shown {
				t.Errorf("the client learns %s, want %s", got, shown)
			}
			if d.Message() == string(d.Reason) || d.MessageForClient() == "" {
				t.Errorf("%s has no message for people or none for clients", d.Reason)
			}
		})
	}
}

func TestARefusalTellsAClientTheSameWhetherATenantExistsOrNot(t *testing.T) {
	w := newWorld()
	w.grant = nil
	exists, not := access.Decide(w, w.question("acme")), access.Decide(w, w.question("nobody"))
	if exists.ReasonForClient() != not.ReasonForClient() || exists.MessageForClient() != not.MessageForClient() {
		t.Errorf("%s %q differs from %s %q", exists.ReasonForClient(), exists.MessageForClient(), not.ReasonForClient(), not.MessageForClient())
	}
}

func TestAWantedScopeNarrowsTheToken(t *testing.T) {
	w := newWorld()
	q := w.question("acme")
	q.Scopes = []string{"timeseries:read", "timeseries:read"}
	if d := access.Decide(w, q); !d.Granted() || !cmp.Equal(d.Scopes, access.Scopes{"timeseries:read"}) {
		t.Errorf("got %s with %v", d.Reason, d.Scopes)
	}
}

func TestASelectorOffersToTheTenantsWithItsLabels(t *testing.T) {
	for name, c := range map[string]struct {
		selector *metav1.LabelSelector
		want     bool
	}{
		"the label that the tenant has": {&metav1.LabelSelector{MatchLabels: map[string]string{"plan": "gold"}}, true},
		"another value":                 {&metav1.LabelSelector{MatchLabels: map[string]string{"plan": "silver"}}, false},
		"everybody":                     {&metav1.LabelSelector{}, true},
		"no selector":                   {nil, false},
		"a selector that cannot be read": {&metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "plan", Operator: "Like"}},
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.application.Spec.Offer = &v1alpha1.Offer{TenantSelector: c.selector}
			if d := access.Decide(w, w.question("acme")); d.Granted() != c.want {
				t.Errorf("got %s", d.Reason)
			}
		})
	}
}

func TestADevelopmentHostReachesItsOwnData(t *testing.T) {
	w := newWorld()
	w.host.Spec.Hosting.Stage = v1alpha1.HostingDevelopment
	if d := access.Decide(w, w.question("operator-co")); !d.Granted() {
		t.Errorf("got %s", d.Reason)
	}
}

func TestAGrantsEndBoundsTheDecision(t *testing.T) {
	w := newWorld()
	end := metav1.NewTime(now.Add(time.Second))
	w.grant.Spec.ExpirationTime = &end
	d := access.Decide(w, w.question("acme"))
	if !d.Granted() || !d.NotAfter().Equal(end.Time) {
		t.Errorf("got %s until %s", d.Reason, d.NotAfter())
	}
}

func TestAnApplicationThatIsBeingDeletedHasNoFacts(t *testing.T) {
	w := newWorld()
	w.application.DeletionTimestamp = deleted
	w.application.Finalizers = []string{"example.com/held"}
	if access.NewApplication(w.application) != nil {
		t.Error("it has")
	}
}

func TestTheZeroDecisionPermitsNothing(t *testing.T) {
	var d access.Decision
	if d.Granted() {
		t.Error("it does")
	}
}

func claimant(name, namespace string) *v1alpha1.Tenant {
	return &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TenantSpec{Namespace: namespace}}
}
