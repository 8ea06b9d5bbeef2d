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
	conditions func(O) *[]metav1.Condition
	// accept says whether the object is accepted, and what it then means.
	accept func(*facts, O) (accepted finding, meaning string)
}

// Reconcile writes what accept finds.
func (v *verdict[T, O]) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	object := O(new(T))
	if err := v.Client.Get(ctx, request.NamespacedName, object); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	base := object.DeepCopyObject().(O) //nolint:forcetypeassert // a deep copy has the type of its original
	known := newFacts(ctx, v.Client)
	accepted, meaning := v.accept(known, object)
	if gone, ok := deleting(object); ok {
		accepted = gone
	}
	if known.err != nil {
		return reconcile.Result{}, known.err
	}
	reporter{v.Clock, object.GetGeneration()}.setBoth(v.conditions(object), accepted, meaning)
	return settled(reconcile.Result{}, writeStatus(ctx, v.Client, base, object))
}

func newTenants(deps Deps) *verdict[v1alpha1.Tenant, *v1alpha1.Tenant] {
	return &verdict[v1alpha1.Tenant, *v1alpha1.Tenant]{
		Deps:       deps,
		conditions: func(t *v1alpha1.Tenant) *[]metav1.Condition { return &t.Status.Conditions },
		accept:     acceptTenant,
	}
}

func acceptTenant(known *facts, tenant *v1alpha1.Tenant) (finding, string) {
	namespace := tenant.Spec.Namespace
	if others := othersOf(tenant.Name, known.TenantsClaiming(namespace), tenantName); others != "" {
		return finding{v1alpha1.ReasonNamespaceConflict, fmt.Sprintf(
			"namespace %s is also claimed by Tenant %s (spec.namespace): neither is accepted until one of them is deleted",
			namespace, others)}, ""
	}
	return finding{v1alpha1.ReasonAccepted, "namespace " + namespace + " speaks for this tenant"},
		"the tenant can consent" + hostingOf(tenant)
}

func hostingOf(tenant *v1alpha1.Tenant) string {
	if tenant.Spec.Hosting == nil {
		return "; it hosts nothing (spec.hosting)"
	}
	return fmt.Sprintf(" and host applications in stage %s", tenant.Spec.Hosting.Stage)
}

func newResourceServers(deps Deps) *verdict[v1alpha1.ResourceServer, *v1alpha1.ResourceServer] {
	return &verdict[v1alpha1.ResourceServer, *v1alpha1.ResourceServer]{
		Deps:       deps,
		conditions: func(r *v1alpha1.ResourceServer) *[]metav1.Condition { return &r.Status.Conditions },
		accept:     acceptResourceServer,
	}
}

func acceptResourceServer(known *facts, server *v1alpha1.ResourceServer) (finding, string) {
	audience := server.Spec.Audience
	if others := othersOf(server.Name, known.ResourceServersFor(audience), resourceServerName); others != "" {
		return finding{v1alpha1.ReasonAudienceConflict, fmt.Sprintf(
			"audience %s is also that of ResourceServer %s (spec.audience): neither is accepted until one of them is changed or deleted",
			audience, others)}, ""
	}
	return finding{v1alpha1.ReasonAccepted, "the audience is this resource server's alone"},
		fmt.Sprintf("applications can name it; it knows %d scopes", len(server.Spec.Scopes))
}

func newAccessLevels(deps Deps) *verdict[v1alpha1.AccessLevel, *v1alpha1.AccessLevel] {
	return &verdict[v1alpha1.AccessLevel, *v1alpha1.AccessLevel]{
		Deps:       deps,
		conditions: func(l *v1alpha1.AccessLevel) *[]metav1.Condition { return &l.Status.Conditions },
		accept: func(_ *facts, level *v1alpha1.AccessLevel) (finding, string) {
			return finding{v1alpha1.ReasonAccepted, "the level refers to nothing else"},
				fmt.Sprintf("versions and tenants can name it; it stands for %d scopes", len(level.Spec.Scopes))
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
