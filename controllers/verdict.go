package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// kind is a pointer to the Go type of a kind.
type kind[T any] interface {
	*T
	client.Object
}

// verdict reconciles the kinds of which there is nothing to say but whether they are accepted.
type verdict[T any, O kind[T]] struct {
	Deps
	status func(O) (observed *int64, conditions *[]metav1.Condition)
	// judge says whether the object is accepted, and whether it then is in order.
	judge func(*facts, O) (accepted, ready finding)
}

// Reconcile writes what judge finds.
func (v *verdict[T, O]) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	object := O(new(T))
	if err := v.Client.Get(ctx, request.NamespacedName, object); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	base := object.DeepCopyObject().(O) //nolint:forcetypeassert // a deep copy has the type of its original
	known := newFacts(ctx, v.Client)
	accepted, ready := v.judge(known, object)
	if gone, ok := deleting(object); ok {
		accepted = gone
	}
	if known.err != nil {
		return reconcile.Result{}, known.err
	}
	observed, conditions := v.status(object)
	*observed = object.GetGeneration()
	reporter{v.Clock, *observed}.setBoth(conditions, accepted, ready)
	return settled(reconcile.Result{}, writeStatus(ctx, v.Client, base, object))
}

func newTenants(deps Deps) *verdict[v1alpha1.Tenant, *v1alpha1.Tenant] {
	return &verdict[v1alpha1.Tenant, *v1alpha1.Tenant]{
		Deps: deps,
		status: func(t *v1alpha1.Tenant) (*int64, *[]metav1.Condition) {
			return &t.Status.ObservedGeneration, &t.Status.Conditions
		},
		judge: judgeTenant,
	}
}

func judgeTenant(known *facts, tenant *v1alpha1.Tenant) (accepted, ready finding) {
	namespace := tenant.Spec.Namespace
	if others := othersOf(tenant.Name, known.TenantsClaiming(namespace), tenantName); others != "" {
		conflict := finding{v1alpha1.ReasonNamespaceConflict, fmt.Sprintf(
			"namespace %s is also claimed by Tenant %s (spec.namespace): neither is accepted until one of them is deleted",
			namespace, others)}
		return conflict, conflict
	}
	return finding{v1alpha1.ReasonAccepted, "namespace " + namespace + " speaks for this tenant"}, readyTenant(known, tenant)
}

// readyTenant says whether there is anybody to speak for the tenant. The decision does not ask: without a namespace there is
// no Application and no TenantGrant of the tenant's, and while one is being deleted, what is still there counts.
func readyTenant(known *facts, tenant *v1alpha1.Tenant) finding {
	namespace := known.namespace(tenant.Spec.Namespace)
	switch {
	case namespace == nil:
		return finding{v1alpha1.ReasonNamespaceNotFound, fmt.Sprintf(
			"namespace %s (spec.namespace) does not exist: nobody can host or consent for the tenant; create the namespace, or delete "+
				"Tenant %s", tenant.Spec.Namespace, tenant.Name)}
	case namespace.DeletionTimestamp != nil:
		return finding{v1alpha1.ReasonNamespaceTerminating, fmt.Sprintf(
			"namespace %s (spec.namespace) is being deleted, with every Application and TenantGrant in it: when it is gone, create it "+
				"again, or delete Tenant %s", tenant.Spec.Namespace, tenant.Name)}
	case tenant.Spec.State == v1alpha1.StateSuspended:
		return finding{v1alpha1.ReasonReady, fmt.Sprintf(
			"suspended: no application of Tenant %s gets a token, and none gets one for it, until spec.state is Active", tenant.Name)}
	}
	return finding{v1alpha1.ReasonReady, "the tenant can consent" + hostingOf(tenant) + missingLevels(known, tenant)}
}

// missingLevels says which of the levels that the tenant may host at are not there, and so allow nothing.
func missingLevels(known *facts, tenant *v1alpha1.Tenant) string {
	if tenant.Spec.Hosting == nil {
		return ""
	}
	var missing []string
	for _, name := range tenant.Spec.Hosting.Levels {
		if known.Level(name) == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("; spec.hosting.levels of Tenant %s names %s, which is no AccessLevel and allows nothing",
		tenant.Name, strings.Join(missing, ", "))
}

func hostingOf(tenant *v1alpha1.Tenant) string {
	switch {
	case tenant.Spec.Hosting == nil:
		return "; it hosts nothing (spec.hosting)"
	case tenant.Spec.Hosting.Stage == v1alpha1.HostingDevelopment:
		return fmt.Sprintf(" and host applications that reach its own data alone: spec.hosting.stage of Tenant %s is Development",
			tenant.Name)
	}
	return fmt.Sprintf(" and host applications in stage %s", tenant.Spec.Hosting.Stage)
}

func newResourceServers(deps Deps) *verdict[v1alpha1.ResourceServer, *v1alpha1.ResourceServer] {
	return &verdict[v1alpha1.ResourceServer, *v1alpha1.ResourceServer]{
		Deps: deps,
		status: func(r *v1alpha1.ResourceServer) (*int64, *[]metav1.Condition) {
			return &r.Status.ObservedGeneration, &r.Status.Conditions
		},
		judge: judgeResourceServer,
	}
}

func judgeResourceServer(known *facts, server *v1alpha1.ResourceServer) (accepted, ready finding) {
	audience := server.Spec.Audience
	if others := othersOf(server.Name, known.ResourceServersFor(audience), resourceServerName); others != "" {
		conflict := finding{v1alpha1.ReasonAudienceConflict, fmt.Sprintf(
			"audience %s is also that of ResourceServer %s (spec.audience): neither is accepted until one of them is changed or deleted",
			audience, others)}
		return conflict, conflict
	}
	return finding{v1alpha1.ReasonAccepted, "the audience is this resource server's alone"}, finding{
		v1alpha1.ReasonReady, fmt.Sprintf("applications can name it; it knows %d scopes", len(server.Spec.Scopes)),
	}
}

func newAccessLevels(deps Deps) *verdict[v1alpha1.AccessLevel, *v1alpha1.AccessLevel] {
	return &verdict[v1alpha1.AccessLevel, *v1alpha1.AccessLevel]{
		Deps: deps,
		status: func(l *v1alpha1.AccessLevel) (*int64, *[]metav1.Condition) {
			return &l.Status.ObservedGeneration, &l.Status.Conditions
		},
		judge: func(_ *facts, level *v1alpha1.AccessLevel) (accepted, ready finding) {
			return finding{v1alpha1.ReasonAccepted, "the level refers to nothing else"}, finding{
				v1alpha1.ReasonReady,
				fmt.Sprintf("versions and tenants can name it; it stands for %d scopes", len(level.Spec.Scopes)),
			}
		},
	}
}

// othersOf joins the names of those that are not the one of that name: sorted, so that a message does not change by itself.
func othersOf[F any](name string, claimants []*F, nameOf func(*F) string) string {
	var others []string
	for _, claimant := range claimants {
		if nameOf(claimant) != name {
			others = append(others, nameOf(claimant))
		}
	}
	slices.Sort(others)
	return strings.Join(others, ", ")
}

func tenantName(tenant *access.Tenant) string { return tenant.Name }

func resourceServerName(server *access.ResourceServer) string { return server.Name }
