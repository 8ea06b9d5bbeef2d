package workloads

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const (
	// Role is the optional ClusterRole that lets the operator do this.
	Role = "countersign-operator-workloads"

	// retry is when workloads that could not be told are tried again: nobody tells when the role is given or one is created.
	retry = 5 * time.Minute

	eventUpdated = "WorkloadUpdated"
	actionUpdate = "Update"
)

// Deps is what a Phase works with.
type Deps struct {
	// Client writes to the API server. It reads nothing.
	Client client.Client
	Clock  clock.PassiveClock
	Events events.EventRecorder
}

// Phase brings the workloads of applications up to their credentials.
type Phase struct{ Deps }

// New returns a Phase.
func New(deps Deps) *Phase { return &Phase{Deps: deps} }

// Reconcile tells the workloads of each version whose credential was replaced since they were told, and sets
// status.versions[].workloadsCredentialID and the condition WorkloadsUpdated. App.Status.Versions is in the order of its spec,
// with verifiers as they are now. The status is the caller's to write: where that fails, workloads are told again, which
// changes nothing in them.
//
// The duration says when to try again; zero: when something changes. The error is what is not the user's to mend.
func (p *Phase) Reconcile(ctx context.Context, app *v1alpha1.Application) (time.Duration, error) {
	var after time.Duration
	for i := range app.Status.Versions {
		spec, entry := &app.Spec.Versions[i], &app.Status.Versions[i]
		current := currentOf(entry)
		switch {
		case len(spec.Workloads) == 0:
			entry.WorkloadsCredentialID = ""
			meta.RemoveStatusCondition(&entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
		case current == "":
			// Nothing that pods could have: what they were told of last stays to be compared with.
		default:
			again, err := p.bringUp(ctx, app, spec, entry, current)
			if err != nil {
				return 0, err
			}
			after = max(after, again)
		}
	}
	return after, nil
}

// bringUp tells the version's workloads of a credential that is new to them. Where none is, it finds out once whether that
// could be done, so that a wrong name or a missing role is known before the first rotation.
func (p *Phase) bringUp(
	ctx context.Context, app *v1alpha1.Application,
	spec *v1alpha1.ApplicationVersion, entry *v1alpha1.ApplicationVersionStatus, current string,
) (time.Duration, error) {
	rotated := entry.WorkloadsCredentialID != "" && entry.WorkloadsCredentialID != current
	if !rotated && isUpdated(entry, app.Generation) {
		return 0, nil
	}
	var missing []string
	var err error
	if rotated {
		missing, err = p.tell(ctx, app, spec, current)
	} else {
		missing, err = p.try(ctx, app, spec)
	}
	switch {
	case apierrors.IsForbidden(err):
		p.report(app, entry, v1alpha1.ReasonWorkloadsForbidden, fmt.Sprintf(
			"after a rotation pods go on with the secret they have until its overlap ends: roll the workloads by hand, or ask the "+
				"platform operator to bind ClusterRole %s to the operator (%v)", Role, err))
		return retry, nil
	case err != nil:
		return 0, err
	case len(missing) > 0:
		p.report(app, entry, v1alpha1.ReasonWorkloadNotFound, fmt.Sprintf(
			"spec.versions[%s].workloads names %s, which is not in the namespace: create it, or correct the name",
			spec.Version, strings.Join(missing, ", ")))
		entry.WorkloadsCredentialID = current // those that are there were told; a later one starts with it anyway
		return retry, nil
	}
	p.report(app, entry, v1alpha1.ReasonWorkloadsUpdated, "the workloads are up to credential "+current+", and roll when it is replaced")
	entry.WorkloadsCredentialID = current
	return 0, nil
}

func isUpdated(entry *v1alpha1.ApplicationVersionStatus, generation int64) bool {
	updated := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
	return updated != nil && updated.Status == metav1.ConditionTrue && updated.ObservedGeneration == generation
}

// currentOf returns the id of the credential that stands in the Secret, or "".
func currentOf(entry *v1alpha1.ApplicationVersionStatus) string {
	if len(entry.Verifiers) == 0 || entry.Verifiers[0].DeliveryTime == nil || entry.Verifiers[0].ExpirationTime != nil {
		return ""
	}
	return entry.Verifiers[0].ID
}

// tell writes the credential's id into the pod template of each workload, and returns those that are not there. A patch that
// says what is there already changes nothing, not even a resourceVersion, so that nothing has to be read.
func (p *Phase) tell(
	ctx context.Context, app *v1alpha1.Application, version *v1alpha1.ApplicationVersion, id string,
) (missing []string, err error) {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationCredentialID: id}},
	}}})
	if err != nil {
		return nil, fmt.Errorf("writing a patch: %w", err)
	}
	missing, err = p.patch(ctx, app, version, patch)
	if err == nil {
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventUpdated, actionUpdate,
			"the workloads of version %s roll to credential %s", version.Version, id)
	}
	return missing, err
}

// try finds out whether tell could be done, and changes nothing.
func (p *Phase) try(ctx context.Context, app *v1alpha1.Application, version *v1alpha1.ApplicationVersion) ([]string, error) {
	return p.patch(ctx, app, version, []byte("{}"), client.DryRunAll)
}

// patch patches each workload and returns those that are not there. A merge patch makes no workload, as server-side apply
// would.
func (p *Phase) patch(
	ctx context.Context, app *v1alpha1.Application, version *v1alpha1.ApplicationVersion, patch []byte, options ...client.PatchOption,
) (missing []string, err error) {
	for _, workload := range version.Workloads {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(string(workload.Kind)))
		object.Namespace, object.Name = app.Namespace, workload.Name
		err := p.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), options...)
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, string(workload.Kind)+" "+workload.Name)
		case err != nil:
			return nil, fmt.Errorf("patching %s %s: %w", workload.Kind, workload.Name, err)
		}
	}
	return missing, nil
}

func (p *Phase) report(
	app *v1alpha1.Application, entry *v1alpha1.ApplicationVersionStatus, reason v1alpha1.Reason, message string,
) {
	status := metav1.ConditionFalse
	if reason == v1alpha1.ReasonWorkloadsUpdated {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&entry.Conditions, metav1.Condition{
		Type: string(v1alpha1.ConditionWorkloadsUpdated), Status: status, Reason: string(reason), Message: message,
		ObservedGeneration: app.Generation, LastTransitionTime: metav1.Time{Time: p.Clock.Now()},
	})
}
