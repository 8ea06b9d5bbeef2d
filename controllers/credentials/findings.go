package credentials

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"countersign.dev/api/v1alpha1"
)

// ready is what the version's condition Ready says.
func (s *step) ready(r *round) finding {
	name := s.name
	switch {
	case s.situation == revoked:
		return finding{r.standing.Revoked.Reason, r.standing.Revoked.Message}
	case s.situation == withoutAccess:
		return found(v1alpha1.ReasonReady, "registered without access: no credentials are due until spec.versions[%s].access is set",
			s.version)
	case s.situation == withoutHost:
		return found(v1alpha1.ReasonTenantNotHosting,
			"the namespace is of no accepted tenant that hosts: credentials are neither issued nor repaired until it is (condition Accepted of the Application says whom to ask)")
	case s.situation == selfHosted:
		return found(v1alpha1.ReasonReady, "the version brings its own verifiers, in spec.versions[%s].verifiers: no Secret is kept for it",
			s.version)
	case s.situation == nameTaken && s.holder != "":
		return found(v1alpha1.ReasonSecretNameConflict, "Secret %s is %s, which has to give it up first", name, s.holder)
	case s.situation == nameTaken && s.stranger != "":
		return found(v1alpha1.ReasonSecretNameConflict,
			"Secret %s says that it was made for the Application of this name with the UID %s, as after a restore; what is in it is "+
				"refused, and Countersign never touches it: delete it to get a new one", name, s.stranger)
	case s.situation == nameTaken:
		return found(v1alpha1.ReasonSecretNameConflict, "Secret %s %s; Countersign never touches it", name, strangers(r.app, s.secret))
	case !s.refused.IsZero():
		return found(v1alpha1.ReasonCredentialsPending, "%s; that is tried again at %s", s.err, readable(s.refused))
	case s.plan.action == pause && s.plan.cause != v1alpha1.CauseRepair:
		return found(v1alpha1.ReasonCredentialsPending,
			"Secret %s gets the credentials at %s: %d secrets are valid, and the overlap of one has to end first; annotation %s does not "+
				"wait, and ends every older secret", name, readable(s.plan.next), len(standing(s.entry.Verifiers, r.now)),
			v1alpha1.AnnotationRotateAndRevoke)
	case s.plan.action == pause:
		return found(v1alpha1.ReasonSecretContested,
			"Secret %s was deleted or changed again and again%s: the next repair is at %s; stop whoever writes it "+
				"(annotation %s does not wait, and ends every older secret)",
			name, lastWriter(cmp.Or(s.secret, s.orphan)), readable(s.plan.next), v1alpha1.AnnotationRotateAndRevoke)
	case !s.contested.IsZero():
		return found(v1alpha1.ReasonSecretContested,
			"Secret %s is changed again and again in something else than its credential%s: it is put right at %s; stop whoever writes it",
			name, lastWriter(s.secret), readable(s.contested))
	case s.err != nil:
		return found(v1alpha1.ReasonCredentialsPending, "%s", s.err)
	}
	return found(v1alpha1.ReasonReady, "the credentials stand in Secret %s", name)
}

// strangers says of a Secret whose name a version wants and whose it is not what that may be, and what to do.
func strangers(app string, secret *corev1.Secret) string {
	if key, ours := ApplicationOf(secret); ours && key.Name == app {
		return fmt.Sprintf("is of this application, and its annotations do not say that it is this version's (%s, %s): set them again, or "+
			"delete it to get a new one", v1alpha1.AnnotationVersion, v1alpha1.AnnotationApplicationUID)
	} else if ours {
		return fmt.Sprintf("says that it holds credentials of application %s, and is not this version's: give the version "+
			"another secretName, or delete the Secret if nobody needs it", key.Name)
	}
	return fmt.Sprintf("exists, has type %q, and is not this version's: delete or rename it, or give the version another secretName",
		secret.Type)
}

// pending is what the version's condition RotationPending says: nil where no rotation waits, and no annotation is in vain.
func (s *step) pending(now time.Time) *finding {
	f := s.waiting(now)
	if len(s.wish.again) == 0 {
		return f
	}
	vain := fmt.Sprintf("annotation %s: this word was acted on before, and each is acted on once; choose another",
		strings.Join(s.wish.again, ", and "))
	if f != nil {
		f.message += "; " + vain
		return f
	}
	return &finding{v1alpha1.ReasonInvalidAnnotation, vain}
}

// waiting says which rotation waits, and for what. Nil: none does.
func (s *step) waiting(now time.Time) *finding {
	why, waits := s.rotationDue(now)
	var f finding
	switch {
	case !waits:
		return nil
	case s.situation == nameTaken:
		f = found(v1alpha1.ReasonSecretNameConflict, "%s, which waits until Secret %s can be written (condition Ready)", why, s.name)
	case s.err != nil:
		f = found(v1alpha1.ReasonCredentialsPending, "%s, which waits until Secret %s can be written (condition Ready)", why, s.name)
	case s.plan.action == pause:
		f = found(v1alpha1.ReasonCredentialsPending, "%s, which waits for what is due at %s anyway (condition Ready)",
			why, readable(s.plan.next))
	case room(s.entry.Verifiers, now).IsZero():
		return nil // it is made in the next look, which this one's write brings about
	default:
		verifiers := s.entry.Verifiers
		f = found(v1alpha1.ReasonOverlapNotEnded,
			"%s, which waits until %s: %d secrets are valid, and the overlap of one has to end first; annotation %s does not wait",
			why, readable(room(verifiers, now)), len(standing(verifiers, now)), v1alpha1.AnnotationRotateAndRevoke)
	}
	return &f
}

// rotationDue reports whether a rotation is due or asked for that was not made, and why.
func (s *step) rotationDue(now time.Time) (string, bool) {
	verifiers := s.entry.Verifiers
	if s.situation != entitled && s.situation != nameTaken || len(verifiers) == 0 || verifiers[0].ExpirationTime != nil {
		return "", false
	}
	if s.wish.asks(s.entry.Rotated, verifiers) {
		return fmt.Sprintf("annotation %s asks for a rotation (%s)", v1alpha1.AnnotationRotate, s.wish.rotate), true
	}
	return "a rotation is due by age", s.wish.interval > 0 && !now.Before(verifiers[0].IssueTime.Add(s.wish.interval))
}

// expiring is what the version's condition CredentialExpiring says: nil where nothing ends without a successor.
func (s *step) expiring(now time.Time) *finding {
	end := lastEnd(s.stated)
	if s.situation != selfHosted || now.Before(end.Add(-warnBefore)) {
		return nil
	}
	f := found(v1alpha1.ReasonEndsWithoutSuccessor,
		"the last credential ends at %s: add another to spec.versions[%s].verifiers (kubectl countersign credentials new)",
		readable(end), s.version)
	if !now.Before(end) {
		f = found(v1alpha1.ReasonCredentialsExpired,
			"the last credential ended at %s: add another to spec.versions[%s].verifiers (kubectl countersign credentials new)",
			readable(end), s.version)
	}
	return &f
}

// lastWriter names the foreign field manager that wrote the Secret last, where there is one. Of who deleted it, nothing is
// known.
func lastWriter(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	var name string
	var last time.Time
	for _, entry := range secret.ManagedFields {
		if entry.Manager != v1alpha1.FieldManager && entry.Manager != templateManager && entry.Time != nil && !entry.Time.Time.Before(last) {
			name, last = entry.Manager, entry.Time.Time
		}
	}
	if name == "" {
		return " (by no other field manager: is there a second operator, with another issuer?)"
	}
	return fmt.Sprintf(" (last by the field manager %q)", name)
}
