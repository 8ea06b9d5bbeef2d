package directory

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// How many verifiers of a version are looked at, as many as the schema admits: those of its status, and those that a
// self-hosted version brings in its spec. Every authentication compares with exactly maxVerifiers hashes.
const (
	maxIssued    = 8
	maxStated    = 2
	maxVerifiers = maxIssued + maxStated
)

// applications is the table of Applications, by namespace and name and in the order of their UIDs, and their versions by the
// digits at the end of their client ids. The names in a client id may hold dashes, so it cannot be taken apart; and the host tenant's name in it is
// that of the moment, so that no event of a Tenant touches this table.
type applications struct {
	byKey    entries[types.NamespacedName, *application]
	byUID    *ordered[*application]
	bySuffix groups[versionKey]
}

func newApplications() *applications {
	return &applications{byUID: newOrdered(beforeByUID)}
}

// beforeByUID orders by UID. No two applications share one; the names only make sure that none takes another's place.
func beforeByUID(a, b *application) bool {
	return cmp.Or(
		cmp.Compare(a.facts.UID, b.facts.UID),
		cmp.Compare(a.facts.Namespace, b.facts.Namespace),
		cmp.Compare(a.facts.Name, b.facts.Name),
	) < 0
}

// versionKey names a version of an Application.
type versionKey struct {
	application types.NamespacedName
	version     string
}

// application is what is kept of an Application.
type application struct {
	facts *access.Application
	// versions are those of the spec, in its order.
	versions []version
}

// version is what is kept of a version for authentication.
type version struct {
	name string
	// tail is the client id without the host tenant's name in front.
	tail      string
	verifiers []verifier
	// serviceAccounts are those of the application's namespace that are this version.
	serviceAccounts []string
}

// verifier is a credential that the version's status lists, or its spec.
type verifier struct {
	id   string
	hash credential.Hash
	// expires is zero for a credential that does not end by the clock.
	expires time.Time
}

func (a *applications) set(object *v1alpha1.Application) {
	facts := access.NewApplication(object)
	if facts == nil {
		a.remove(keyOf(object))
		return
	}
	key := keyOf(object)
	old, renewed := a.byKey.get(key), newApplication(facts, object)
	for _, version := range old.missingFrom(renewed) {
		a.bySuffix.remove(version.suffix(), versionKey{key, version.name})
	}
	a.byKey.set(key, renewed)
	a.reorder(old, renewed)
	for _, version := range renewed.missingFrom(old) {
		entry := versionKey{key, version.name}
		a.bySuffix.put(version.suffix(), entry, entry)
	}
}

func (a *applications) remove(key types.NamespacedName) {
	old := a.byKey.get(key)
	a.byKey.remove(key)
	a.reorder(old, nil)
	for _, version := range old.missingFrom(nil) {
		a.bySuffix.remove(version.suffix(), versionKey{key, version.name})
	}
}

// reorder puts an application in the place of its earlier state, or of an earlier one of its name. Either may be nil: none.
func (a *applications) reorder(old, renewed *application) {
	if old != nil && (renewed == nil || old.facts.UID != renewed.facts.UID) {
		a.byUID.remove(old)
	}
	if renewed != nil {
		a.byUID.put(renewed)
	}
	a.byUID.publish()
}

func (a *applications) keys() iter.Seq[types.NamespacedName] {
	return func(yield func(types.NamespacedName) bool) {
		for key := range a.byKey.all() {
			if !yield(key) {
				return
			}
		}
	}
}

// newApplication takes the versions from the spec, and from the status nothing but their verifiers: who can write a status
// cannot bring a version to life or pose as another client.
func newApplication(facts *access.Application, object *v1alpha1.Application) *application {
	kept := &application{facts: facts, versions: make([]version, 0, len(facts.Versions))}
	for i := range facts.Versions {
		name := facts.Versions[i].Name
		entry := version{
			name: name, tail: credential.ClientID("", facts.Name, name, string(facts.UID)),
			serviceAccounts: facts.Versions[i].ServiceAccounts,
		}
		for j := range object.Status.Versions {
			if status := &object.Status.Versions[j]; string(status.Version) == name && isOwn(status, entry.tail) {
				entry.verifiers = issuedVerifiers(status.Verifiers)
			}
		}
		for j := range object.Spec.Versions {
			if spec := &object.Spec.Versions[j]; string(spec.Version) == name {
				entry.verifiers = append(entry.verifiers, statedVerifiers(spec.Verifiers)...)
			}
		}
		kept.versions = append(kept.versions, entry)
	}
	return kept
}

// isOwn reports whether the status is not one that was written for an Application with another UID, which a restore can bring.
func isOwn(status *v1alpha1.ApplicationVersionStatus, tail string) bool {
	return status.ClientID == "" || strings.HasSuffix(status.ClientID, tail)
}

// issuedVerifiers are those that the operator wrote. It leaves out what cannot be read, and what would pass itself off as a
// ServiceAccount or as a credential of the spec: nothing authenticates with it.
func issuedVerifiers(objects []v1alpha1.Verifier) []verifier {
	verifiers := make([]verifier, 0, len(objects))
	for i := range objects {
		id := objects[i].ID
		hash, err := credential.ParseHash(objects[i].SHA256)
		if err != nil || len(verifiers) == maxIssued || strings.HasPrefix(id, serviceAccountPrefix) ||
			strings.HasPrefix(id, credential.SelfHostedPrefix) {
			continue
		}
		entry := verifier{id: id, hash: hash}
		if objects[i].ExpirationTime != nil {
			entry.expires = objects[i].ExpirationTime.Time
		}
		verifiers = append(verifiers, entry)
	}
	return verifiers
}

// statedVerifiers are those that a self-hosted version brings. One without an end, which the schema admits none of, opens
// nothing; nor does one whose id the one before it has.
func statedVerifiers(objects []v1alpha1.SelfHostedVerifier) []verifier {
	verifiers := make([]verifier, 0, len(objects))
	for i := range objects {
		hash, err := credential.ParseHash(objects[i].SHA256)
		if err != nil || len(verifiers) == maxStated || objects[i].ExpirationTime.IsZero() {
			continue
		}
		entry := verifier{id: credential.SelfHostedID(hash), hash: hash, expires: objects[i].ExpirationTime.Time}
		if !slices.ContainsFunc(verifiers, func(v verifier) bool { return v.id == entry.id }) {
			verifiers = append(verifiers, entry)
		}
	}
	return verifiers
}

// missingFrom returns the versions whose client ids the other does not have. Either may be nil, which has none.
func (a *application) missingFrom(other *application) []version {
	if a == nil {
		return nil
	}
	if other == nil {
		return a.versions
	}
	return slices.DeleteFunc(slices.Clone(a.versions), func(v version) bool {
		same := other.version(v.name)
		return same != nil && same.tail == v.tail
	})
}

// version returns the version of that name, or nil.
func (a *application) version(name string) *version {
	for i := range a.versions {
		if a.versions[i].name == name {
			return &a.versions[i]
		}
	}
	return nil
}

func (v *version) suffix() string { return credential.SuffixOf(v.tail) }

// standing reports whether the credential is valid at the time.
func (v *verifier) standing(now time.Time) bool { return v.expires.IsZero() || now.Before(v.expires) }
