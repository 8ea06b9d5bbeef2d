package plugin

import (
	"context"
	"errors"
	"fmt"

	"countersign.dev/access"
	"countersign.dev/plugin/live"
	"countersign.dev/plugin/remote"
)

// offered is what is on offer to a tenant, and who says so.
type offered struct {
	Tenant string
	Offers []remote.Offer
	// namespace is the tenant's.
	namespace string
}

// offeredTo returns what is on offer to the tenant, or to that of the namespace where it is empty: all, or one application
// alone. Where the asker may not look at the objects it is the token server's answer.
func (p *plugin) offeredTo(ctx context.Context, server *tokenServer, tenant string, only *reference) (*offered, error) {
	c, namespace, err := p.connect()
	if err != nil {
		return nil, err
	}
	facts := live.New(ctx, c)
	var missing error
	if !server.chosen() {
		found, err := offeredByObjects(facts, namespace, tenant, only)
		if _, forbidden := errors.AsType[*live.Forbidden](err); !forbidden {
			return found, err
		}
		missing = err
	}
	if server.url == "" {
		return nil, fmt.Errorf("%w. The token server tells the administrator of a tenant, too: name it by --token-server or "+
			"COUNTERSIGN_SERVER", missing)
	}
	found, err := server.offered(ctx, c, namespace, only)
	if err != nil {
		return nil, err
	}
	if tenant != "" && found.Tenant != "" && tenant != found.Tenant {
		return nil, fmt.Errorf("namespace %s is tenant %s's: for tenant %s, name its namespace (--namespace)", namespace, found.Tenant, tenant)
	}
	return found, nil
}

// offeredByObjects looks at the objects themselves. Its error is a *live.Forbidden where they may not be looked at.
func offeredByObjects(facts *live.Facts, namespace, name string, only *reference) (*offered, error) {
	tenant := access.HostOf(facts, namespace)
	if name != "" {
		tenant = access.AcceptedTenant(facts, name)
	}
	if facts.Complete() != nil {
		// All rights that it takes are named at once.
		facts.LookAround()
		if only == nil {
			facts.Applications("")
		}
		return nil, facts.Complete()
	}
	if tenant == nil {
		return nil, noTenant(namespace, name)
	}
	found := &offered{Tenant: tenant.Name, Offers: []remote.Offer{}, namespace: tenant.Namespace}
	for _, app := range candidates(facts, only) {
		if offering, ok := access.OfferTo(facts, app, tenant); ok {
			found.Offers = append(found.Offers, newOffer(&offering))
		}
	}
	return found, facts.Complete()
}

// candidates are the applications that may be on offer.
func candidates(facts *live.Facts, only *reference) []*access.Application {
	if only != nil {
		if host := access.AcceptedTenant(facts, only.host); host != nil {
			if app := facts.Application(host.Namespace, only.application); app != nil {
				return []*access.Application{app}
			}
		}
		return nil
	}
	var all []*access.Application
	objects, _ := facts.Applications("")
	for _, object := range objects {
		if app := access.NewApplication(object); app != nil {
			all = append(all, app)
		}
	}
	return all
}

func noTenant(namespace, name string) error {
	if name != "" {
		return fmt.Errorf("there is no accepted Tenant %s: kubectl get tenants lists them, with the reason", name)
	}
	return fmt.Errorf("namespace %s speaks for no tenant: name the tenant's namespace (--namespace) or the tenant (--tenant)", namespace)
}

func newOffer(o *access.Offering) remote.Offer {
	offer := remote.Offer{
		HostTenant: o.Host.Name, Application: o.Application.Name, UID: string(o.Application.UID),
		DisplayName: o.Application.DisplayName, Versions: make([]remote.Version, 0, len(o.Versions)),
	}
	for _, version := range o.Versions {
		offered := remote.Version{Version: version.Version, Scopes: version.Scopes}
		if level := version.Level; level != nil {
			offered.Level = &remote.Level{Name: level.Name, DisplayName: level.DisplayName, Description: level.Description}
		}
		offer.Versions = append(offer.Versions, offered)
	}
	return offer
}
