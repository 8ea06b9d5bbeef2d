package controllers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/credentials"
)

// outlook is what a version can have for a tenant now, whatever the audience: who holds tokens of several audiences has them
// all, and a condition has one answer.
type outlook struct {
	version string
	// scopes is what tokens can be had with. Empty: there is none, and refusal says why.
	scopes access.Scopes
	// beyond is what the version has and the tenant's grant does not list.
	beyond access.Scopes
	// refusal is the first that was met, that of the default audience where it is refused.
	refusal *access.Decision
	// idle is why the version has nothing to ask for a token with. Nil: it has.
	idle *finding
}

func (o *outlook) can() bool { return len(o.scopes) > 0 && o.idle == nil }

// why says why there is no token.
func (o *outlook) why() finding {
	if o.refusal == nil || o.idle != nil && len(o.scopes) > 0 {
		return *o.idle
	}
	return finding{o.refusal.Reason, o.refusal.Message()}
}

// ask decides for each accepted audience of the application.
func ask(known *facts, app *access.Application, version, tenant string, now time.Time) outlook {
	o := outlook{version: version}
	for _, audience := range audiencesOf(known, app) {
		decision := access.Decide(known, access.Question{
			Application: app, Version: version, Tenant: tenant, Audience: audience, Now: now,
		})
		o.beyond = append(o.beyond, decision.Exceeding()...)
		if decision.Granted() {
			o.scopes = append(o.scopes, decision.Scopes...)
		} else if o.refusal == nil {
			o.refusal = &decision
		}
	}
	o.scopes, o.beyond = access.NewScopes(o.scopes...), access.NewScopes(o.beyond...)
	return o
}

// audiencesOf returns the application's audiences, the default first. Where none is accepted it is the one that no request
// can have, so that the decision says so.
func audiencesOf(known *facts, app *access.Application) []string {
	var audiences []string
	for _, name := range app.ResourceServers {
		if server := access.AcceptedResourceServer(known, name); server != nil {
			audiences = append(audiences, server.Audience)
		}
	}
	if audiences == nil {
		return []string{""}
	}
	return audiences
}

// effectiveVersion says whether the version can have a token for its host's own data.
func effectiveVersion(o outlook) finding {
	if !o.can() {
		return o.why()
	}
	return finding{v1alpha1.ReasonGranted, "a token can be had with " + strings.Join(o.scopes, " ")}
}

// beyondCeiling says what the version has and the platform does not allow its host; "" where that is nothing.
func beyondCeiling(known *facts, host *access.Tenant, version *access.Version) string {
	beyond := access.BeyondCeiling(known, host, version)
	if len(beyond) == 0 {
		return ""
	}
	return fmt.Sprintf("; beyond what Tenant %s may host, and in no token: %s (spec.hosting.levels: ask the platform operator)",
		host.Name, strings.Join(beyond, " "))
}

// effectiveApplication sums up what was found of the versions, in the order of spec.versions.
func effectiveApplication(app *v1alpha1.Application, accepted finding, versions []finding) finding {
	var can, cannot []string
	for i, found := range versions {
		version := string(app.Spec.Versions[i].Version)
		if found.good() {
			can = append(can, version)
		} else {
			cannot = append(cannot, fmt.Sprintf("%s (%s)", version, found.reason))
		}
	}
	switch {
	case len(can) > 0:
		return finding{v1alpha1.ReasonGranted, fmt.Sprintf("tokens for the data of tenant %s itself can be had by version %s",
			app.Status.HostTenant, strings.Join(can, ", ")) + noneBy(cannot)}
	case len(cannot) > 0:
		return finding{versions[0].reason, fmt.Sprintf("version %s: %s", app.Spec.Versions[0].Version, versions[0].message) +
			noneBy(cannot[1:])}
	case !accepted.good():
		return accepted
	}
	return finding{v1alpha1.ReasonVersionNotFound, fmt.Sprintf(
		"Application %s/%s has no versions yet: add one to spec.versions", app.Namespace, app.Name)}
}

// effectiveGrant says whether a token can be had for the tenant, for any version that the grant covers.
func effectiveGrant(known *facts, grant *v1alpha1.TenantGrant, tenant *access.Tenant, now time.Time) finding {
	app := offeredApplication(known, grant, tenant)
	if app == nil {
		return notOffered(grant)
	}
	var asked []outlook
	var uncovered []string
	for i := range app.Versions {
		version := app.Versions[i].Name
		if len(grant.Spec.Versions) > 0 && !slices.Contains(grant.Spec.Versions, v1alpha1.VersionName(version)) {
			uncovered = append(uncovered, fmt.Sprintf("%s (%s)", version, v1alpha1.ReasonVersionNotCovered))
			continue
		}
		o := ask(known, app, version, tenant.Name, now)
		o.idle = idleVersion(known, app, version, now)
		asked = append(asked, o)
	}
	switch {
	case slices.ContainsFunc(asked, func(o outlook) bool { return o.can() }):
		found := narrowed(grant, asked)
		found.message += noneBy(append(refusedOf(asked), uncovered...))
		if string(grant.Spec.Application.HostTenant) == tenant.Name {
			found.message += "; this grant changes nothing in that: the host tenant's own data needs none"
		}
		return found
	case len(asked) > 0:
		first := asked[0].why()
		first.message = fmt.Sprintf("version %s: %s", asked[0].version, first.message)
		return first
	case len(uncovered) > 0:
		return finding{v1alpha1.ReasonVersionNotCovered, fmt.Sprintf(
			"spec.versions of TenantGrant %s/%s lists no version that the application has: add one of %s, or take the list out",
			grant.Namespace, grant.Name, strings.Join(namesOf(app), ", "))}
	}
	return finding{v1alpha1.ReasonVersionNotFound, fmt.Sprintf(
		"application %s of tenant %s has no versions yet (its spec.versions): TenantGrant %s/%s waits for its administrator",
		app.Name, grant.Spec.Application.HostTenant, grant.Namespace, grant.Name)}
}

// idleVersion is why the version has nothing to ask for a token with, as its own Effective says it; nil where it has. What is
// wrong with its Secret is its administrator's to know.
func idleVersion(known *facts, app *access.Application, version string, now time.Time) *finding {
	object := known.applicationObject(app.Namespace, app.Name)
	if object == nil {
		return nil
	}
	for i := range object.Spec.Versions {
		spec := &object.Spec.Versions[i]
		if string(spec.Version) != version {
			continue
		}
		entry := entryOf(object, spec.Version)
		if credentials.Equipped(spec, entry, now) {
			return nil
		}
		return &finding{
			unequipped(entry, finding{}).reason,
			"the version has no credentials that work, and its administrator is told why",
		}
	}
	return nil
}

// entryOf returns the version's entry in status, or an empty one.
func entryOf(app *v1alpha1.Application, version v1alpha1.VersionName) *v1alpha1.ApplicationVersionStatus {
	for i := range app.Status.Versions {
		if app.Status.Versions[i].Version == version {
			return &app.Status.Versions[i]
		}
	}
	return &v1alpha1.ApplicationVersionStatus{}
}

// narrowed says by which versions tokens can be had, and what the grant keeps from them.
func narrowed(grant *v1alpha1.TenantGrant, asked []outlook) finding {
	var can []string
	exceeds := false
	for i := range asked {
		o := &asked[i]
		exceeds = exceeds || len(o.beyond) > 0
		switch scopes := strings.Join(o.scopes, " "); {
		case o.can() && len(o.beyond) > 0:
			can = append(can, fmt.Sprintf("%s (%s; beyond the grant: %s)", o.version, scopes, strings.Join(o.beyond, " ")))
		case o.can():
			can = append(can, fmt.Sprintf("%s (%s)", o.version, scopes))
		case len(o.beyond) > 0:
			can = append(can, fmt.Sprintf("none by %s (beyond the grant: %s)", o.version, strings.Join(o.beyond, " ")))
		}
	}
	message := "tokens can be had by version " + strings.Join(can, ", ")
	if !exceeds {
		return finding{v1alpha1.ReasonGranted, message}
	}
	return finding{v1alpha1.ReasonAccessExceedsGrant, message + fmt.Sprintf(
		"; what is beyond the grant is in no token: to allow it, add it to spec.scopes of TenantGrant %s/%s",
		grant.Namespace, grant.Name)}
}

// refusedOf returns the versions that can have nothing, with the reason, but for those that only the grant's scopes keep
// from it.
func refusedOf(asked []outlook) []string {
	var refused []string
	for i := range asked {
		if o := &asked[i]; !o.can() && len(o.beyond) == 0 {
			refused = append(refused, fmt.Sprintf("%s (%s)", o.version, o.why().reason))
		}
	}
	return refused
}

func noneBy(versions []string) string {
	if len(versions) == 0 {
		return ""
	}
	return "; none by " + strings.Join(versions, ", ")
}

func namesOf(app *access.Application) []string {
	names := make([]string, 0, len(app.Versions))
	for i := range app.Versions {
		names = append(names, app.Versions[i].Name)
	}
	return names
}
