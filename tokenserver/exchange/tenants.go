package exchange

import (
	"context"

	"countersign.dev/tokenserver/directory"
)

// Tenants returns all tenants that the client can have a token for at this moment, sorted by name.
func (e *Exchange) Tenants(ctx context.Context, s Session) []directory.TenantAccess {
	tenants := e.deps.Directory.Tenants(s.client)
	e.listed(ctx, s, len(tenants))
	return tenants
}

// TenantsPage returns some of them, from a place on, at the cost of a page.
func (e *Exchange) TenantsPage(ctx context.Context, s Session, after directory.Place, limit int) directory.Page {
	page := e.deps.Directory.TenantsPage(s.client, after, limit)
	e.listed(ctx, s, len(page.Tenants))
	return page
}
