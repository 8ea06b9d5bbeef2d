package directory

import (
	"iter"
	"sync/atomic"

	"k8s.io/utils/third_party/forked/golang/btree"
)

// degree is that of the ordered trees, which bounds what an event copies of one: a few nodes of at most 31 values.
const degree = 16

// ordered is a set with an order that one goroutine writes while any number read it without a lock, each as it all stood at one
// moment. Neither a place in it nor an event costs more when there is more in it.
type ordered[V any] struct {
	// order is the writer's alone.
	order *btree.BTree[V]
	// published is order after the last write. Nobody changes it any more: a write copies the nodes on its way.
	published atomic.Pointer[btree.BTree[V]]
}

func newOrdered[V any](before func(a, b V) bool) *ordered[V] {
	// Without a list of free nodes: what a write replaces is still read.
	o := &ordered[V]{order: btree.NewWithFreeList(degree, before, btree.NewFreeList[V](0))}
	o.publish()
	return o
}

// put adds the value, or replaces the one in its place.
func (o *ordered[V]) put(value V) { o.order.ReplaceOrInsert(value) }

func (o *ordered[V]) remove(value V) { o.order.Delete(value) }

// publish shows readers what was written.
func (o *ordered[V]) publish() { o.published.Store(o.order.Clone()) }

// from yields the values in order, from that place on.
func (o *ordered[V]) from(place V) iter.Seq[V] {
	return func(yield func(V) bool) { o.published.Load().AscendGreaterOrEqual(place, yield) }
}

func (o *ordered[V]) len() int { return o.published.Load().Len() }
