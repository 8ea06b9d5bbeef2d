package access

// HostOf returns the accepted tenant that the namespace speaks for. Where two Tenants claim it, neither is accepted.
func HostOf(facts Facts, namespace string) *Tenant {
	claimants := facts.TenantsClaiming(namespace)
	if len(claimants) != 1 {
		return nil
	}
	return claimants[0]
}

// AcceptedTenant returns the Tenant of that name if its namespace speaks for it alone.
func AcceptedTenant(facts Facts, name string) *Tenant {
	tenant := facts.Tenant(name)
	if tenant == nil {
		return nil
	}
	if host := HostOf(facts, tenant.Namespace); host == nil || host.Name != name {
		return nil
	}
	return tenant
}

// AcceptedResourceServer returns the ResourceServer of that name if no other has its audience.
func AcceptedResourceServer(facts Facts, name string) *ResourceServer {
	server := facts.ResourceServer(name)
	if server == nil || len(facts.ResourceServersFor(server.Audience)) != 1 {
		return nil
	}
	return server
}

// audienceOf returns the application's resource server with the audience, or its first where the audience is empty.
func audienceOf(facts Facts, app *Application, audience string) *ResourceServer {
	for _, name := range app.ResourceServers {
		server := AcceptedResourceServer(facts, name)
		if audience == "" || server != nil && server.Audience == audience {
			return server
		}
	}
	return nil
}
