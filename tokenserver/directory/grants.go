package directory

import (
	"iter"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/third_party/forked/golang/btree"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// degree is that of the ordered trees, which bounds what an event copies of one: a few nodes of at most 31 grants.
const degree = 16

// grants is the table of TenantGrants: by namespace and name, which answers "this tenant's grant", and by name in order, which
// answers "all who granted", from any place on. A grant's name is that of the application which it is for. Neither a look-up
// nor an event costs more when one application has all the grants.
type grants struct {
	byKey  entries[types.NamespacedName, *access.Grant]
	byName entries[string, *grantees]
}

// grantees is the grants of one name in the order of their UIDs. A UID stays the same as long as the grant does, is the same on
// every replica, and tells a client that is shown one nothing about whose it is.
type grantees struct {
	// order is the writer's alone.
	order *btree.BTree[*access.Grant]
	// published is order after the last write. Nobody changes it any more: a write copies the nodes on its way.
	published atomic.Pointer[btree.BTree[*access.Grant]]
}

func newGrantees() *grantees {
	// Without a list of free nodes: what a write replaces is still read.
	return &grantees{order: btree.NewWithFreeList(degree, before, btree.NewFreeList[*access.Grant](0))}
}

// before orders by UID. No two grants share one; the namespace only makes sure that none takes another's place.
func before(a, b *access.Grant) bool {
	return a.UID < b.UID || a.UID == b.UID && a.Namespace < b.Namespace
}

func (g *grantees) publish() { g.published.Store(g.order.Clone()) }

// get returns the grant, or nil.
func (g *grants) get(namespace, name string) *access.Grant {
	return g.byKey.get(types.NamespacedName{Namespace: namespace, Name: name})
}

// from yields the grants of that name in order, from that UID on, as they all stood at one moment.
func (g *grants) from(name string, uid types.UID) iter.Seq[*access.Grant] {
	return func(yield func(*access.Grant) bool) {
		if named := g.byName.get(name); named != nil {
			named.published.Load().AscendGreaterOrEqual(&access.Grant{UID: uid}, yield)
		}
	}
}

// count returns how many grants of that name there are.
func (g *grants) count(name string) int {
	named := g.byName.get(name)
	if named == nil {
		return 0
	}
	return named.published.Load().Len()
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
		named.order.Delete(old)
	}
	named.order.ReplaceOrInsert(grant)
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
	named.order.Delete(old)
	named.publish()
	if named.order.Len() == 0 {
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
