package credentials

import (
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// conflictRetry is how often a Secret's name that somebody else has taken is looked at again. Secrets of other types are in
// no cache of ours, so nobody tells when that one goes.
const conflictRetry = 30 * time.Second

// round is one look at an application's credentials: what there is, and what to do.
type round struct {
	// app is the application's name.
	app      string
	now      time.Time
	standing Standing
	asked    asked
	// steps has one step for each version of spec, in its order.
	steps []*step
	// binding is the Secret of the Service Binding specification.
	binding *binding
	// leftovers are Secrets of ours that nobody is entitled to any more.
	leftovers []*corev1.Secret
	// errs is why leftovers could not be removed.
	errs []error
}

// think says what to do for each version, from what there is. It writes nothing.
func (p *Phase) think(app *v1alpha1.Application, standing Standing, secrets map[string]*corev1.Secret) *round {
	r := &round{app: app.Name, now: p.Clock.Now().UTC().Truncate(time.Second), standing: standing, asked: askedOf(app)}
	for i := range app.Spec.Versions {
		r.steps = append(r.steps, p.thinkOf(app, &app.Spec.Versions[i], r, secrets))
	}
	for _, s := range r.steps {
		s.givenUp = len(s.moved) > 0 && r.wants(s.moved[0].Name)
	}
	r.binding = p.thinkOfBinding(app, r, secrets)
	for _, secret := range secrets {
		version := v1alpha1.VersionName(secret.Annotations[v1alpha1.AnnotationVersion])
		if secret.DeletionTimestamp != nil {
			continue // it is on its way, and only waits for somebody's finalizer
		}
		if isOrphan(secret, app.Name, app.UID) && !r.holds(secret) || isOf(secret, app, version) && !r.needs(secret, version) ||
			isBinding(secret, app) && !r.binding.needs() {
			r.leftovers = append(r.leftovers, secret)
		}
	}
	return r
}

// wants reports whether a version's Secret is to have the name.
func (r *round) wants(name string) bool {
	return slices.ContainsFunc(r.steps, func(s *step) bool { return s.keepsSecret() && s.name == name })
}

// holds reports whether the Secret of an application that is no more stays for now: somebody keeps putting it back, and what is
// to be in its place waits for a pause to end.
func (r *round) holds(orphan *corev1.Secret) bool {
	if orphan.Name == r.binding.name && !r.binding.contested.IsZero() {
		return true
	}
	return slices.ContainsFunc(r.steps, func(s *step) bool { return s.orphan == orphan && s.plan.action == pause })
}

// needs reports whether the Secret, which was made for the version, is still to be there.
func (r *round) needs(secret *corev1.Secret, version v1alpha1.VersionName) bool {
	s := r.step(version)
	return s != nil && s.needs(secret, r.wants(secret.Name))
}

func (r *round) looksLive() bool {
	return len(r.leftovers) > 0 || r.binding.looksLive() || slices.ContainsFunc(r.steps, (*step).looksLive)
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
		entry := *s.entry.DeepCopy()
		entry.Version, entry.Conditions = s.version, entryOf(app, s.version).Conditions
		entry.SecretName, entry.NextRotationTime = s.reportedName(), nil
		if next := s.nextRotation(r.now); !next.IsZero() {
			entry.NextRotationTime = timestamp(next)
		}
		entries = append(entries, entry)
	}
	app.Status.Versions = entries
}

// requeueAfter is the time until the first thing that is due by the clock.
func (r *round) requeueAfter() time.Duration {
	soonest := r.binding.next(r.now)
	for _, s := range r.steps {
		soonest = earlier(soonest, s.next(r.now))
	}
	if soonest.IsZero() {
		return 0
	}
	return max(soonest.Sub(r.now), time.Second)
}

func (r *round) err() error {
	all := append(slices.Clone(r.errs), r.binding.err)
	for _, s := range r.steps {
		if s.tried {
			all = append(all, s.err)
		}
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

// hasEntry reports whether status knows of the version.
func hasEntry(app *v1alpha1.Application, version v1alpha1.VersionName) bool {
	return slices.ContainsFunc(app.Status.Versions, func(e v1alpha1.ApplicationVersionStatus) bool { return e.Version == version })
}

// formerOf returns the entry that tells what became of the version's credentials so far. One that was written for an Application
// with another UID tells nothing: a restore that brings back status, too, would let in the secrets of that one.
func formerOf(app *v1alpha1.Application, version v1alpha1.VersionName) v1alpha1.ApplicationVersionStatus {
	entry := entryOf(app, version)
	own := credential.Suffix(string(app.UID), string(version))
	if entry.ClientID != "" && credential.SuffixOf(entry.ClientID) != own {
		return v1alpha1.ApplicationVersionStatus{}
	}
	return entry
}

func timestamp(t time.Time) *metav1.Time { return &metav1.Time{Time: t} }
