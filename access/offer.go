package access

import (
	"slices"

	"countersign.dev/api/v1alpha1"
)

// Offering is what a host offers a tenant: an application that the tenant can grant access to its data.
type Offering struct {
	Host        *Tenant
	Application *Application
	// Versions are those that could have a token for the tenant once it grants, in the order of spec.versions. Empty: the
	// application is offered and has no version with access yet.
	Versions []OfferedVersion
}

// OfferedVersion is a version and the most that it can ask a tenant for.
type OfferedVersion struct {
	Version string
	// Level is the AccessLevel that the version's access names; nil for custom access.
	Level *Level
	// Scopes is what a grant has to list so that nothing is missing: what the version has, the host's ceiling allows and any
	// of the application's resource servers knows.
	Scopes Scopes
}

// OfferTo returns what the application offers the tenant, or false where it offers it nothing: the tenant cannot find out
// then that the application exists. It holds for a tenant's consent what Decide holds for its token: both sides Active and
// accepted, a host in Production, an offer to the tenant.
//
// The tenant's own applications are no offers: they need no consent.
func OfferTo(facts Facts, app *Application, tenant *Tenant) (Offering, bool) {
	host := HostOf(facts, app.Namespace)
	switch {
	case host == nil, host.Suspended, host.Stage != v1alpha1.HostingProduction, host.Name == tenant.Name:
		return Offering{}, false
	case tenant.Suspended, AcceptedTenant(facts, tenant.Name) == nil, !app.OfferedTo(tenant):
		return Offering{}, false
	case TransferredTo(facts, app) == v1alpha1.ReasonHandedOver:
		return Offering{}, false
	}
	offering := Offering{Host: host, Application: app}
	for i := range app.Versions {
		if scopes, level, ok := mostOf(facts, host, app, &app.Versions[i]); ok {
			offering.Versions = append(offering.Versions,
				OfferedVersion{Version: app.Versions[i].Name, Level: level, Scopes: scopes})
		}
	}
	return offering, true
}

// mostOf returns the most that a version can have for any audience, and its level where it has one; false where it is
// nothing.
func mostOf(facts Facts, host *Tenant, app *Application, version *Version) (Scopes, *Level, bool) {
	if version.Suspended || !version.Granted {
		return nil, nil, false
	}
	wanted, level, ok := scopesFor(facts, version)
	if !ok {
		return nil, nil, false
	}
	servers := make([]*ResourceServer, 0, len(app.ResourceServers))
	for _, name := range app.ResourceServers {
		if server := AcceptedResourceServer(facts, name); server != nil {
			servers = append(servers, server)
		}
	}
	ceiling := ceilingOf(facts, host)
	most := slices.DeleteFunc(slices.Clone(wanted), func(scope string) bool {
		known := slices.ContainsFunc(servers, func(server *ResourceServer) bool { return server.Scopes.Has(scope) })
		return !known || !ceiling.has(scope)
	})
	return most, level, len(most) > 0
}
