package directory

import (
	"iter"
	"slices"
	"sync"
)

// entries is a map that one goroutine writes while any number read it without a lock. The zero value is empty and ready.
type entries[K comparable, V any] struct {
	// values is a sync.Map for its lock-free reads: a plain map behind a lock would let a write of 100,000 entries hold up
	// every token request.
	values sync.Map
}

// get returns the value of the key, or the zero value.
func (e *entries[K, V]) get(key K) V {
	stored, _ := e.values.Load(key)
	value, _ := stored.(V)
	return value
}

func (e *entries[K, V]) set(key K, value V) { e.values.Store(key, value) }

func (e *entries[K, V]) remove(key K) { e.values.Delete(key) }

// all yields what is there, in no order. What is written meanwhile may or may not be among it.
func (e *entries[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		e.values.Range(func(key, value any) bool {
			return yield(key.(K), value.(V)) //nolint:forcetypeassert // set stores no other types
		})
	}
}

// groups is a map with several values for a key, for keys that few values share: a write copies the key's values. Readers
// get slices that nobody changes any more.
type groups[V comparable] struct {
	values entries[string, []V]
}

// get returns the values of the key, in no order. The slice must not be changed.
func (g *groups[V]) get(key string) []V { return g.values.get(key) }

// put adds the value to the key's, in place of old where that is among them. Readers see the one or the other, never both
// and never neither: an update of a Tenant must not look, even for a moment, like a second Tenant or none.
func (g *groups[V]) put(key string, old, value V) {
	values := slices.Clone(g.get(key))
	if at := slices.Index(values, old); at >= 0 {
		values[at] = value
	} else {
		values = append(values, value)
	}
	g.values.set(key, values)
}

// remove takes the value from the key's.
func (g *groups[V]) remove(key string, value V) {
	values := slices.DeleteFunc(slices.Clone(g.get(key)), func(other V) bool { return other == value })
	if len(values) == 0 {
		g.values.remove(key)
		return
	}
	g.values.set(key, values)
}
