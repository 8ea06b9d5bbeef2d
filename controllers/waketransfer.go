package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// peersOfApplication: those at the other ends of its transfers, and all that stand with it in a row or a circle of them: a
// circle that is broken makes the others handed over. Who names it and is not named back reads the same either way.
//
// Of a change, both states come here, so that a former peer is told, too.
func (w wake) peersOfApplication(ctx context.Context, app *v1alpha1.Application) []reconcile.Request {
	return w.peers(ctx, nil, app)
}

// peersOfTenant: a half counts while the namespace of its application is an accepted tenant's.
func (w wake) peersOfTenant(ctx context.Context, tenant *v1alpha1.Tenant) []reconcile.Request {
	var found []reconcile.Request
	for _, object := range w.list(ctx, &v1alpha1.ApplicationList{}, client.InNamespace(tenant.Spec.Namespace)) {
		if app, ok := object.(*v1alpha1.Application); ok {
			found = append(found, w.peers(ctx, tenant, app)...)
		}
	}
	return found
}

// peers returns those that stand in a row or a circle of transfers with the application. Whether a tenant on the way is
// accepted does not matter: that may be what changed.
func (w wake) peers(ctx context.Context, tenant *v1alpha1.Tenant, app *v1alpha1.Application) []reconcile.Request {
	row := row{wake: w, ctx: ctx, tenant: tenant}
	row.walk(app, to, from)
	row.walk(app, from, to)
	return requests(row.found)
}

func to(app *v1alpha1.Application) *v1alpha1.ApplicationPeer { return app.Spec.TransferTo }

func from(app *v1alpha1.Application) *v1alpha1.ApplicationPeer { return app.Spec.TransferFrom }

// row is a walk along transfers.
type row struct {
	wake
	ctx context.Context //nolint:containedctx // it lives for one walk
	// tenant is one that the cache may not have any more.
	tenant *v1alpha1.Tenant
	found  []client.Object
}

// walk follows one half, as far as each names the one before it by the other half.
func (r *row) walk(first *v1alpha1.Application, half, back func(*v1alpha1.Application) *v1alpha1.ApplicationPeer) {
	key := client.ObjectKeyFromObject(first)
	last, lastKey := first, key
	for range access.MaxTransfers {
		next := r.application(half(last))
		if next == nil || client.ObjectKeyFromObject(next) == key {
			return
		}
		r.found = append(r.found, next)
		if named := r.key(back(next)); named == nil || *named != lastKey {
			return
		}
		last, lastKey = next, client.ObjectKeyFromObject(next)
	}
}

func (r *row) application(peer *v1alpha1.ApplicationPeer) *v1alpha1.Application {
	key := r.key(peer)
	if key == nil {
		return nil
	}
	app := &v1alpha1.Application{}
	if !r.get(*key, app) {
		return nil
	}
	return app
}

// key is where the peer's Application is, or nil.
func (r *row) key(peer *v1alpha1.ApplicationPeer) *client.ObjectKey {
	switch {
	case peer == nil:
		return nil
	case r.tenant != nil && r.tenant.Name == string(peer.Tenant):
		return &client.ObjectKey{Namespace: r.tenant.Spec.Namespace, Name: peer.Application}
	}
	tenant := &v1alpha1.Tenant{}
	if !r.get(client.ObjectKey{Name: string(peer.Tenant)}, tenant) {
		return nil
	}
	return &client.ObjectKey{Namespace: tenant.Spec.Namespace, Name: peer.Application}
}

func (r *row) get(key client.ObjectKey, object client.Object) bool {
	err := r.reader.Get(r.ctx, key, object)
	if client.IgnoreNotFound(err) != nil {
		log.FromContext(r.ctx).Error(err, "Cannot find whom an event concerns", "key", key)
	}
	return err == nil
}
