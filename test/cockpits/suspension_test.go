package cockpits

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

func TestSuspendingATenantAVersionOrAGrantHoldsFromThatMomentAndIsTakenBack(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	grant := m.grant("assets:read")
	newer := m.deploy(m.as(roleEdit, m.host.Spec.Namespace), m.app, "2.0.0")
	m.pod.getsSoon(m.tenant.Name, "assets:read")

	suspend, resume := func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended },
		func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateActive }
	for sentence, c := range map[string]struct {
		suspend, resume     func()
		own, foreign, newer string // what the version gets for the host and for the tenant, and the newer version for the tenant
	}{
		"the host": {
			suspend: func() { edit(m.world, m.platform, m.host, suspend) },
			resume:  func() { edit(m.world, m.platform, m.host, resume) },
			own:     "TenantSuspended", foreign: "TenantSuspended", newer: "TenantSuspended",
		},
		"the user tenant": {
			suspend: func() { edit(m.world, m.platform, m.tenant, suspend) },
			resume:  func() { edit(m.world, m.platform, m.tenant, resume) },
			own:     "assets:read timeseries:read", foreign: "TenantSuspended", newer: "TenantSuspended",
		},
		"a version": {
			suspend: func() {
				edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) { a.Spec.Versions[0].State = v1alpha1.StateSuspended })
			},
			resume: func() {
				edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) { a.Spec.Versions[0].State = v1alpha1.StateActive })
			},
			own: "VersionSuspended", foreign: "VersionSuspended", newer: "assets:read",
		},
		"a grant": {
			suspend: func() {
				edit(m.world, m.buyer, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
			},
			resume: func() {
				edit(m.world, m.buyer, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateActive })
			},
			own: "assets:read timeseries:read", foreign: "GrantSuspended", newer: "GrantSuspended",
		},
	} {
		t.Log("suspending", sentence)
		c.suspend()
		m.pod.getsSoon(m.tenant.Name, c.foreign)
		m.pod.gets("", c.own)
		newer.gets(m.tenant.Name, c.newer)
		c.resume()
		m.pod.getsSoon(m.tenant.Name, "assets:read")
		m.pod.gets("", "assets:read timeseries:read")
	}
}

// The end is a whole second, as the API keeps it, and both programs and this test go by this machine's clock. No one asks anything
// of the cluster while the time comes.
func TestAGrantEndsToTheSecondAndNoTokenOutlivesIt(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	end := time.Now().Add(4 * time.Second).Truncate(time.Second)
	grant := grantOf(m.tenant, m.host, m.app, "assets:read")
	grant.Spec.ExpirationTime = &metav1.Time{Time: end}
	m.create(m.buyer, grant)
	m.pod.getsSoon(m.tenant.Name, "assets:read")
	issued := 0
	for refused := false; !refused; time.Sleep(time.Millisecond) {
		before := time.Now()
		got := m.pod.ask(m.tenant.Name)
		after := time.Now()
		switch got.short() {
		case "assets:read":
			issued++
			if !before.Before(end) {
				t.Fatalf("a token was issued %s after the end", before.Sub(end))
			}
			if got.ends(m.world).After(end) {
				t.Fatalf("a token outlives the grant by %s", got.ends(m.world).Sub(end))
			}
		case "GrantExpired":
			refused = true
			if after.Before(end) {
				t.Fatalf("refused %s before the end", end.Sub(after))
			}
		default:
			t.Fatal(got.text)
		}
	}
	if issued == 0 {
		t.Error("there was no token to outlive the grant")
	}
	m.pod.gets("", "assets:read timeseries:read")
	m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonGrantExpired)

	edit(m.world, m.buyer, grant, func(g *v1alpha1.TenantGrant) { g.Spec.ExpirationTime = &metav1.Time{Time: end.Add(time.Hour)} })
	m.pod.getsSoon(m.tenant.Name, "assets:read")
}
