package credentials

import (
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

	// Actions, which events.k8s.io wants beside the reason.
	actionIssue  = "Issue"
	actionRotate = "Rotate"
	actionRepair = "Repair"
	actionMove   = "Move"
	actionEnd    = "End"
	actionRevoke = "Revoke"
	actionRemove = "Remove"
	actionWait   = "Wait"

	// maxNote and maxAction are how many bytes the API server lets the note and the action of an event have.
	maxNote   = 1024
	maxAction = 128
)

// event tells something. What it is about, as a credential's id, is part of the action: events that agree in reason and action
// are made one, with the note of the first, and each credential's matter.
func (p *Phase) event(app *v1alpha1.Application, kind, reason, action, about, note string, args ...any) {
	if about != "" {
		action += " " + about
	}
	p.Events.Eventf(app, nil, kind, reason, shortened(action, maxAction), "%s", shortened(fmt.Sprintf(note, args...), maxNote))
}

// tell says in an event that a credential has arrived in its Secret, also where a crash came before the delivery was noted.
func (p *Phase) tell(app *v1alpha1.Application, s *step) {
	name, newest := s.name, s.entry.Verifiers[0]
	switch newest.Cause {
	case v1alpha1.CauseRepair:
		p.event(app, corev1.EventTypeWarning, eventReplaced, actionRepair, newest.ID,
			"Secret %s was deleted or changed: it has the new credential %s%s", name, newest.ID, s.untilWhen())
	case v1alpha1.CauseRotation:
		p.event(app, corev1.EventTypeNormal, eventRotated, actionRotate, newest.ID,
			"Secret %s has the new credential %s of version %s%s", name, newest.ID, s.version, s.untilWhen())
	case v1alpha1.CauseMove:
		p.event(app, corev1.EventTypeNormal, eventMoved, actionMove, newest.ID,
			"Secret %s has the new credential %s of version %s, which had no Secret of that name%s", name, newest.ID, s.version, s.untilWhen())
	case v1alpha1.CauseRebuild:
		p.event(app, corev1.EventTypeNormal, eventRebuilt, actionRepair, newest.ID,
			"the verifier of version %s was lost and is rebuilt from Secret %s: nothing rotates", s.version, name)
	case v1alpha1.CauseIssue:
		p.event(app, corev1.EventTypeNormal, eventIssued, actionIssue, newest.ID,
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
	p.event(app, corev1.EventTypeNormal, eventRevoked, actionRevoke, string(s.version)+" "+readable(s.entry.RevocationTime.Time),
		"version %s: every credential that was made before %s is refused from now on",
		s.version, readable(s.entry.RevocationTime.Time))
}

// tellEnds says which overlaps are over, and to whom rotations do not apply.
func (p *Phase) tellEnds(app *v1alpha1.Application, s *step, now time.Time) {
	for _, v := range s.former.Verifiers {
		if hasEnded(v, now) && p.ends.isNew(client.ObjectKeyFromObject(app), v, now) {
			p.event(app, corev1.EventTypeNormal, eventEnded, actionEnd, v.ID,
				"the overlap of credential %s of version %s ended at %s", v.ID, s.version, readable(v.ExpirationTime.Time))
		}
	}
	if s.situation == selfHosted && (s.wish.revokes(s.former) || s.wish.rotate != "" && s.wish.rotate != s.former.Rotated) {
		p.event(app, corev1.EventTypeWarning, eventNotRotated, actionRotate, string(s.version),
			"version %s brings its own verifiers: replace them in spec.versions[%s].verifiers; taking one out revokes it",
			s.version, s.version)
	}
}

// endings remembers which ends were told, since what has ended stays in status for a while. It is forgotten in a restart: an end
// can be told twice.
type endings struct {
	mu   sync.Mutex
	told map[types.NamespacedName]map[string]time.Time
}

func newEndings() *endings { return &endings{told: map[types.NamespacedName]map[string]time.Time{}} }

// isNew reports whether nobody was told of the verifier's end, and takes it that somebody is now.
func (e *endings) isNew(app types.NamespacedName, v v1alpha1.Verifier, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	told := e.told[app]
	if _, found := told[v.ID]; found {
		return false
	}
	if told == nil {
		told = map[string]time.Time{}
		e.told[app] = told
	}
	maps.DeleteFunc(told, func(_ string, ended time.Time) bool { return now.After(ended.Add(2 * remembered)) })
	told[v.ID] = v.ExpirationTime.Time
	return true
}

// forget drops what is known of an application that goes.
func (e *endings) forget(app types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.told, app)
}

func readable(t time.Time) string { return t.UTC().Format(time.RFC3339) }
