package credentials

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"countersign.dev/api/v1alpha1"
)

// Reasons of events on Applications, and what was done. They are API.
const (
	// eventIssued: a version has its first credential.
	eventIssued = "CredentialIssued"
	// eventRotated: a version has a new credential, by its age or because somebody asked.
	eventRotated = "CredentialRotated"
	// eventReplaced: a Secret was lost or changed, and has a new credential.
	eventReplaced = "CredentialReplaced"
	// eventMoved: a version's Secret has another name, and with it a new credential.
	eventMoved = "SecretMoved"
	// eventRebuilt: status was lost, and has the Secret's credential again.
	eventRebuilt = "VerifierRebuilt"
	// eventEnded: the overlap of a previous credential is over.
	eventEnded = "CredentialEnded"
	// eventRevoked: every credential that a version had was ended at once.
	eventRevoked = "CredentialsRevoked"
	// eventRemoved: a Secret went, because no version keeps its credentials in it any more.
	eventRemoved = "SecretRemoved"
	// eventNotRotated: somebody asked for a rotation where Countersign makes no credentials.
	eventNotRotated = "NotRotated"

	actionIssue  = "Issue"
	actionRotate = "Rotate"
	actionRepair = "Repair"
	actionMove   = "Move"
	actionEnd    = "End"
	actionRevoke = "Revoke"
	actionRemove = "Remove"
	actionWait   = "Wait"
)

// tell says in an event that a credential has arrived in its Secret, also where a crash came before the delivery was noted.
func (p *Phase) tell(app *v1alpha1.Application, s *step) {
	name, newest := s.name, s.entry.Verifiers[0]
	switch newest.Cause {
	case v1alpha1.CauseRepair:
		p.Events.Eventf(app, nil, corev1.EventTypeWarning, eventReplaced, actionRepair,
			"Secret %s was deleted or changed: it has the new credential %s%s", name, newest.ID, s.untilWhen())
	case v1alpha1.CauseRotation:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventRotated, actionRotate,
			"Secret %s has the new credential %s of version %s%s", name, newest.ID, s.version, s.untilWhen())
	case v1alpha1.CauseMove:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventMoved, actionMove,
			"Secret %s has the new credential %s of version %s, whose Secret had another name%s", name, newest.ID, s.version, s.untilWhen())
	case v1alpha1.CauseRebuild:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventRebuilt, actionRepair,
			"the verifier of version %s was lost and is rebuilt from Secret %s: nothing rotates", s.version, name)
	case v1alpha1.CauseIssue:
		p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventIssued, actionIssue,
			"Secret %s has the credential %s of version %s", name, newest.ID, s.version)
	}
}

// untilWhen says how long the secret before the newest is good for.
func (s *step) untilWhen() string {
	if len(s.entry.Verifiers) < 2 || s.entry.Verifiers[1].ExpirationTime == nil {
		return ""
	}
	return ", and the former one stays valid until " + readable(s.entry.Verifiers[1].ExpirationTime.Time)
}

func (p *Phase) tellRevoked(app *v1alpha1.Application, s *step) {
	p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventRevoked, actionRevoke,
		"version %s: every credential that was made before %s is refused from now on",
		s.version, readable(s.entry.RevocationTime.Time))
}

// tellEnds says which overlaps are over, and to whom rotations do not apply.
func (p *Phase) tellEnds(app *v1alpha1.Application, s *step, now time.Time) {
	for _, v := range s.former.Verifiers {
		still := slices.ContainsFunc(s.entry.Verifiers, func(w v1alpha1.Verifier) bool { return w.ID == v.ID })
		if v.ExpirationTime != nil && !still && !now.Before(v.ExpirationTime.Time) {
			p.Events.Eventf(app, nil, corev1.EventTypeNormal, eventEnded, actionEnd,
				"the overlap of credential %s of version %s ended at %s", v.ID, s.version, readable(v.ExpirationTime.Time))
		}
	}
	if s.situation == selfHosted && (s.wish.revokes(s.former) || s.wish.rotate != "" && s.wish.rotate != s.former.Rotated) {
		p.Events.Eventf(app, nil, corev1.EventTypeWarning, eventNotRotated, actionRotate,
			"version %s brings its own verifiers: replace them in spec.versions[%s].verifiers; taking one out revokes it",
			s.version, s.version)
	}
}

func readable(t time.Time) string { return t.UTC().Format(time.RFC3339) }
