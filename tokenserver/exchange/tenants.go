package exchange

import (
	"context"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/oauth"
)

// grantsPerRequest is how many grants may be decided upon for what one request costs.
const grantsPerRequest = 1000

// Tenants returns all tenants that the client can have a token for at this moment, sorted by name. It decides for each, and so
// costs the client as many requests more as it has thousands of grants: a list of that length can be had when it is needed, and
// not fifty times a second.
func (e *Exchange) Tenants(ctx context.Context, s Session) ([]directory.TenantAccess, *oauth.Error) {
	if more := e.deps.Directory.GrantCount(s.client) / grantsPerRequest; more > 0 {
		if err := e.charge(ctx, s, more, more+1); err != nil {
			return nil, err
		}
	}
	tenants := e.deps.Directory.Tenants(s.client)
	e.listed(ctx, s, len(tenants))
	return tenants, nil
}

// TenantsPage returns some of them, from a place on, at the cost of a page.
func (e *Exchange) TenantsPage(ctx context.Context, s Session, after directory.Place, limit int) directory.Page {
	page := e.deps.Directory.TenantsPage(s.client, after, limit)
	e.listed(ctx, s, len(page.Tenants))
	return page
}
