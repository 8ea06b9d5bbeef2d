package credentials

import (
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
	"countersign.dev/internal/environment"
)

// conflictRetry is how often a Secret's name that somebody else has taken is looked at again. Secrets of other types are in
// no cache of ours, so nobody tells when that one goes.
const conflictRetry = 30 * time.Second

// round is one look at an application's credentials: what there is, and what to do.
type round struct {
	now time.Time
	// steps has one step for each version of spec, in its order.
	steps []*step
	// leftovers are Secrets of ours that nobody is entitled to any more.
	leftovers []*corev1.Secret
}

// situation says whether a version is to have credentials.
type situation string

const (
	// entitled: the version has access, and a tenant hosts it.
	entitled situation = "entitled"
	// withoutAccess: the version is registered alone.
	withoutAccess situation = "without access"
	// withoutHost: no accepted tenant hosts the application; nothing is touched.
	withoutHost situation = "without host"
	// nameTaken: somebody else's Secret has the name; it is never touched.
	nameTaken situation = "name taken"
)

// step is one version in a round.
type step struct {
	version   v1alpha1.VersionName
	situation situation
	plan      plan
	clientID  string
	// secret is the one of the version's name, or nil. Only where the situation is nameTaken it is somebody else's.
	secret *corev1.Secret
	// data makes the Secret's data for a client secret.
	data func(credential.Secret) map[string][]byte
	// text is the client secret that stands in the Secret, or is about to.
	text credential.Secret
	// misshapen says that the Secret has the right credential and differs in something else.
	misshapen bool
	// verifiers is what status is to say.
	verifiers []v1alpha1.Verifier
	// err is why the Secret could not be written.
	err error
}

// think says what to do for each version, from what there is. It writes nothing.
func (p *Phase) think(app *v1alpha1.Application, host string, secrets map[string]*corev1.Secret) *round {
	r := &round{now: p.Clock.Now().UTC().Truncate(time.Second)}
	wanted := map[string]bool{}
	for i := range app.Spec.Versions {
		v := &app.Spec.Versions[i]
		s := p.thinkOf(app, v, host, secrets[secretName(app.Name, v.Version)], r.now)
		r.steps = append(r.steps, s)
		wanted[secretName(app.Name, v.Version)] = s.situation != withoutAccess
	}
	for name, secret := range secrets {
		version := v1alpha1.VersionName(secret.Annotations[v1alpha1.AnnotationVersion])
		if isOrphan(secret, app.Name, app.UID) || isOf(secret, app, version) && !wanted[name] {
			r.leftovers = append(r.leftovers, secret)
		}
	}
	return r
}

func (p *Phase) thinkOf(
	app *v1alpha1.Application, v *v1alpha1.ApplicationVersion, host string, secret *corev1.Secret, now time.Time,
) *step {
	s := &step{version: v.Version, situation: entitled, secret: secret}
	if s.secret != nil && isOrphan(s.secret, app.Name, app.UID) {
		s.secret = nil
	}
	former := entryOf(app, v.Version)
	switch {
	case v.Access == nil:
		s.situation = withoutAccess
		return s
	case host == "":
		s.situation, s.verifiers, s.clientID = withoutHost, prune(former.Verifiers, now), former.ClientID
		return s
	}
	s.clientID = credential.ClientID(host, app.Name, string(v.Version), string(app.UID))
	if s.secret != nil && !isOf(s.secret, app, v.Version) {
		s.situation, s.verifiers = nameTaken, prune(former.Verifiers, now)
		return s
	}
	names := app.Spec.CredentialPolicy.Environment
	s.data = func(text credential.Secret) map[string][]byte {
		return dataFor(names, facts{
			clientID: s.clientID, hostTenant: host, application: app.Name, version: string(v.Version),
			issuer: p.Issuer, secret: text,
		})
	}
	c := contentOf(s.secret, environment.ClientSecretOf(names))
	s.plan = planFor(former.Verifiers, c, now)
	s.verifiers = s.plan.verifiers
	s.inspect(app, c)
	return s
}

// inspect notes the credential that the Secret rightly holds, and whether its shape is right, too.
func (s *step) inspect(app *v1alpha1.Application, c content) {
	switch s.plan.action {
	case keep, deliver:
		s.text, _ = c.find(s.verifiers[0])
		s.misshapen = s.shape(app).applyTo(s.secret.DeepCopy())
	case rebuild:
		// Looked at again in the next round, with the verifier in place.
		s.text = *c.candidate
	case issue, pause:
	}
}

func (s *step) shape(app *v1alpha1.Application) shape {
	return shape{app: app, version: s.version, credentialID: s.verifiers[0].ID, data: s.data(s.text)}
}

// looksLive reports whether there is something to do, or to say, that has to rest on what the API server says now.
func (s *step) looksLive() bool {
	return s.situation == entitled && (s.plan.action != keep || s.misshapen)
}

func (r *round) looksLive() bool {
	return len(r.leftovers) > 0 || slices.ContainsFunc(r.steps, (*step).looksLive)
}

func (r *round) step(version v1alpha1.VersionName) *step {
	for _, s := range r.steps {
		if s.version == version {
			return s
		}
	}
	return nil
}

// settle writes the steps into the application's status, and leaves what other hands have put there.
func (r *round) settle(app *v1alpha1.Application) {
	entries := make([]v1alpha1.ApplicationVersionStatus, 0, len(r.steps))
	for _, s := range r.steps {
		entry := v1alpha1.ApplicationVersionStatus{
			Version: s.version, ClientID: s.clientID, Verifiers: s.verifiers,
			Conditions: entryOf(app, s.version).Conditions,
		}
		if s.situation != withoutAccess {
			entry.SecretName = secretName(app.Name, s.version)
		}
		entries = append(entries, entry)
	}
	app.Status.Versions = entries
}

// requeueAfter is the time until the first thing that is due by the clock.
func (r *round) requeueAfter() time.Duration {
	var soonest time.Duration
	for _, s := range r.steps {
		var after time.Duration
		if s.situation == nameTaken {
			after = conflictRetry
		} else if next := s.next(); !next.IsZero() {
			after = max(next.Sub(r.now), time.Second)
		}
		if after > 0 && (soonest == 0 || after < soonest) {
			soonest = after
		}
	}
	return soonest
}

// next is when there is something to do for the version: a pause ends, or a previous verifier leaves.
func (s *step) next() time.Time {
	if s.plan.action == pause {
		return s.plan.next
	}
	return nextEnd(s.verifiers)
}

func (r *round) err() error {
	var all []error
	for _, s := range r.steps {
		all = append(all, s.err)
	}
	return errors.Join(all...)
}

// entryOf returns the version's entry in status, or an empty one.
func entryOf(app *v1alpha1.Application, version v1alpha1.VersionName) v1alpha1.ApplicationVersionStatus {
	for _, entry := range app.Status.Versions {
		if entry.Version == version {
			return *entry.DeepCopy()
		}
	}
	return v1alpha1.ApplicationVersionStatus{}
}

func timestamp(t time.Time) *metav1.Time { return &metav1.Time{Time: t} }
