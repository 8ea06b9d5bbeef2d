package workloads

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const (
	// Role is the optional ClusterRole that lets the operator do this.
	Role = "countersign-operator-workloads"

	// Nobody tells when the role is bound or a workload is created, so that is tried again: first after firstPause, then after
	// as long as it has been so, at most after longPause while a rotation waits to be told, and idlePause while none does.
	firstPause = 5 * time.Minute
	longPause  = time.Hour
	idlePause  = 24 * time.Hour

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
// status.versions[].workloadsCredentialID and workloadsTold and the condition WorkloadsUpdated. App.Status.Versions is in the
// order of its spec, with verifiers as they are now; before is the application as it was when this look began. The status is the caller's to write, also after an error: where that
// fails, workloads are told again, which changes nothing in them.
//
// The duration says when to try again; zero: when something changes. The error is what is not the user's to mend; all
// that could be done was done beside it.
func (p *Phase) Reconcile(ctx context.Context, before, app *v1alpha1.Application) (time.Duration, error) {
	var after time.Duration
	var errs []error
	for i := range app.Status.Versions {
		spec, entry := &app.Spec.Versions[i], &app.Status.Versions[i]
		current := currentOf(entry)
		if len(spec.Workloads) == 0 {
			entry.WorkloadsCredentialID, entry.WorkloadsTold = "", nil
		}
		if len(spec.Workloads) == 0 || current == nil {
			// Nothing that pods could have. What they were told of last stays to be compared with.
			meta.RemoveStatusCondition(&entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
			continue
		}
		again, err := p.bringUp(ctx, app, spec, entry, current, formerOf(before, spec.Version))
		if again != 0 && (after == 0 || again < after) {
			after = again
		}
		errs = append(errs, err)
	}
	return after, errors.Join(errs...)
}

// bringUp tells the version's workloads of a credential that is new to them. Where none is, it finds out once whether that
// could be done, so that a wrong name or a missing role is known before the first rotation.
func (p *Phase) bringUp(
	ctx context.Context, app *v1alpha1.Application,
	spec *v1alpha1.ApplicationVersion, entry *v1alpha1.ApplicationVersionStatus, current *v1alpha1.Verifier, former string,
) (time.Duration, error) {
	switch {
	case entry.WorkloadsCredentialID == "":
		entry.WorkloadsCredentialID = cmp.Or(former, current.ID) // no rotation is missed, whatever comes of the trial
	case entry.WorkloadsCredentialID == current.ID && len(entry.WorkloadsTold) == 0 && isUpdated(entry, app.Generation):
		return 0, nil
	}
	found := outcome{version: spec.Version, current: current.ID}
	for _, workload := range spec.Workloads {
		knows := knownTo(workload, entry)
		told, err := p.tell(ctx, app.Namespace, workload, current, knows != current.ID)
		if err == nil {
			knows = current.ID
		}
		found.add(workload, knows, told, err)
	}
	if found.tell > 0 {
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventUpdated, actionUpdate+" "+current.ID,
			"%d of %d workloads of version %s were told of credential %s", found.tell, len(spec.Workloads), spec.Version, current.ID)
	}
	found.note(entry)
	updated := p.report(app, entry, &found)
	if len(found.errs) > 0 || updated.Status == metav1.ConditionTrue {
		return 0, errors.Join(found.errs...)
	}
	limit := longPause
	if found.complete() {
		limit = idlePause
	}
	return min(max(p.Clock.Since(updated.LastTransitionTime.Time), firstPause), limit), nil
}

func isUpdated(entry *v1alpha1.ApplicationVersionStatus, generation int64) bool {
	updated := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
	return updated != nil && updated.Status == metav1.ConditionTrue && updated.ObservedGeneration == generation
}

// formerOf returns the id of the credential that the version's pods could have when this look began, or "": a rotation can be
// asked for together with the list of workloads.
func formerOf(before *v1alpha1.Application, version v1alpha1.VersionName) string {
	for _, entry := range before.Status.Versions {
		for _, v := range entry.Verifiers {
			if entry.Version == version && v.DeliveryTime != nil && v.ExpirationTime == nil {
				return v.ID
			}
		}
	}
	return ""
}

// currentOf returns the credential that stands in the Secret, or nil.
func currentOf(entry *v1alpha1.ApplicationVersionStatus) *v1alpha1.Verifier {
	if len(entry.Verifiers) == 0 || entry.Verifiers[0].DeliveryTime == nil || entry.Verifiers[0].ExpirationTime != nil {
		return nil
	}
	return &entry.Verifiers[0]
}

// knownTo returns the id of the credential that the workload was told of last. One that was listed after the others counts
// as one of them: where they wait to be told, it cannot be seen whether it stands for one of them whose name was wrong.
func knownTo(workload v1alpha1.Workload, entry *v1alpha1.ApplicationVersionStatus) string {
	i := slices.IndexFunc(entry.WorkloadsTold, func(told v1alpha1.ToldWorkload) bool { return told.Workload == workload })
	if i < 0 {
		return entry.WorkloadsCredentialID
	}
	return entry.WorkloadsTold[i].CredentialID
}

// report sets the condition and returns it.
func (p *Phase) report(app *v1alpha1.Application, entry *v1alpha1.ApplicationVersionStatus, found *outcome) *metav1.Condition {
	status, reason := metav1.ConditionFalse, found.reason()
	if reason == v1alpha1.ReasonWorkloadsUpdated {
		status = metav1.ConditionTrue
	}
	before := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
	meta.SetStatusCondition(&entry.Conditions, metav1.Condition{
		Type: string(v1alpha1.ConditionWorkloadsUpdated), Status: status, Reason: string(reason), Message: found.message(before),
		ObservedGeneration: app.Generation, LastTransitionTime: metav1.Time{Time: p.Clock.Now()},
	})
	return meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionWorkloadsUpdated))
}
