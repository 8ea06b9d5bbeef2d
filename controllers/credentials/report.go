package credentials

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

// Reasons of events on Applications, and what was done. They are API.
const (
	// eventIssued: a version has its first credential.
	eventIssued = "CredentialIssued"
	// eventReplaced: a Secret was lost or changed, and has a new credential.
	eventReplaced = "CredentialReplaced"
	// eventRebuilt: status was lost, and has the Secret's credential again.
	eventRebuilt = "VerifierRebuilt"
	// eventRemoved: a Secret went with its version or access.
	eventRemoved = "SecretRemoved"

	actionIssue  = "Issue"
	actionRepair = "Repair"
	actionRemove = "Remove"
	actionWait   = "Wait"
)

// tell says in an event what was done for a version.
func (p *Phase) tell(app *v1alpha1.Application, s *step) {
	name := secretName(app.Name, s.version)
	switch {
	case s.plan.action == issue && s.plan.lost:
		p.Events.Eventf(app, nil, corev1.EventTypeWarning, eventReplaced, actionRepair,
			"Secret %s was deleted or changed: it has the new credential %s, and the former one stays valid until %s",
			name, s.verifiers[0].ID, s.verifiers[1].ExpirationTime.UTC().Format(time.RFC3339))
	case s.plan.action == issue:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventIssued, actionIssue,
			"Secret %s has the credential %s of version %s", name, s.verifiers[0].ID, s.version)
	case s.plan.action == rebuild:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventRebuilt, actionRepair,
			"the verifier of version %s was lost and is rebuilt from Secret %s: nothing rotates", s.version, name)
	}
}

// report sets the condition Ready of each version, and tells of one that became worse.
func (p *Phase) report(app *v1alpha1.Application, r *round) {
	for i, s := range r.steps {
		conditions := &app.Status.Versions[i].Conditions
		former := meta.FindStatusCondition(*conditions, string(v1alpha1.ConditionReady))
		ready := s.ready(app.Name)
		if isTrouble(ready.Reason) && (former == nil || former.Reason != ready.Reason) {
			p.Events.Eventf(app, nil, corev1.EventTypeWarning, ready.Reason, actionWait, "%s", ready.Message)
		}
		ready.ObservedGeneration = app.Generation
		ready.LastTransitionTime = metav1.Time{Time: r.now}
		meta.SetStatusCondition(conditions, ready)
	}
}

func isTrouble(reason string) bool {
	return reason == string(v1alpha1.ReasonSecretNameConflict) || reason == string(v1alpha1.ReasonSecretContested)
}

func (s *step) ready(application string) metav1.Condition {
	name := secretName(application, s.version)
	switch {
	case s.situation == withoutAccess:
		return readyIs(v1alpha1.ReasonReady, "registered without access: no credentials are due until spec.versions[%s].access is set",
			s.version)
	case s.situation == withoutHost:
		return readyIs(v1alpha1.ReasonTenantNotHosting,
			"no accepted tenant hosts this application: credentials are neither issued nor repaired until one does")
	case s.situation == nameTaken:
		return readyIs(v1alpha1.ReasonSecretNameConflict,
			"Secret %s exists, has type %q, and is not this version's: delete or rename it; Countersign never touches it",
			name, s.secret.Type)
	case s.plan.action == pause:
		return readyIs(v1alpha1.ReasonSecretContested,
			"Secret %s was deleted or changed again and again%s: the next repair is at %s; stop whoever writes it",
			name, lastWriter(s.secret), s.plan.next.UTC().Format(time.RFC3339))
	case s.err != nil:
		return readyIs(v1alpha1.ReasonCredentialsPending, "%s", s.err)
	}
	return readyIs(v1alpha1.ReasonReady, "the credentials stand in Secret %s", name)
}

func readyIs(reason v1alpha1.Reason, format string, args ...any) metav1.Condition {
	status := metav1.ConditionFalse
	if reason == v1alpha1.ReasonReady {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{
		Type: string(v1alpha1.ConditionReady), Status: status, Reason: string(reason), Message: fmt.Sprintf(format, args...),
	}
}

// lastWriter names the foreign field manager that wrote the Secret last, where there is one.
func lastWriter(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	var name string
	var last time.Time
	for _, entry := range secret.ManagedFields {
		if entry.Manager != fieldManager && entry.Time != nil && !entry.Time.Time.Before(last) {
			name, last = entry.Manager, entry.Time.Time
		}
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" (last by the field manager %q)", name)
}
