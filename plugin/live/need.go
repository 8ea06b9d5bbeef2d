package live

import "strings"

// The resources of the five kinds, as rights name them.
const (
	tenants         = "tenants"
	resourceServers = "resourceservers"
	accessLevels    = "accesslevels"
	applications    = "applications"
	tenantGrants    = "tenantgrants"
)

// Need is a right that the asker lacks.
type Need struct {
	// Verb and Resource are as in a Role's rule: "list" and "tenants" (of the API group countersign.dev).
	Verb, Resource string
	// Namespace is empty for all namespaces and for cluster-scoped kinds.
	Namespace string
}

// String says what is needed, as "get on applications in namespace operator-co".
func (n Need) String() string {
	text := n.Verb + " on " + n.Resource
	switch {
	case n.Namespace != "":
		return text + " in namespace " + n.Namespace
	case n.Resource == applications, n.Resource == tenantGrants:
		return text + " in all namespaces"
	}
	return text
}

// Forbidden is the error for what could not be looked at.
type Forbidden struct{ Needs []Need }

// Error lists the rights.
func (f *Forbidden) Error() string {
	needs := make([]string, 0, len(f.Needs))
	for _, need := range f.Needs {
		needs = append(needs, need.String())
	}
	return "could not look: needs " + strings.Join(needs, ", ") + " (API group countersign.dev)"
}

// LackingGrants is the error for TenantGrants of a namespace that could not be looked at.
func LackingGrants(namespace string) *Forbidden {
	return &Forbidden{Needs: []Need{{"list", tenantGrants, namespace}}}
}
