package cockpits

import (
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"countersign.dev/api/v1alpha1"
)

func TestAnApplicationIsHandedOverWhenBothSidesSaySoAndNoConsentMoves(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName) // m.seller is the developer here
	m.grant("assets:read")
	m.pod.getsSoon(m.tenant.Name, "assets:read")
	operations := m.world.tenant("operations", hosting(v1alpha1.HostingProduction, m.name("broader")))
	operator := m.as(roleApplications, operations.Spec.Namespace)
	theirs := m.app.DeepCopy()
	theirs.Namespace, theirs.ResourceVersion, theirs.UID = operations.Spec.Namespace, "", ""
	theirs.Spec.Offer = offerTo(m.tenant)
	m.create(operator, theirs)
	successor := m.deploy(m.as(roleEdit, operations.Spec.Namespace), theirs, "1.0.0")

	giveAway := func(a *v1alpha1.Application) {
		a.Spec.TransferTo = &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(operations.Name), Application: theirs.Name}
	}
	takeOver := func(a *v1alpha1.Application) {
		a.Spec.TransferFrom = &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(m.host.Name), Application: m.app.Name}
	}
	for _, somebody := range []user{operator, m.as(roleAdmin, operations.Spec.Namespace), m.buyer, m.platform} {
		if err := tryEdit(m.ctx, somebody, m.app, giveAway); !apierrors.IsForbidden(err) {
			t.Errorf("%s gives the application away: %v", somebody.name, err)
		}
	}
	for _, somebody := range []user{m.seller, m.as(roleAdmin, m.host.Spec.Namespace), m.buyer, m.platform} {
		if err := tryEdit(m.ctx, somebody, theirs, takeOver); !apierrors.IsForbidden(err) {
			t.Errorf("%s makes another take it over: %v", somebody.name, err)
		}
	}

	// One half alone changes nothing. What is edited with it shows when it has come.
	edit(m.world, operator, theirs, func(a *v1alpha1.Application) {
		takeOver(a)
		a.Spec.Versions[0].Access = scopes("assets:read")
	})
	successor.getsSoon("", "assets:read")
	m.pod.gets(m.tenant.Name, "assets:read")
	successor.gets(m.tenant.Name, "NotGranted")

	edit(m.world, m.seller, m.app, giveAway)
	m.eventually("the developer's is refused", func() bool { return m.pod.ask("").status != http.StatusOK })
	if got := m.pod.ask(m.tenant.Name); got.status == http.StatusOK {
		t.Errorf("for the tenant that granted it: %s", got.text)
	}
	successor.gets("", "assets:read")
	successor.gets(m.tenant.Name, "NotGranted") // the tenant consented to the developer's
	m.create(m.buyer, grantOf(m.tenant, operations, theirs, "assets:read"))
	successor.getsSoon(m.tenant.Name, "assets:read")
}
