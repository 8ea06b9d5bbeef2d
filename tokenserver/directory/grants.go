package directory

import (
	"iter"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// grants is the table of TenantGrants, by name and then by namespace: a grant's name is that of the application which it is
// for, so one structure answers both "this tenant's grant" and "all who granted". Neither a look-up nor an event costs more
// when one application has all the grants.
type grants struct {
	byName entries[string, *grantees]
}

// grantees is the grants of one name, by namespace.
type grantees struct {
	byNamespace entries[string, *access.Grant]
	// size is the writer's alone.
	size int
}

// get returns the grant, or nil.
func (g *grants) get(namespace, name string) *access.Grant {
	named := g.byName.get(name)
	if named == nil {
		return nil
	}
	return named.byNamespace.get(namespace)
}

// namespaces yields where grants of that name stand, in no order.
func (g *grants) namespaces(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		named := g.byName.get(name)
		if named == nil {
			return
		}
		for namespace := range named.byNamespace.all() {
			if !yield(namespace) {
				return
			}
		}
	}
}

func (g *grants) set(object *v1alpha1.TenantGrant) {
	grant := access.NewGrant(object)
	if grant == nil {
		g.remove(keyOf(object))
		return
	}
	named := g.byName.get(grant.Name)
	if named == nil {
		named = &grantees{}
		g.byName.set(grant.Name, named)
	}
	if named.byNamespace.get(grant.Namespace) == nil {
		named.size++
	}
	named.byNamespace.set(grant.Namespace, grant)
}

func (g *grants) remove(key types.NamespacedName) {
	if g.get(key.Namespace, key.Name) == nil {
		return
	}
	named := g.byName.get(key.Name)
	named.byNamespace.remove(key.Namespace)
	named.size--
	if named.size == 0 {
		g.byName.remove(key.Name)
	}
}

func (g *grants) keys() iter.Seq[types.NamespacedName] {
	return func(yield func(types.NamespacedName) bool) {
		for name := range g.byName.all() {
			for namespace := range g.namespaces(name) {
				if !yield(types.NamespacedName{Namespace: namespace, Name: name}) {
					return
				}
			}
		}
	}
}
