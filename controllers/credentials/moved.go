package credentials

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/environment"
)

// A version's Secret gets another name in an order of its own: the credential under the new name first, as any other one is
// issued, and then the former Secret goes. Where two versions swap their names, each former Secret has to go first; what was
// in it stays valid as a previous credential.

// movedOf returns the Secrets of the version that have another name than the one that it is to have, newest first.
func movedOf(
	secrets map[string]*corev1.Secret, app *v1alpha1.Application, version v1alpha1.VersionName, name string,
) []*corev1.Secret {
	var moved []*corev1.Secret
	for _, secret := range secrets {
		if secret.Name != name && secret.DeletionTimestamp == nil && isOf(secret, app, version) {
			moved = append(moved, secret)
		}
	}
	slices.SortFunc(moved, func(a, b *corev1.Secret) int {
		issued := cmp.Compare(b.Annotations[v1alpha1.AnnotationIssueTime], a.Annotations[v1alpha1.AnnotationIssueTime])
		return cmp.Or(issued, cmp.Compare(a.Name, b.Name))
	})
	return moved
}

// formerNames are the other names under which there may be a Secret of the version.
func (s *step) formerNames() []string {
	var names []string
	if s.former.SecretName != "" {
		names = append(names, s.former.SecretName)
	}
	for _, secret := range s.moved {
		names = append(names, secret.Name)
	}
	return names
}

// hasSecret reports whether there is a Secret of the version's, under whatever name.
func (s *step) hasSecret() bool { return s.secret != nil || len(s.moved) > 0 }

// content is what stands in the version's Secret, which can be nil, and in those of its former names. Where status was lost
// and there is no Secret of the name, the newest of the others stands for it.
func (s *step) content(app *v1alpha1.Application, secret *corev1.Secret) content {
	key := environment.ClientSecretOf(app.Spec.CredentialPolicy.Environment)
	c := contentOf(secret, key)
	c.late = (app.Status.ObservedGeneration > 0 || len(app.Status.Versions) > 0) && !hasEntry(app, s.version)
	for _, moved := range s.moved {
		c.former = append(c.former, contentOf(moved, key))
	}
	if len(c.former) == 0 {
		return c
	}
	c.absent = false
	if secret == nil && len(s.former.Verifiers) == 0 {
		c.candidate, c.revoked = c.former[0].candidate, c.former[0].revoked
	}
	return c
}

// wait plans for a version that nobody hosts, or whose Secret's name somebody else has. Pods go on with what they have, and
// with what stands under a former name.
func (s *step) wait(app *v1alpha1.Application, now time.Time) {
	s.entry.Verifiers = prune(s.former.Verifiers, now)
	if len(s.former.Verifiers) > 0 && s.wish.revokes(s.former) {
		s.revoke(now)
		s.noteWords()
		return
	}
	if s.situation != nameTaken {
		if s.isUnsaid() && s.content(app, s.secret).held(s.former.Verifiers[0]) {
			s.entry.Verifiers = delivered(s.entry.Verifiers, now, overlapOf(app)) // whoever deletes the Secret then, pods have it
			s.noteRotated(s.former.Verifiers[0].Nonce)
		}
		return
	}
	if holder := v1alpha1.VersionName(s.secret.Annotations[v1alpha1.AnnotationVersion]); isOf(s.secret, app, holder) {
		s.holder = fmt.Sprintf("version %s's", holder)
	}
	if isBinding(s.secret, app) {
		s.holder = "the binding's"
	}
	s.stranger = strangerOf(s.secret, app)
	c := s.content(app, nil)
	switch {
	case s.isUnsaid():
		s.entry.Verifiers = prune(withoutLost(s.former.Verifiers, c), now)
		if known := s.entry.Verifiers; len(known) > 0 && known[0].DeliveryTime == nil {
			s.entry.Verifiers = delivered(known, now, overlapOf(app))
			s.noteRotated(known[0].Nonce)
		}
	case c.isBelieved(s.former, s.wish):
		s.plan, s.text = plan{action: rebuild}, *c.candidate
	}
}

// isUnsaid reports whether status does not say yet that the newest credential came into a Secret: perhaps none did.
func (s *step) isUnsaid() bool {
	return len(s.former.Verifiers) > 0 && s.former.Verifiers[0].DeliveryTime == nil
}

// noteFormer says of what stands in a Secret of a former name that it was delivered: that Secret may go before the other one
// comes, and pods have what was in it.
func (s *step) noteFormer(now time.Time) {
	for i := range s.entry.Verifiers {
		if s.entry.Verifiers[i].DeliveryTime == nil {
			s.entry.Verifiers[i].DeliveryTime = timestamp(now)
		}
	}
}

// reportedName is what status calls the Secret: under a new name once the credential is there.
func (s *step) reportedName() string {
	switch {
	case !s.keepsSecret() || s.wish.moves && !s.arrived && s.givenUp:
		return ""
	case s.situation == withoutHost:
		return s.former.SecretName // none is made where there was none
	case s.wish.moves && !s.arrived && len(s.moved) > 0:
		return s.moved[0].Name
	case s.wish.moves && !s.arrived:
		return s.former.SecretName
	case s.situation == nameTaken && s.former.SecretName != s.name:
		return "" // it never was the version's: whoever mounts it would mount somebody else's
	}
	return s.name
}

// needs reports whether the Secret, which was made for the version, is still to be there.
func (s *step) needs(secret *corev1.Secret, wantedElsewhere bool) bool {
	switch {
	case !s.keepsSecret():
		return false
	case secret.Name == s.name || s.situation == withoutHost:
		return true
	case s.situation == nameTaken && len(s.entry.Verifiers) == 0 && s.plan.action != rebuild:
		return false // what is in it was revoked
	case wantedElsewhere:
		// What status does not know to be delivered would be taken for one that nobody ever had.
		unsaid := s.plan.action != issue && s.isUnsaid() && contentOf(secret, "").held(s.former.Verifiers[0])
		return unsaid || s.situation == nameTaken && s.plan.action == rebuild
	}
	return !s.arrived || s.plan.action != keep
}
