package controllers

import (
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"countersign.dev/api/v1alpha1"
)

// comesOrGoes is true of the changes by which an object begins to be deleted, and of its coming and its end.
func comesOrGoes() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return replacedOrDeleted(e.ObjectOld, e.ObjectNew)
	}}
}

// saysOtherwise is true of the changes by which an object says something else than before, or nothing more.
func saysOtherwise() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || replacedOrDeleted(e.ObjectOld, e.ObjectNew)
	}}
}

func replacedOrDeleted(before, after client.Object) bool {
	return before.GetUID() != after.GetUID() || (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
}

// concernsGrants is true of the changes of an Application that can change what its grants say.
func concernsGrants() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Application)
		after, okAfter := e.ObjectNew.(*v1alpha1.Application)
		if !ok || !okAfter {
			return true
		}
		return before.Generation != after.Generation || replacedOrDeleted(before, after) ||
			!reflect.DeepEqual(effects(before), effects(after))
	}}
}

// effects returns what the conditions Effective say.
func effects(app *v1alpha1.Application) []string {
	said := make([]string, 0, 2*len(app.Status.Versions))
	for i := range app.Status.Versions {
		entry := &app.Status.Versions[i]
		condition := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionEffective))
		if condition == nil {
			condition = &metav1.Condition{}
		}
		said = append(said, string(entry.Version), condition.Reason+": "+condition.Message)
	}
	return said
}
