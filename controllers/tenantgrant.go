package controllers

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// tenantGrants reconciles TenantGrants. A grant is authority by being there; its status only tells.
type tenantGrants struct{ Deps }

// Reconcile writes what the grant means and whether a token can be had with it.
func (r *tenantGrants) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	grant := &v1alpha1.TenantGrant{}
	if err := r.Client.Get(ctx, request.NamespacedName, grant); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	base := grant.DeepCopy()
	known := newFacts(ctx, r.Client)
	r.report(known, grant)
	if known.err != nil {
		return reconcile.Result{}, known.err
	}
	if err := writeStatus(ctx, r.Client, base, grant); err != nil {
		return settled(reconcile.Result{}, err)
	}
	return reconcile.Result{RequeueAfter: r.untilExpired(grant)}, nil
}

func (r *tenantGrants) report(known *facts, grant *v1alpha1.TenantGrant) {
	grant.Status.ObservedGeneration = grant.Generation
	reporter := reporter{r.Clock, grant.Generation}
	tenant := access.HostOf(known, grant.Namespace)
	accepted := acceptGrant(grant, tenant)
	if gone, ok := deleting(grant); ok {
		accepted = gone
	}
	// A grant that is suspended, expired or not offered is Ready: nothing has to be mended there.
	reporter.setBoth(&grant.Status.Conditions, accepted,
		finding{v1alpha1.ReasonReady, "the grant stands; Effective says whether a token can be had with it"})
	effective := accepted
	if accepted.good() {
		effective = effectiveGrant(known, grant, tenant, r.Clock.Now())
	}
	reporter.set(&grant.Status.Conditions, v1alpha1.ConditionEffective, effective)
}

func acceptGrant(grant *v1alpha1.TenantGrant, tenant *access.Tenant) finding {
	switch {
	case tenant == nil:
		return finding{v1alpha1.ReasonTenantMismatch, fmt.Sprintf(
			"namespace %s is no accepted tenant's: create the grant in the namespace of tenant %s; if this is it, ask the platform "+
				"operator for a Tenant with spec.namespace %s that no other claims",
			grant.Namespace, grant.Spec.Tenant, grant.Namespace)}
	case tenant.Name != string(grant.Spec.Tenant):
		return finding{v1alpha1.ReasonTenantMismatch, fmt.Sprintf(
			"spec.tenant is %s, but namespace %s is tenant %s's: create the grant in the namespace of tenant %s",
			grant.Spec.Tenant, grant.Namespace, tenant.Name, grant.Spec.Tenant)}
	}
	return finding{v1alpha1.ReasonAccepted, "given by tenant " + tenant.Name}
}

// offeredApplication returns the application that the grant is for, or nil where there is none or it is not offered to the
// tenant: the tenant must not be able to tell which. What a tenant hosts itself needs no offer.
func offeredApplication(known *facts, grant *v1alpha1.TenantGrant, tenant *access.Tenant) *access.Application {
	host := access.AcceptedTenant(known, string(grant.Spec.Application.HostTenant))
	if host == nil {
		return nil
	}
	app := known.Application(host.Namespace, grant.Spec.Application.Name)
	if app == nil || host.Name != tenant.Name && !app.OfferedTo(tenant) {
		return nil
	}
	return app
}

func notOffered(grant *v1alpha1.TenantGrant) finding {
	return finding{v1alpha1.ReasonNotOffered, fmt.Sprintf(
		"no application %s of tenant %s is offered to tenant %s: ask its administrator to offer it (spec.offer), "+
			"or compare the names (spec.application)",
		grant.Spec.Application.Name, grant.Spec.Application.HostTenant, grant.Spec.Tenant)}
}

// untilExpired is when Effective changes without anybody's write; zero: never.
func (r *tenantGrants) untilExpired(grant *v1alpha1.TenantGrant) time.Duration {
	if grant.Spec.ExpirationTime == nil {
		return 0
	}
	return max(0, grant.Spec.ExpirationTime.Sub(r.Clock.Now()))
}
