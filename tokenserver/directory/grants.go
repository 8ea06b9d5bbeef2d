package directory

import (
	"iter"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// grants is the table of TenantGrants: by namespace and name, which answers "this tenant's grant", and by name in order, which
// answers "all who granted", from any place on. A grant's name is that of the application which it is for. Neither a look-up
// nor an event costs more when one application has all the grants.
type grants struct {
	byKey  entries[types.NamespacedName, *access.Grant]
	byName entries[string, *ordered[*access.Grant]]
}

// newGrantees is the grants of one name in the order of their UIDs. A UID stays the same as long as the grant does, is the same
// on every replica, and tells a client that is shown one nothing about whose it is.
func newGrantees() *ordered[*access.Grant] { return newOrdered(before) }

// before orders by UID. No two grants share one; the namespace only makes sure that none takes another's place.
func before(a, b *access.Grant) bool {
	return a.UID < b.UID || a.UID == b.UID && a.Namespace < b.Namespace
}

// get returns the grant, or nil.
func (g *grants) get(namespace, name string) *access.Grant {
	return g.byKey.get(types.NamespacedName{Namespace: namespace, Name: name})
}

// from yields the grants of that name in order, from that UID on, as they all stood at one moment.
func (g *grants) from(name string, uid types.UID) iter.Seq[*access.Grant] {
	return func(yield func(*access.Grant) bool) {
		if named := g.byName.get(name); named != nil {
			named.from(&access.Grant{UID: uid})(yield)
		}
	}
}

// count returns how many grants of that name there are.
func (g *grants) count(name string) int {
	named := g.byName.get(name)
	if named == nil {
		return 0
	}
	return named.len()
}

func (g *grants) set(object *v1alpha1.TenantGrant) {
	grant := access.NewGrant(object)
	if grant == nil {
		g.remove(keyOf(object))
		return
	}
	key := keyOf(object)
	named := g.byName.get(key.Name)
	added := named == nil
	if added {
		named = newGrantees()
	}
	// A grant that was given anew has another UID, hence another place.
	if old := g.byKey.get(key); old != nil && old.UID != grant.UID {
		named.remove(old)
	}
	named.put(grant)
	g.byKey.set(key, grant)
	named.publish()
	if added {
		g.byName.set(key.Name, named)
	}
}

func (g *grants) remove(key types.NamespacedName) {
	old := g.byKey.get(key)
	if old == nil {
		return
	}
	g.byKey.remove(key)
	named := g.byName.get(key.Name)
	named.remove(old)
	named.publish()
	if named.len() == 0 {
		g.byName.remove(key.Name)
	}
}

func (g *grants) keys() iter.Seq[types.NamespacedName] {
	return func(yield func(types.NamespacedName) bool) {
		for key := range g.byKey.all() {
			if !yield(key) {
				return
			}
		}
	}
}
