package cockpits

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// market is a host whose application is on sale, and a tenant that could buy it.
type market struct {
	*world
	host, tenant *v1alpha1.Tenant
	app          *v1alpha1.Application
	pod          pod
	// seller administers the application, buyer the tenant's consents; neither can do the other's.
	seller, buyer user
}

func newMarket(t *testing.T, offer func(w *world, tenant *v1alpha1.Tenant) *v1alpha1.Offer) *market {
	t.Helper()
	w := newWorld(t)
	c := w.catalogue()
	m := &market{
		world: w, host: w.tenant("host", hosting(v1alpha1.HostingProduction, c.broader.Name)), tenant: w.tenant("user"),
	}
	m.seller, m.buyer = w.as(roleApplications, m.host.Spec.Namespace), w.as(roleGrants, m.tenant.Spec.Namespace)
	m.app = c.application(m.host, atLevel(c.limited), atLevel(c.broader))
	if offer != nil {
		m.app.Spec.Offer = offer(w, m.tenant)
	}
	w.create(m.seller, m.app)
	m.pod = w.deploy(w.as(roleEdit, m.host.Spec.Namespace), m.app, "1.0.0")
	return m
}

func (m *market) grant(scopes ...v1alpha1.Scope) *v1alpha1.TenantGrant {
	m.Helper()
	grant := grantOf(m.tenant, m.host, m.app, scopes...)
	m.create(m.buyer, grant)
	return grant
}

func byName(_ *world, tenant *v1alpha1.Tenant) *v1alpha1.Offer { return offerTo(tenant) }

func TestAnOfferByNameAndAGrantAreBothNeeded(t *testing.T) {
	t.Parallel()
	m := newMarket(t, nil)
	m.pod.gets(m.tenant.Name, "NotGranted")
	grant := m.grant("assets:read", "assets:write")
	m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonNotOffered)
	m.pod.getsSoon(m.tenant.Name, "NotOffered")

	edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) { a.Spec.Offer = offerTo(m.tenant) })
	m.pod.getsSoon(m.tenant.Name, "assets:read") // what the version has and the tenant grants, and neither alone
	m.effective(m.buyer, grant)

	m.delete(m.buyer, grant)
	m.pod.getsSoon(m.tenant.Name, "NotGranted")
}

func TestThePlatformSellsByLabellingATenant(t *testing.T) {
	t.Parallel()
	m := newMarket(t, func(w *world, _ *v1alpha1.Tenant) *v1alpha1.Offer {
		return &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{MatchLabels: map[string]string{w.name("bought"): "kpi"}}}
	})
	buy := func(t *v1alpha1.Tenant) { t.Labels = map[string]string{m.name("bought"): "kpi"} }
	grant := m.grant("assets:read")
	m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonNotOffered)

	// Neither side sells to itself, whatever its administrators may do in their own namespaces.
	for _, somebody := range []user{m.seller, m.buyer, m.as(roleAdmin, m.host.Spec.Namespace), m.as(roleAdmin, m.tenant.Spec.Namespace)} {
		if err := tryEdit(m.ctx, somebody, m.tenant, buy); !apierrors.IsForbidden(err) {
			t.Errorf("%s labels a Tenant: %v", somebody.name, err)
		}
	}
	m.pod.getsSoon(m.tenant.Name, "NotOffered")

	edit(m.world, m.platform, m.tenant, buy)
	m.pod.getsSoon(m.tenant.Name, "assets:read")
	m.effective(m.buyer, grant)

	edit(m.world, m.platform, m.tenant, func(t *v1alpha1.Tenant) { t.Labels = nil })
	m.pod.getsSoon(m.tenant.Name, "NotOffered")
	m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonNotOffered)
}

func TestEachSideWithdrawsByItselfAndAtOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	grant := m.grant("assets:read", "timeseries:read")
	m.pod.getsSoon(m.tenant.Name, "assets:read timeseries:read")

	edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) { a.Spec.Offer = nil })
	m.pod.getsSoon(m.tenant.Name, "NotOffered")
	edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) { a.Spec.Offer = &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}} })
	m.pod.getsSoon(m.tenant.Name, "assets:read timeseries:read")

	edit(m.world, m.buyer, grant, func(g *v1alpha1.TenantGrant) { g.Spec.Scopes = []v1alpha1.Scope{"assets:read"} })
	m.pod.getsSoon(m.tenant.Name, "assets:read")
	edit(m.world, m.buyer, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
	m.pod.getsSoon(m.tenant.Name, "GrantSuspended")
	m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonGrantSuspended)
	m.pod.gets("", "assets:read timeseries:read") // the host's own data is no business of the tenant's

	m.delete(m.buyer, grant)
	m.pod.getsSoon(m.tenant.Name, "NotGranted")
	m.grant("timeseries:read")
	m.pod.getsSoon(m.tenant.Name, "timeseries:read")

	m.delete(m.seller, m.app)
	m.pod.getsSoon(m.tenant.Name, "invalid_client")
}

func TestANewVersionThatAsksForMoreGetsWhatWasGranted(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	m.grant("assets:read", "timeseries:read")
	m.pod.getsSoon(m.tenant.Name, "assets:read timeseries:read")
	newer := m.deploy(m.as(roleEdit, m.host.Spec.Namespace), m.app, "2.0.0")
	newer.gets("", "assets:read assets:write timeseries:read")
	newer.gets(m.tenant.Name, "assets:read timeseries:read")
}

func TestAGrantThatIsCopiedToAnotherTenantsNamespaceGrantsNothing(t *testing.T) {
	t.Parallel()
	m := newMarket(t, func(*world, *v1alpha1.Tenant) *v1alpha1.Offer {
		return &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}}
	})
	another := m.world.tenant("another")
	copied := grantOf(m.tenant, m.host, m.app, "assets:read")
	copied.Namespace = another.Spec.Namespace
	by := m.as(roleAdmin, another.Spec.Namespace)
	m.create(by, copied)
	m.condition(by, copied, &copied.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonTenantMismatch)
	m.pod.gets(m.tenant.Name, "NotGranted")
	m.pod.gets(another.Name, "NotGranted")

	// And nobody writes it where it would.
	copied = grantOf(m.tenant, m.host, m.app, "assets:read")
	for _, somebody := range []user{by, m.seller, m.as(roleAdmin, m.host.Spec.Namespace), m.platform} {
		if err := somebody.Create(m.ctx, copied, client.DryRunAll); !apierrors.IsForbidden(err) {
			t.Errorf("%s consents for another tenant: %v", somebody.name, err)
		}
	}
}
