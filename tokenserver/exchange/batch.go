package exchange

import (
	"fmt"
	"slices"

	"countersign.dev/tokenserver/oauth"
)

// MaxTenants is how many tokens one request can ask for, on both faces.
const MaxTenants = 5

// CheckTenants says what is wrong with a list of tenants; name is that of the parameter.
func CheckTenants(name string, tenants []string) *oauth.Error {
	var problem string
	switch {
	case len(tenants) == 0:
		problem = "is missing or empty"
	case len(tenants) > MaxTenants:
		problem = "is too long"
	case slices.Contains(tenants, ""):
		problem = "has an empty name in it"
	case len(slices.Compact(slices.Sorted(slices.Values(tenants)))) < len(tenants):
		problem = "names a tenant twice"
	default:
		return nil
	}
	return oauth.BadRequest(oauth.InvalidRequest, fmt.Sprintf("%s %s: it is a list of 1 to %d different tenants", name, problem, MaxTenants))
}
