package directory

import (
	"fmt"
	"iter"
	"log/slog"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// table holds what is kept of the objects of one kind. One goroutine calls it; what it publishes, any number read.
type table[O metav1.Object] interface {
	// set computes the entry of the object anew. An object that is being deleted has none.
	set(object O)
	// remove takes the entry away.
	remove(key types.NamespacedName)
	// keys yields the keys of all entries, in no order.
	keys() iter.Seq[types.NamespacedName]
}

// object is a pointer to the Go type of a kind.
type object[T any] interface {
	*T
	metav1.Object
}

// store is the end of a kind's watch: it gives each object to the table and keeps none.
//
// Objects come unstructured and are read one by one. One that cannot be read is absent, and alone: the API server admits
// some texts that the Go types refuse (a time as 2027-12-31t00:00:00z for one), and whoever can write one object of a kind
// must not be able to blind the token server to all others.
type store[T any, O object[T]] struct {
	table table[O]
	view  *view
	log   *slog.Logger
}

var (
	_ cache.TransformingStore      = (*store[metav1.ObjectMeta, *metav1.ObjectMeta])(nil)
	_ cache.ResourceVersionUpdater = (*store[metav1.ObjectMeta, *metav1.ObjectMeta])(nil)
)

// Add takes an object that is new, or that was there before: it makes no difference.
func (s *store[T, O]) Add(obj any) error {
	typed, err := read[T, O](obj)
	if err == nil {
		s.table.set(typed)
		return nil
	}
	unreadable, ok := obj.(metav1.Object)
	if !ok {
		return err
	}
	s.log.Warn("Taking an object that cannot be read as absent",
		"namespace", unreadable.GetNamespace(), "name", unreadable.GetName(), "err", err)
	s.table.remove(keyOf(unreadable))
	return nil
}

// Update is Add.
func (s *store[T, O]) Update(obj any) error { return s.Add(obj) }

// Delete takes the object's entry away, whatever its last state was.
func (s *store[T, O]) Delete(obj any) error {
	deleted, ok := obj.(metav1.Object)
	if !ok {
		return fmt.Errorf("reading a deleted object: %T is none", obj)
	}
	s.table.remove(keyOf(deleted))
	return nil
}

// Replace makes the objects all there are. What is gone is taken away first: a revocation waits for nothing else. What stays
// is there all the time.
func (s *store[T, O]) Replace(objects []any, resourceVersion string) error {
	present := make(map[types.NamespacedName]struct{}, len(objects))
	for _, obj := range objects {
		if listed, ok := obj.(metav1.Object); ok {
			present[keyOf(listed)] = struct{}{}
		}
	}
	for key := range s.table.keys() {
		if _, ok := present[key]; !ok {
			s.table.remove(key)
		}
	}
	for _, obj := range objects {
		if err := s.Add(obj); err != nil {
			return err
		}
	}
	s.view.replaced(resourceVersion)
	return nil
}

// Resync does nothing: every event is the whole truth about its object.
func (s *store[T, O]) Resync() error { return nil }

// UpdateResourceVersion is called after each event, bookmarks included, once the store has taken it in.
func (s *store[T, O]) UpdateResourceVersion(resourceVersion string) { s.view.reached(resourceVersion) }

// Transformer makes objects small while the reflector collects the first view: typed, and without what nobody reads. One that
// cannot be read stays as it is, for Replace to report.
func (s *store[T, O]) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		typed, err := read[T, O](obj)
		if err != nil {
			return obj, nil //nolint:nilerr // an error here would drop the object silently
		}
		typed.SetManagedFields(nil)
		return typed, nil
	}
}

// read returns the object in its Go type.
func read[T any, O object[T]](obj any) (O, error) {
	switch obj := obj.(type) {
	case O:
		return obj, nil
	case *unstructured.Unstructured:
		typed := O(new(T))
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, typed); err != nil {
			return nil, fmt.Errorf("reading an object: %w", err)
		}
		return typed, nil
	default:
		return nil, fmt.Errorf("reading an object: unexpected type %T", obj)
	}
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
