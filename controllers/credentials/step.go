package credentials

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// situation says whether a version is to have credentials.
type situation string

const (
	// entitled: the version has access, and a tenant hosts it.
	entitled situation = "entitled"
	// revoked: the application as a whole has lost its credentials.
	revoked situation = "revoked"
	// withoutAccess: the version is registered alone.
	withoutAccess situation = "without access"
	// withoutHost: no accepted tenant hosts the application; its Secrets are not touched.
	withoutHost situation = "without host"
	// selfHosted: the version brings verifiers of its own, and no Secret is kept for it.
	selfHosted situation = "self-hosted"
	// nameTaken: somebody else's Secret has the name; it is never touched.
	nameTaken situation = "name taken"
)

// step is one version in a round.
type step struct {
	version v1alpha1.VersionName
	// name is what the version's Secret is to be called.
	name      string
	situation situation
	plan      plan
	wish      wish
	// former is what status says, and entry what it is to say; of its conditions, report is the judge.
	former, entry v1alpha1.ApplicationVersionStatus
	// stated are the verifiers of a self-hosted version.
	stated []v1alpha1.SelfHostedVerifier
	// secret is the one of that name, or nil. Only where the situation is nameTaken it is somebody else's.
	secret *corev1.Secret
	// orphan is the one of that name where it was made for an application that is no more.
	orphan *corev1.Secret
	// moved are the Secrets of the version under other names, newest first. They stay until the one of that name has the
	// version's credential.
	moved []*corev1.Secret
	// givenUp says that the newest of them has a name that is another version's now.
	givenUp bool
	// holder says whose the Secret of that name is, where the situation is nameTaken and it is one of the application's own;
	// stranger is the UID of the application of this name that it says it was made for, where that is another one.
	holder   string
	stranger types.UID
	// revoked says that what the version had is revoked in this round.
	revoked bool
	// arrived says that the newest credential stands in the Secret.
	arrived bool
	// data makes the Secret's data for a client secret.
	data func(credential.Secret) map[string][]byte
	// bindingData does so for the Secret of a binding.
	bindingData func(credential.Secret) map[string][]byte
	// text is the client secret that stands in the Secret, or is about to.
	text credential.Secret
	// misshapen says that the Secret has the right credential and differs in something else.
	misshapen bool
	// contested is until when that stays so, because it was put right again and again. Zero: it does not.
	contested time.Time
	// err is why the Secret could not be written, and refused until when that is not tried again. Zero: it is.
	err     error
	refused time.Time
	// tried says that it was tried in this round.
	tried bool
}

func (p *Phase) thinkOf(
	app *v1alpha1.Application, v *v1alpha1.ApplicationVersion, r *round, secrets map[string]*corev1.Secret,
) *step {
	former, name := formerOf(app, v.Version), secretName(app, v)
	s := &step{
		version: v.Version, name: name, situation: situationOf(app, v, r.standing, secrets[name]),
		secret: secrets[name], moved: movedOf(secrets, app, v.Version, name),
		wish: wishFor(app, v.Version, r.asked), former: former, entry: *former.DeepCopy(), stated: v.Verifiers,
	}
	s.wish.moves = former.SecretName != name && (len(s.moved) > 0 || len(former.Verifiers) > 0)
	if s.secret != nil && !isOf(s.secret, app, v.Version) && s.situation != nameTaken {
		s.secret, s.orphan = nil, s.secret
	}
	host := r.standing.Host
	switch {
	case s.situation == withoutAccess:
		s.entry.ClientID = ""
	case host != "":
		s.entry.ClientID = credential.ClientID(host, app.Name, string(v.Version), string(app.UID))
	}
	switch s.situation {
	case revoked, withoutAccess:
		s.revoke(r.now)
	case selfHosted:
		s.retire(r.now, overlapOf(app))
	case withoutHost, nameTaken:
		s.wait(app, r.now)
	case entitled:
		p.thinkOfSecret(app, s, r)
	}
	return s
}

func situationOf(app *v1alpha1.Application, v *v1alpha1.ApplicationVersion, as Standing, secret *corev1.Secret) situation {
	switch {
	case as.Revoked != nil:
		return revoked
	case v.Access == nil:
		return withoutAccess
	case as.Host == "":
		return withoutHost
	case len(v.Verifiers) > 0:
		return selfHosted
	case secret != nil && !isOf(secret, app, v.Version) && !isOrphan(secret, app.Name, app.UID):
		return nameTaken
	}
	return entitled
}

// thinkOfSecret plans for a version whose credential stands in a Secret.
func (p *Phase) thinkOfSecret(app *v1alpha1.Application, s *step, r *round) {
	names, clientID, host := app.Spec.CredentialPolicy.Environment, s.entry.ClientID, r.standing.Host
	told := func(text credential.Secret) facts {
		return facts{
			clientID: clientID, hostTenant: host, application: app.Name, version: string(s.version),
			issuer: p.Issuer, secret: text,
		}
	}
	s.data = func(text credential.Secret) map[string][]byte { return dataFor(names, told(text)) }
	s.bindingData = func(text credential.Secret) map[string][]byte { return bindingFor(told(text)) }
	c := s.content(app, s.secret)
	s.wish.moves = s.wish.moves || c.isElsewhere(s.former)
	s.plan = planFor(s.former, c, s.wish, r.now)
	s.entry.Verifiers = s.plan.verifiers
	switch s.plan.action {
	case keep, deliver:
		s.arrived = true
		s.text, _ = c.find(s.entry.Verifiers[0])
		s.misshapen = !s.shape(app).fits(s.secret)
		if s.misshapen && s.plan.action == keep {
			s.contested = p.mends.until(client.ObjectKeyFromObject(s.secret), r.now)
		}
	case rebuild:
		// Looked at again in the next round, with the verifier in place.
		s.text = *c.candidate
	case issue, pause:
	}
	s.heed(p.refusals.until(client.ObjectKey{Namespace: app.Namespace, Name: s.name}, r.now))
	if known := s.entry.Verifiers; s.plan.action == pause && len(known) > 0 && known[0].DeliveryTime == nil {
		// It is, or was, in a Secret: else it would have been left out. Pods have it, whatever becomes of that one in the pause.
		s.entry.Verifiers = delivered(known, r.now, overlapOf(app))
		s.noteRotated(known[0].Nonce)
	}
}

// heed makes of a write that the API server has refused one that waits until then. A revocation waits for nothing: it is written
// to status, whatever becomes of the Secret.
func (s *step) heed(until time.Time, why error) {
	issues := s.plan.action == issue && !s.plan.revoke
	if until.IsZero() || !issues && (s.plan.action != keep || !s.misshapen) {
		return
	}
	s.refused, s.err = until, why
	if issues {
		s.plan.action, s.plan.next = pause, until
	}
}

// revoke ends every credential that the version has. From then on no Secret is believed that status does not know, so that
// neither a crash before the Secret is removed nor a copy that somebody puts back brings one to life again.
func (s *step) revoke(now time.Time) {
	s.revoked = len(s.former.Verifiers) > 0
	if s.revoked || s.hasSecret() && s.former.RevocationTime == nil {
		s.entry.RevocationTime = timestamp(now)
	}
	s.entry.Verifiers = nil
}

// retire ends the credentials of a version that brings its own, as a rotation would. The newest stays listed while the
// Secret is there, so that the Secret is not believed if the version takes that back.
func (s *step) retire(now time.Time, overlap time.Duration) {
	retired := ended(s.former.Verifiers, now.Add(overlap))
	if s.entry.Verifiers = listed(retired, now); s.hasSecret() {
		s.entry.Verifiers = prune(retired, now)
	}
	if s.wish.revokes(s.former) {
		s.revoke(now)
	}
	if len(s.entry.Verifiers) == 0 && (len(s.former.Verifiers) > 0 || s.wish.revokes(s.former)) {
		s.entry.RevocationTime = timestamp(now) // no copy of the Secret is believed, were it to come back with the version
	}
	s.noteWords()
}

// noteWords says of the words of the annotations that nothing is to be done for them any more.
func (s *step) noteWords() {
	s.noteRotated(s.wish.rotate)
	note(&s.entry.RotatedAndRevoked, &s.entry.RotatedAndRevokedBefore, s.wish.revoke)
}

// noteRotated says that a word of the annotation rotate was acted on.
func (s *step) noteRotated(word string) { note(&s.entry.Rotated, &s.entry.RotatedBefore, word) }

func (s *step) shape(app *v1alpha1.Application) shape {
	newest := s.entry.Verifiers[0]
	rotated := s.entry.Rotated
	if newest.DeliveryTime == nil && newest.Nonce != "" {
		rotated = newest.Nonce
	}
	annotations := marks(app, s.name, newest)
	annotations[v1alpha1.AnnotationVersion] = string(s.version)
	if rotated != "" {
		annotations[v1alpha1.AnnotationRotated] = rotated
	}
	if s.entry.RotatedAndRevoked != "" {
		annotations[v1alpha1.AnnotationRotatedAndRevoked] = s.entry.RotatedAndRevoked
		annotations[v1alpha1.AnnotationRotatedAndRevokedBefore] = strings.Join(s.entry.RotatedAndRevokedBefore, ",")
	}
	labels := map[string]string{v1alpha1.LabelApplication: app.Name, v1alpha1.LabelVersion: string(s.version)}
	return shape{
		app: app, name: s.name, annotations: annotations, labels: labels, data: s.data(s.text), template: templateOf(app),
	}
}

// keepsSecret reports whether a Secret of ours is the version's to have.
func (s *step) keepsSecret() bool {
	return s.situation == entitled || s.situation == withoutHost || s.situation == nameTaken
}

// looksLive reports whether there is something to do, or to say, that has to rest on what the API server says now.
func (s *step) looksLive() bool {
	return s.situation == entitled && (s.plan.action != keep || s.misshapen) || s.plan.action == rebuild || s.hurries() ||
		s.situation == nameTaken && s.isUnsaid()
}

// writes reports whether the Secret is to be written.
func (s *step) writes() bool {
	if s.situation != entitled || s.plan.action == pause || !s.refused.IsZero() {
		return false
	}
	return s.plan.action != keep || s.misshapen && s.contested.IsZero()
}

// hurries reports whether credentials are revoked in this round, which waits for no other write.
func (s *step) hurries() bool {
	return s.revoked || s.plan.revoke
}

// next is when there is something to do for the version, or to say of it, without anybody's change.
func (s *step) next(now time.Time) time.Time {
	next := nextEnd(s.entry.Verifiers, now)
	switch {
	case s.situation == nameTaken:
		next = earlier(next, now.Add(conflictRetry))
	case s.situation == selfHosted:
		next = earlier(next, nextWarning(s.stated, now))
	case !s.refused.IsZero():
		next = earlier(next, s.refused)
	case s.plan.action == pause:
		next = earlier(next, s.plan.next)
	case s.situation == entitled:
		next = earlier(earlier(next, s.nextRotation(now)), s.contested)
	}
	return next
}

// nextRotation is when the current credential is to be replaced, or zero.
func (s *step) nextRotation(now time.Time) time.Time {
	if s.situation != entitled {
		return time.Time{}
	}
	next := s.wish.next(s.entry.Rotated, s.entry.Verifiers, now)
	if s.plan.action == pause && !next.IsZero() && (s.wish.asks(s.entry.Rotated, s.entry.Verifiers) || next.Before(s.plan.next)) {
		return s.plan.next // what is issued then is what the rotation would have made
	}
	return next
}
