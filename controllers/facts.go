package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// facts looks up what objects say, in a cache or at the API server. A fact that cannot be read is nil, as one that is not
// there; whoever decides by facts asks err afterwards, so that the one is never reported as the other.
type facts struct {
	ctx    context.Context //nolint:containedctx // it lives for one reconcile; access.Facts is pure and has no contexts
	reader client.Reader
	err    error
}

var _ access.Facts = (*facts)(nil)

func newFacts(ctx context.Context, reader client.Reader) *facts {
	return &facts{ctx: ctx, reader: reader}
}

// Tenant returns the Tenant of that name.
func (f *facts) Tenant(name string) *access.Tenant {
	tenant := &v1alpha1.Tenant{}
	if !f.get(client.ObjectKey{Name: name}, tenant) {
		return nil
	}
	return access.NewTenant(tenant)
}

// TenantsClaiming returns the Tenants whose spec.namespace is that namespace, in any order.
func (f *facts) TenantsClaiming(namespace string) []*access.Tenant {
	list := &v1alpha1.TenantList{}
	f.list(list, client.MatchingFields{fieldTenantNamespace: namespace})
	var tenants []*access.Tenant
	for i := range list.Items {
		if tenant := access.NewTenant(&list.Items[i]); tenant != nil {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}

// Level returns the AccessLevel of that name.
func (f *facts) Level(name string) *access.Level {
	level := &v1alpha1.AccessLevel{}
	if !f.get(client.ObjectKey{Name: name}, level) {
		return nil
	}
	return access.NewLevel(level)
}

// ResourceServer returns the ResourceServer of that name.
func (f *facts) ResourceServer(name string) *access.ResourceServer {
	server := &v1alpha1.ResourceServer{}
	if !f.get(client.ObjectKey{Name: name}, server) {
		return nil
	}
	return access.NewResourceServer(server)
}

// ResourceServersFor returns the ResourceServers with that audience, in any order.
func (f *facts) ResourceServersFor(audience string) []*access.ResourceServer {
	list := &v1alpha1.ResourceServerList{}
	f.list(list, client.MatchingFields{fieldAudience: audience})
	var servers []*access.ResourceServer
	for i := range list.Items {
		if server := access.NewResourceServer(&list.Items[i]); server != nil {
			servers = append(servers, server)
		}
	}
	return servers
}

// Grant returns the TenantGrant of that namespace and name.
func (f *facts) Grant(namespace, name string) *access.Grant {
	grant := &v1alpha1.TenantGrant{}
	if !f.get(client.ObjectKey{Namespace: namespace, Name: name}, grant) {
		return nil
	}
	return access.NewGrant(grant)
}

// Application returns the Application of that namespace and name.
func (f *facts) Application(namespace, name string) *access.Application {
	app := f.applicationObject(namespace, name)
	if app == nil {
		return nil
	}
	return access.NewApplication(app)
}

// applicationObject returns the Application itself, for what the decision does not ask for.
func (f *facts) applicationObject(namespace, name string) *v1alpha1.Application {
	app := &v1alpha1.Application{}
	if !f.get(client.ObjectKey{Namespace: namespace, Name: name}, app) {
		return nil
	}
	return app
}

// namespace returns what a Namespace says of itself, or nil. It is no fact of the decision.
func (f *facts) namespace(name string) *metav1.PartialObjectMetadata {
	namespace := namespaceMetadata()
	if !f.get(client.ObjectKey{Name: name}, namespace) {
		return nil
	}
	return namespace
}

// namespaceMetadata is a Namespace of which only the metadata is read and cached.
func namespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}

func (f *facts) get(key client.ObjectKey, object client.Object) bool {
	err := f.reader.Get(f.ctx, key, object)
	if client.IgnoreNotFound(err) != nil && f.err == nil {
		f.err = fmt.Errorf("reading %T %s: %w", object, key, err)
	}
	return err == nil
}

// list fills the list with objects that are shared with the cache: facts point into them, and nobody writes to a fact.
func (f *facts) list(list client.ObjectList, fields client.MatchingFields) {
	if err := f.reader.List(f.ctx, list, fields, client.UnsafeDisableDeepCopy); err != nil && f.err == nil {
		f.err = fmt.Errorf("listing %T: %w", list, err)
	}
}
