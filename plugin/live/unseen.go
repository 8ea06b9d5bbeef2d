package live

import (
	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// hidden is the name of what may not be looked at: no object can have it.
const hidden = "?"

// unseen stands in for what may not be looked at, and permits: what breaks nevertheless breaks in truth. The nil unseen stands
// in for nothing.
type unseen struct {
	q Question
	// host and user are the names of the two tenants as far as they are known, and their namespaces.
	host, hostNamespace, userNamespace string
	application                        *v1alpha1.Application
	// scopes are those that anybody mentioned.
	scopes []string
}

// tenants are the two tenants, where Tenants may not be looked at.
func (u *unseen) tenants() []*access.Tenant {
	if u == nil {
		return nil
	}
	both := []*access.Tenant{{
		Name: u.host, Namespace: u.hostNamespace, Stage: v1alpha1.HostingProduction, Levels: []string{hidden},
	}}
	if u.q.Tenant != u.host {
		both = append(both, &access.Tenant{Name: u.q.Tenant, Namespace: u.userNamespace})
	}
	return both
}

func (u *unseen) level(f *Facts, name string) *access.Level {
	if u == nil || name != hidden && !f.lacks(accessLevels, "") {
		return nil
	}
	return &access.Level{Name: name, Scopes: u.everything(f)}
}

func (u *unseen) server(f *Facts, name string) *access.ResourceServer {
	if u == nil || name != hidden && !f.lacks(resourceServers, "") {
		return nil
	}
	audience := u.q.Audience
	if audience == "" {
		audience = hidden
	}
	return &access.ResourceServer{Name: name, Audience: audience, Scopes: u.everything(f)}
}

func (u *unseen) serversFor(f *Facts, audience string) []*access.ResourceServer {
	if u == nil || audience != hidden && !f.lacks(resourceServers, "") {
		return nil
	}
	return []*access.ResourceServer{u.server(f, hidden)}
}

// hides reports whether nobody knows which namespace is the user tenant's.
func (u *unseen) hides(namespace string) bool { return u != nil && namespace == hidden }

func (u *unseen) grant(f *Facts) *access.Grant {
	if u == nil {
		return nil
	}
	return &access.Grant{
		Namespace: u.userNamespace, Name: access.GrantName(u.host, u.q.Application), Tenant: u.q.Tenant, HostTenant: u.host,
		Application: u.q.Application, ApplicationUID: u.application.UID, Scopes: u.everything(f),
	}
}

// everything is all scopes that anybody could mean: never empty.
func (u *unseen) everything(f *Facts) access.Scopes {
	all := append([]string{hidden}, u.scopes...)
	for _, level := range f.allLevels() {
		all = append(all, level.Scopes...)
	}
	for _, server := range f.allServers() {
		all = append(all, server.Scopes...)
	}
	return access.NewScopes(all...)
}
