package access

import (
	"slices"

	"countersign.dev/api/v1alpha1"
)

// Decide answers a question from the facts. It is pure: the same facts and question give the same decision.
func Decide(facts Facts, q Question) Decision {
	d := Decision{}
	version := d.admitVersion(facts, q)
	if version == nil {
		return d
	}
	if !d.admitAudience(facts, q, version) {
		return d
	}
	if q.Tenant != d.Host.Name && !d.admitUser(facts, q) {
		return d
	}
	d.admitScopes(q)
	return d
}

func (d *Decision) refuse(link Link, reason v1alpha1.Reason, object, field string) {
	d.Link, d.Reason, d.Object, d.Field = link, reason, object, field
}

// admitVersion sets the host and returns the version, or refuses and returns nil.
func (d *Decision) admitVersion(facts Facts, q Question) *Version {
	app := q.Application
	if app == nil {
		d.refuse(LinkApplication, v1alpha1.ReasonApplicationNotFound, "", "")
		return nil
	}
	d.Host = HostOf(facts, app.Namespace)
	version := app.Version(q.Version)
	switch {
	case d.Host == nil:
		d.refuse(LinkHost, v1alpha1.ReasonTenantNotHosting, "namespace "+app.Namespace, "")
	case d.Host.Suspended:
		d.refuse(LinkHostActive, v1alpha1.ReasonTenantSuspended, objectTenant(d.Host.Name), "spec.state")
	case d.Host.Stage != v1alpha1.HostingDevelopment && d.Host.Stage != v1alpha1.HostingProduction:
		d.refuse(LinkHosting, v1alpha1.ReasonTenantNotHosting, objectTenant(d.Host.Name), "spec.hosting")
	case TransferredTo(facts, app) == v1alpha1.ReasonHandedOver:
		d.refuse(LinkTransfer, v1alpha1.ReasonApplicationTransferred, objectApplication(app), "spec.transferTo")
	case version == nil:
		d.refuse(LinkVersion, v1alpha1.ReasonVersionNotFound, objectApplication(app), fieldVersion(q.Version))
	case version.Suspended:
		d.refuse(LinkVersionActive, v1alpha1.ReasonVersionSuspended, objectApplication(app), fieldVersion(q.Version)+".state")
	case !version.Granted:
		d.refuse(LinkAccess, v1alpha1.ReasonAccessNotGranted, objectApplication(app), fieldVersion(q.Version)+".access")
	default:
		return version
	}
	return nil
}

// admitAudience sets the audience and what of the version's scopes the host's ceiling and the audience's catalogue leave,
// or refuses.
func (d *Decision) admitAudience(facts Facts, q Question, version *Version) bool {
	wanted, _, ok := scopesFor(facts, version)
	if !ok {
		d.refuse(LinkAccess, v1alpha1.ReasonAccessLevelNotFound, objectLevel(version.Level), "")
		return false
	}
	server := audienceOf(facts, q.Application, q.Audience)
	if server == nil {
		d.refuse(LinkAudience, v1alpha1.ReasonAudienceNotAllowed, objectApplication(q.Application), "spec.resourceServers")
		return false
	}
	d.Audience = server.Audience
	ceiling := ceilingOf(facts, d.Host)
	d.Possible = make(Scopes, 0, len(wanted))
	for _, scope := range wanted {
		if server.Scopes.Has(scope) && ceiling.has(scope) {
			d.Possible = append(d.Possible, scope)
		}
	}
	d.Scopes = d.Possible
	if len(d.Possible) == 0 {
		d.void = voidOf(q, d.Host, server, ceiling, wanted)
	}
	return true
}

// place is an object and a field of it.
type place struct{ object, field string }

// voidOf says who can do something about a version that has nothing: where the host's levels allow none of its scopes, the
// platform operator; where the audience knows none of them, too; and otherwise the application's administrator.
func voidOf(q Question, host *Tenant, server *ResourceServer, ceiling ceiling, wanted Scopes) place {
	switch {
	case !slices.ContainsFunc(wanted, ceiling.has):
		return place{objectTenant(host.Name), "spec.hosting.levels"}
	case !slices.ContainsFunc(wanted, server.Scopes.Has):
		return place{objectResourceServer(server.Name), "spec.scopes"}
	}
	return place{objectApplication(q.Application), fieldVersion(q.Version) + ".access"}
}

// admitUser checks that the other tenant agreed, and narrows the scopes to its grant, or refuses.
func (d *Decision) admitUser(facts Facts, q Question) bool {
	app := q.Application
	if d.Host.Stage != v1alpha1.HostingProduction {
		d.refuse(LinkStage, v1alpha1.ReasonDevelopmentStage, objectTenant(d.Host.Name), "spec.hosting.stage")
		return false
	}
	d.User = AcceptedTenant(facts, q.Tenant)
	if d.User == nil {
		d.refuse(LinkUser, v1alpha1.ReasonTenantNotFound, objectTenant(q.Tenant), "")
		return false
	}
	grant := facts.Grant(d.User.Namespace, GrantName(d.Host.Name, app.Name))
	if grant != nil && !grant.isBy(d.User, d.Host, app) {
		grant = nil
	}
	d.judged, d.consented = grant, grant != nil && grant.ApplicationUID == app.UID
	switch {
	case d.User.Suspended:
		d.refuse(LinkUserActive, v1alpha1.ReasonTenantSuspended, objectTenant(d.User.Name), "spec.state")
	case !app.OfferedTo(d.User):
		d.refuse(LinkOffer, v1alpha1.ReasonNotOffered, objectApplication(app), "spec.offer")
	case grant == nil:
		d.refuse(LinkGrant, v1alpha1.ReasonNotGranted, objectGrant(d.User.Namespace, d.Host.Name, app.Name), "")
	default:
		return d.admitGrant(q, grant)
	}
	return false
}

// admitGrant checks what the tenant's grant says, and narrows the scopes to it, or refuses.
func (d *Decision) admitGrant(q Question, grant *Grant) bool {
	var field string
	switch {
	case !d.consented:
		d.Link, d.Reason, field = LinkGrantUID, v1alpha1.ReasonApplicationReplaced, "spec.application.uid"
	case grant.Suspended:
		d.Link, d.Reason, field = LinkGrantActive, v1alpha1.ReasonGrantSuspended, "spec.state"
	case !grant.ExpirationTime.IsZero() && !q.Now.Before(grant.ExpirationTime):
		d.Link, d.Reason, field = LinkGrantTime, v1alpha1.ReasonGrantExpired, "spec.expirationTime"
	case len(grant.Versions) > 0 && !slices.Contains(grant.Versions, v1alpha1.VersionName(q.Version)):
		d.Link, d.Reason, field = LinkGrantVersion, v1alpha1.ReasonVersionNotCovered, "spec.versions"
	default:
		d.Grant = grant
		d.Scopes = make(Scopes, 0, len(d.Possible))
		for _, scope := range d.Possible {
			if grant.Scopes.Has(scope) {
				d.Scopes = append(d.Scopes, scope)
			}
		}
		return true
	}
	d.Object, d.Field = "TenantGrant "+grant.Namespace+"/"+grant.Name, field
	return false
}

// admitScopes grants what is wanted of what is left, or refuses.
func (d *Decision) admitScopes(q Question) {
	if len(d.Scopes) == 0 {
		where := d.void
		if len(d.Possible) > 0 {
			where = place{objectGrant(d.Grant.Namespace, d.Host.Name, q.Application.Name), "spec.scopes"}
		}
		d.refuse(LinkScopes, v1alpha1.ReasonNothingInCommon, where.object, where.field)
		return
	}
	if len(q.Scopes) > 0 {
		for _, scope := range q.Scopes {
			if !d.Scopes.Has(scope) {
				d.Missing = append(d.Missing, scope)
			}
		}
		if len(d.Missing) > 0 {
			d.refuse(LinkWanted, v1alpha1.ReasonInvalidScope, "", "")
			return
		}
		d.Scopes = NewScopes(q.Scopes...)
	}
	d.Reason = v1alpha1.ReasonGranted
}

// scopesFor returns what the version's access stands for, and the level where it names one; false where there is no such
// level.
func scopesFor(facts Facts, version *Version) (Scopes, *Level, bool) {
	if version.Level == "" {
		return version.Scopes, nil, true
	}
	level := facts.Level(version.Level)
	if level == nil {
		return nil, nil, false
	}
	return level.Scopes, level, true
}

// isBy reports whether the grant's text says what its place says: a copy in another tenant's namespace grants nothing.
func (g *Grant) isBy(user, host *Tenant, app *Application) bool {
	return g.Tenant == user.Name && g.HostTenant == host.Name && g.Application == app.Name
}
