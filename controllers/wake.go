package controllers

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/credentials"
)

// wake finds whom an event concerns. It looks in the cache alone, and by index. Where a reconciler's own status says what
// others have to know, as that an application can have a token no more, they are woken by that status.
type wake struct{ reader client.Reader }

// tenantsOfNamespace: a Tenant that comes or goes can make or end a conflict with the others of its namespace.
func (w wake) tenantsOfNamespace(ctx context.Context, tenant *v1alpha1.Tenant) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.TenantList{}, client.MatchingFields{fieldTenantNamespace: tenant.Spec.Namespace}))
}

// tenantsOfMetadata: a Namespace that comes or goes brings or takes whoever speaks for its tenant.
func (w wake) tenantsOfMetadata(ctx context.Context, namespace *metav1.PartialObjectMetadata) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.TenantList{}, client.MatchingFields{fieldTenantNamespace: namespace.Name}))
}

// tenantsOfLevel: those that may host at the level.
func (w wake) tenantsOfLevel(ctx context.Context, level *v1alpha1.AccessLevel) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.TenantList{}, client.MatchingFields{fieldLevels: level.Name}))
}

// serversOfAudience: the same for a ResourceServer and its audience. Of a change, both states come here.
func (w wake) serversOfAudience(ctx context.Context, server *v1alpha1.ResourceServer) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.ResourceServerList{}, client.MatchingFields{fieldAudience: server.Spec.Audience}))
}

// applicationsOfTenant: whether a tenant is accepted, hosts, is suspended and what its ceiling is concerns what it hosts.
func (w wake) applicationsOfTenant(ctx context.Context, tenant *v1alpha1.Tenant) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.ApplicationList{}, client.InNamespace(tenant.Spec.Namespace)))
}

// applicationsOfLevel: a level is what versions name, and part of the ceiling of the tenants that name it.
func (w wake) applicationsOfLevel(ctx context.Context, level *v1alpha1.AccessLevel) []reconcile.Request {
	named := client.MatchingFields{fieldLevels: level.Name}
	found := requests(w.list(ctx, &v1alpha1.ApplicationList{}, named))
	for _, tenant := range w.list(ctx, &v1alpha1.TenantList{}, named) {
		if tenant, ok := tenant.(*v1alpha1.Tenant); ok {
			found = append(found, w.applicationsOfTenant(ctx, tenant)...)
		}
	}
	return found
}

// applicationsOfServer: the application names it.
func (w wake) applicationsOfServer(ctx context.Context, server *v1alpha1.ResourceServer) []reconcile.Request {
	return requests(w.list(ctx, &v1alpha1.ApplicationList{}, client.MatchingFields{fieldResourceServers: server.Name}))
}

// applicationOfSecret: a Secret that was deleted or changed is repaired, one that was left behind is removed.
// Where what it says and its name speak of two, both are looked at: whose name it takes waits for it to go.
func applicationOfSecret(_ context.Context, secret client.Object) []reconcile.Request {
	var found []reconcile.Request
	if key, ok := credentials.ApplicationOf(secret); ok {
		found = append(found, reconcile.Request{NamespacedName: key})
	}
	if name, _, ok := strings.Cut(secret.GetName(), "."); ok {
		named := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: secret.GetNamespace(), Name: name}}
		if !slices.Contains(found, named) {
			found = append(found, named)
		}
	}
	return found
}

// grantsOfTenant: those that the tenant gives, and those for what it hosts.
func (w wake) grantsOfTenant(ctx context.Context, tenant *v1alpha1.Tenant) []reconcile.Request {
	given := requests(w.list(ctx, &v1alpha1.TenantGrantList{}, client.InNamespace(tenant.Spec.Namespace)))
	return append(given,
		requests(w.list(ctx, &v1alpha1.TenantGrantList{}, client.MatchingFields{fieldHostTenant: tenant.Name}))...)
}

// grantsOfApplication: those of its name. A change of a level, a ResourceServer or the host's ceiling changes the scopes in
// the versions' condition Effective, and comes here by that.
func (w wake) grantsOfApplication(ctx context.Context, app *v1alpha1.Application) []reconcile.Request {
	known := newFacts(ctx, w.reader)
	host := access.HostOf(known, app.Namespace)
	if known.err != nil {
		log.FromContext(ctx).Error(known.err, "Cannot find whom an event concerns")
	}
	if host == nil {
		return nil
	}
	name := client.MatchingFields{fieldName: access.GrantName(host.Name, app.Name)}
	return requests(w.list(ctx, &v1alpha1.TenantGrantList{}, name))
}

// list returns what the cache has. What it cannot find wakes nobody, which the log has to say: a cache that is read before
// it is there is a mistake in the program.
func (w wake) list(ctx context.Context, list client.ObjectList, options ...client.ListOption) []client.Object {
	if err := w.reader.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		log.FromContext(ctx).Error(err, "Cannot find whom an event concerns", "list", reflect.TypeOf(list).String())
		return nil
	}
	objects := make([]client.Object, 0, meta.LenList(list))
	_ = meta.EachListItem(list, func(item runtime.Object) error { // the function returns no error
		if object, ok := item.(client.Object); ok {
			objects = append(objects, object)
		}
		return nil
	})
	return objects
}

func requests(objects []client.Object) []reconcile.Request {
	found := make([]reconcile.Request, 0, len(objects))
	for _, object := range objects {
		found = append(found, reconcile.Request{
			NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()},
		})
	}
	return found
}

// mapped makes an event handler of a function on one kind.
func mapped[T client.Object](to func(context.Context, T) []reconcile.Request) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		typed, ok := object.(T)
		if !ok {
			return nil
		}
		return to(ctx, typed)
	})
}
