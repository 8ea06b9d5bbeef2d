package directory

import (
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
)

// Decide asks access.Decide whether the client may have a token at this moment, as things stand at this moment: what the
// client was authenticated with may be gone since.
//
// An empty audience is the application's first; without scopes, all that can be had.
func (d *Directory) Decide(client Client, tenant, audience string, scopes []string) access.Decision {
	return access.Decide(d, access.Question{
		Application: d.current(client),
		Version:     client.Version,
		Tenant:      tenant,
		Audience:    audience,
		Scopes:      scopes,
		Now:         d.deps.Clock.Now(),
	})
}

// current returns the facts of the client's application as they are now, or nil when it is gone: deleted, created again
// under its name, or hosted by a tenant of another name, which makes it another client.
func (d *Directory) current(client Client) *access.Application {
	if client.Application == nil {
		return nil
	}
	key := types.NamespacedName{Namespace: client.Application.Namespace, Name: client.Application.Name}
	app := d.applications.byKey.get(key)
	if app == nil || app.facts.UID != client.Application.UID {
		return nil
	}
	if host := access.HostOf(d, key.Namespace); host != nil && host.Name != client.Host {
		return nil
	}
	return app.facts
}

var _ access.Facts = (*Directory)(nil)

// Tenant returns the Tenant of that name.
func (d *Directory) Tenant(name string) *access.Tenant { return d.tenants.byName.get(name) }

// TenantsClaiming returns the Tenants whose spec.namespace is that namespace, in any order.
func (d *Directory) TenantsClaiming(namespace string) []*access.Tenant {
	return d.tenants.byClaim.get(namespace)
}

// Level returns the AccessLevel of that name.
func (d *Directory) Level(name string) *access.Level { return d.levels.byName.get(name) }

// ResourceServer returns the ResourceServer of that name.
func (d *Directory) ResourceServer(name string) *access.ResourceServer {
	return d.servers.byName.get(name)
}

// ResourceServersFor returns the ResourceServers with that audience, in any order.
func (d *Directory) ResourceServersFor(audience string) []*access.ResourceServer {
	return d.servers.byClaim.get(audience)
}

// Grant returns the TenantGrant of that namespace and name.
func (d *Directory) Grant(namespace, name string) *access.Grant { return d.grants.get(namespace, name) }

// Application returns the Application of that namespace and name.
func (d *Directory) Application(namespace, name string) *access.Application {
	app := d.applications.byKey.get(types.NamespacedName{Namespace: namespace, Name: name})
	if app == nil {
		return nil
	}
	return app.facts
}
