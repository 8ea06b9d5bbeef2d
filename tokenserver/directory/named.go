package directory

import (
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// named is the table of a cluster-scoped kind: facts by name, and by a text that several objects may claim although only
// one should.
type named[O metav1.Object, F any] struct {
	byName  entries[string, *F]
	byClaim groups[*F]

	// facts returns an object's facts, or nil when it is being deleted.
	facts func(O) *F
	// claim returns the text that the facts are looked up by, besides the name. nil: by name alone.
	claim func(*F) string
}

func newTenants() *named[*v1alpha1.Tenant, access.Tenant] {
	return &named[*v1alpha1.Tenant, access.Tenant]{
		facts: access.NewTenant,
		claim: func(tenant *access.Tenant) string { return tenant.Namespace },
	}
}

func newLevels() *named[*v1alpha1.AccessLevel, access.Level] {
	return &named[*v1alpha1.AccessLevel, access.Level]{facts: access.NewLevel}
}

func (n *named[O, F]) set(object O) {
	facts := n.facts(object)
	if facts == nil {
		n.remove(keyOf(object))
		return
	}
	old := n.byName.get(object.GetName())
	n.byName.set(object.GetName(), facts)
	if n.claim == nil {
		return
	}
	claim := n.claim(facts)
	if old != nil && n.claim(old) != claim {
		n.byClaim.remove(n.claim(old), old)
	}
	n.byClaim.put(claim, old, facts)
}

func (n *named[O, F]) remove(key types.NamespacedName) {
	old := n.byName.get(key.Name)
	if old == nil {
		return
	}
	n.byName.remove(key.Name)
	if n.claim != nil {
		n.byClaim.remove(n.claim(old), old)
	}
}

func (n *named[O, F]) keys() iter.Seq[types.NamespacedName] {
	return func(yield func(types.NamespacedName) bool) {
		for name := range n.byName.all() {
			if !yield(types.NamespacedName{Name: name}) {
				return
			}
		}
	}
}
