package directory

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
)

// maxExamined is how many grants one page looks at: a client for whose application many grants stand that permit nothing, as
// those for an earlier application of its name, gets shorter pages, and keeps no server busy.
const maxExamined = 1000

// TenantAccess is a tenant that a token can be had for.
type TenantAccess struct {
	Tenant string
	Scopes access.Scopes
}

// Place is a place in the order of a client's tenants. The zero value is the beginning. Any value is good: it says where to go
// on, and whoever is listed from there on is decided upon like everybody.
type Place struct {
	// HostPassed says that the host tenant, which is the first, is behind.
	HostPassed bool
	// Grant is the UID of the last grant that is behind; empty: none is.
	Grant string
}

// Page is some of the tenants that a client can have a token for, each with what a token has at the default audience.
type Page struct {
	Tenants []TenantAccess
	// Next is where the next page begins; nil: this was the last.
	Next *Place
}

// TenantsPage returns at most limit tenants behind the place, as things stand at this moment. A tenant that a token can be had
// for all along is on one page of those that lead from one to the next, whoever comes and goes meanwhile.
//
// It looks at few more grants than it lists, however many there are, and at maxExamined at most: a page can be shorter than the
// limit, even empty, and not be the last.
func (d *Directory) TenantsPage(client Client, after Place, limit int) Page {
	if client.Application == nil {
		return Page{}
	}
	page, place, examined := Page{}, Place{HostPassed: true, Grant: after.Grant}, 0
	if !after.HostPassed {
		page.Tenants = d.appendGranted(page.Tenants, client, client.Host)
	}
	for grant := range d.grants.from(access.GrantName(client.Host, client.Application.Name), types.UID(after.Grant)) {
		if after.HostPassed && string(grant.UID) == after.Grant {
			continue
		}
		if len(page.Tenants) >= limit || examined == maxExamined {
			page.Next = &place
			return page
		}
		examined++
		place.Grant = string(grant.UID)
		page.Tenants = d.appendUser(page.Tenants, client, grant)
	}
	return page
}

// Tenants returns all tenants that the client can have a token for at this moment, at the default audience: sorted by name, the
// host tenant among them. It decides for each, so that the list and the decision cannot disagree, and costs as much as there
// are.
func (d *Directory) Tenants(client Client) []TenantAccess {
	if client.Application == nil {
		return nil
	}
	granted := d.appendGranted(nil, client, client.Host)
	for grant := range d.grants.from(access.GrantName(client.Host, client.Application.Name), "") {
		granted = d.appendUser(granted, client, grant)
	}
	slices.SortFunc(granted, func(a, b TenantAccess) int { return strings.Compare(a.Tenant, b.Tenant) })
	return granted
}

// GrantCount returns how many grants stand for the client's application, whether they permit anything or not.
func (d *Directory) GrantCount(client Client) int {
	if client.Application == nil {
		return 0
	}
	return d.grants.count(access.GrantName(client.Host, client.Application.Name))
}

// appendUser appends the tenant in whose namespace the grant stands, if a token can be had for it. The host tenant needs no
// grant, and is listed without.
func (d *Directory) appendUser(to []TenantAccess, client Client, grant *access.Grant) []TenantAccess {
	tenant := access.HostOf(d, grant.Namespace)
	if tenant == nil || tenant.Name == client.Host {
		return to
	}
	return d.appendGranted(to, client, tenant.Name)
}

func (d *Directory) appendGranted(to []TenantAccess, client Client, tenant string) []TenantAccess {
	decision := d.Decide(client, tenant, "", nil)
	if !decision.Granted() {
		return to
	}
	return append(to, TenantAccess{Tenant: tenant, Scopes: decision.Scopes})
}
