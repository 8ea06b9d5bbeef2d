package workloads

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

const (
	// maxCause is how many bytes of an error are in a condition: what an admission webhook answers has no bound, and a
	// condition has one.
	maxCause = 512
	// causesFollow stands between what is the same at each trial and the errors, which may not be.
	causesFollow = "; the API server says: "
)

// outcome is what came of telling the workloads of a version.
type outcome struct {
	version v1alpha1.VersionName
	current string

	// known is what each workload knows now, and tell how many were told just now.
	known []v1alpha1.ToldWorkload
	tell  int

	missing, forbidden, failed []string
	// causes are the errors of those that are forbidden or failed, errs those of the latter.
	causes []string
	errs   []error
}

// add adds what came of one workload.
func (o *outcome) add(workload v1alpha1.Workload, knows string, told bool, err error) {
	name := string(workload.Kind) + " " + workload.Name
	o.known = append(o.known, v1alpha1.ToldWorkload{Workload: workload, CredentialID: knows})
	if told {
		o.tell++
	}
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		o.missing = append(o.missing, name)
	case apierrors.IsForbidden(err):
		o.forbidden, o.causes = append(o.forbidden, name), append(o.causes, shortened(err))
	default:
		o.failed, o.causes = append(o.failed, name), append(o.causes, shortened(err))
		o.errs = append(o.errs, fmt.Errorf("patching %s: %w", name, err))
	}
}

// complete reports whether every workload knows the current credential.
func (o *outcome) complete() bool {
	for _, workload := range o.known {
		if workload.CredentialID != o.current {
			return false
		}
	}
	return true
}

// note writes into status what the workloads know: one id where all know the same.
func (o *outcome) note(entry *v1alpha1.ApplicationVersionStatus) {
	entry.WorkloadsTold = nil
	if o.complete() {
		entry.WorkloadsCredentialID = o.current
		return
	}
	for _, workload := range o.known {
		if workload.CredentialID != entry.WorkloadsCredentialID {
			entry.WorkloadsTold = append(entry.WorkloadsTold, workload)
		}
	}
}

func (o *outcome) reason() v1alpha1.Reason {
	switch {
	case len(o.failed) > 0:
		return v1alpha1.ReasonWorkloadUpdateFailed
	case len(o.forbidden) > 0:
		return v1alpha1.ReasonWorkloadsForbidden
	case len(o.missing) > 0:
		return v1alpha1.ReasonWorkloadNotFound
	}
	return v1alpha1.ReasonWorkloadsUpdated
}

// message says what the reason is about. Errors that say the same in other words at each trial would make each trial write the
// status, and each write wake the next trial: while only they differ, the message stays as it was before.
func (o *outcome) message(before *metav1.Condition) string {
	message := strings.Join(o.sentences(), "; ")
	if len(o.causes) == 0 {
		return message
	}
	message += causesFollow
	if before != nil && strings.HasPrefix(before.Message, message) {
		return before.Message
	}
	return message + strings.Join(o.causes, "; ")
}

func (o *outcome) sentences() (all []string) {
	if o.reason() == v1alpha1.ReasonWorkloadsUpdated {
		return []string{"the workloads were told of every rotation since they were listed, up to credential " + o.current +
			", and are when it is replaced"}
	}
	if len(o.failed) > 0 {
		all = append(all, "patching "+strings.Join(o.failed, ", ")+" fails, and is tried again with growing pauses")
	}
	if len(o.forbidden) > 0 {
		all = append(all, fmt.Sprintf("patching %s is forbidden: where the operator \"cannot patch\" it, ask the platform operator to "+
			"bind ClusterRole %s to the operator; any other answer is that of an admission policy", strings.Join(o.forbidden, ", "), Role))
	}
	if len(o.missing) > 0 {
		all = append(all, fmt.Sprintf("spec.versions[%s].workloads names %s, which is not in the namespace: create it, or correct the "+
			"name", o.version, strings.Join(o.missing, ", ")))
	}
	if !o.complete() {
		return append(all, "credential "+o.current+" is still theirs to hear of: their pods go on with the secret they have until its "+
			"overlap ends, if you do not roll them by hand")
	}
	return append(all, "after a rotation their pods would go on with the secret they have until its overlap ends, if you did not roll "+
		"them by hand")
}

// shortened returns the text of an error as a condition can have it.
func shortened(err error) string {
	text := err.Error()
	if len(text) <= maxCause {
		return text
	}
	return strings.ToValidUTF8(text[:maxCause], "") + " …"
}
