package controllers

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
)

// maxMessage is how many bytes the schema of metav1.Condition lets a message have. One that is longer would not be written
// at all, and thirty-two versions with all the scopes that they can have are.
const maxMessage = 32768

// finding is what was found about one aspect of an object. The aspect is in order where the reason is one of those that
// stand for True.
type finding struct {
	reason  v1alpha1.Reason
	message string
}

func (f finding) good() bool {
	switch f.reason {
	case v1alpha1.ReasonAccepted, v1alpha1.ReasonReady, v1alpha1.ReasonGranted, v1alpha1.ReasonAccessExceedsGrant,
		v1alpha1.ReasonHandedOver, v1alpha1.ReasonTakenOver, v1alpha1.ReasonWorkloadsUpdated:
		return true
	}
	return false
}

// reporter sets conditions as they were found at one generation of an object.
type reporter struct {
	clock      clock.PassiveClock
	generation int64
}

func (r reporter) set(conditions *[]metav1.Condition, kind v1alpha1.ConditionType, found finding) {
	status := metav1.ConditionFalse
	if found.good() {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type:               string(kind),
		Status:             status,
		Reason:             string(found.reason),
		Message:            shortened(found.message),
		ObservedGeneration: r.generation,
		LastTransitionTime: metav1.Time{Time: r.clock.Now()},
	})
}

func shortened(message string) string {
	const more = " …"
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-len(more)], "") + more
}

// deleting is what is found of an object that was deleted and is held by a finalizer; false for any other. It counts as
// absent, and must not look as if it were there.
func deleting(object client.Object) (finding, bool) {
	if object.GetDeletionTimestamp() == nil {
		return finding{}, false
	}
	return finding{v1alpha1.ReasonDeleting, fmt.Sprintf(
		"it was deleted and counts as absent; what holds it are the finalizers %s, whose owners have to let it go",
		strings.Join(object.GetFinalizers(), ", "))}, true
}

// setBoth sets Accepted, and Ready to what was found of it where the object is accepted.
func (r reporter) setBoth(conditions *[]metav1.Condition, accepted, ready finding) {
	r.set(conditions, v1alpha1.ConditionAccepted, accepted)
	if !accepted.good() {
		ready = accepted
	}
	r.set(conditions, v1alpha1.ConditionReady, ready)
}

// setAll sets every condition that is there, as of an object that counts as absent, and Accepted and Ready in any case.
func (r reporter) setAll(conditions *[]metav1.Condition, gone finding) {
	r.setBoth(conditions, gone, gone)
	for _, condition := range *conditions {
		r.set(conditions, v1alpha1.ConditionType(condition.Type), gone)
	}
}

// writeStatus writes the object's status where it differs from what was read. The update carries the resourceVersion: what
// another hand wrote meanwhile is a Conflict, and the retry thinks anew.
func writeStatus(ctx context.Context, c client.Client, base, object client.Object) error {
	if equality.Semantic.DeepEqual(base, object) {
		return nil
	}
	if err := c.Status().Update(ctx, object, client.FieldOwner(v1alpha1.FieldManager)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	return nil
}

// settled turns a lost race into a retry: it is no error, the cache was only behind.
func settled(result reconcile.Result, err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: staleRetry}, nil
	}
	return result, err
}
