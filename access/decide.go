package access

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

// Question asks for a token.
type Question struct {
	// Application and Version say who asks. A nil Application does not exist.
	Application *Application
	Version     string
	// Tenant is the user tenant, whose data the token is for.
	Tenant string
	// Audience is a ResourceServer's audience. Empty: that of the application's first.
	Audience string
	// Scopes is what is wanted. Empty: all that the decision yields.
	Scopes []string
	// Now is the time that expirations are held against.
	Now time.Time
}

// Decision answers a Question. The zero value permits nothing.
type Decision struct {
	// Reason is ReasonGranted, or why not.
	Reason v1alpha1.Reason
	// Link is where the chain broke. Where Granted it means nothing.
	Link Link
	// Object and Field say where the reason lies, as "Tenant acme" and "spec.state".
	Object, Field string

	// The rest is set as far as the decision came, and complete only where Granted.

	// Host is the tenant that hosts the application.
	Host *Tenant
	// User is the user tenant.
	User *Tenant
	// Audience is the token's one audience.
	Audience string
	// Possible is what the host's side allows: what the version has, the host's ceiling allows and the audience knows.
	Possible Scopes
	// Scopes is what the token may carry: never empty where Granted. Without a grant it is Possible, with one what it lists
	// of that.
	Scopes Scopes
	// Missing holds, for ReasonInvalidScope, the wanted scopes that the decision does not yield.
	Missing []string
	// Grant is the user tenant's consent; nil for the host's own data.
	Grant *Grant

	// void is where it lies that Possible is empty.
	void place

	// judged is the tenant's grant for this application, which may be why there is no token.
	judged *Grant

	// consented says that the user tenant has a grant for this very application, which makes what is wrong with it the
	// client's business.
	consented bool
}

// Granted reports whether a token may be issued.
func (d *Decision) Granted() bool { return d.Reason == v1alpha1.ReasonGranted }

// NotAfter is when the decision ends by itself: the grant's expiration. Zero: it does not.
func (d *Decision) NotAfter() time.Time {
	if d.Grant == nil {
		return time.Time{}
	}
	return d.Grant.ExpirationTime
}

// GrantUID is the UID of the grant that the decision rests on, whatever it was; empty where it rests on none, as for the
// host's own data.
func (d *Decision) GrantUID() types.UID {
	if grant := cmp.Or(d.Grant, d.judged); grant != nil {
		return grant.UID
	}
	return ""
}

// GrantResourceVersion says, with GrantUID, which state of the grant that was.
func (d *Decision) GrantResourceVersion() string {
	if grant := cmp.Or(d.Grant, d.judged); grant != nil {
		return grant.ResourceVersion
	}
	return ""
}

// Exceeding returns what the host's side allows the version beyond the tenant's grant: the token is narrowed by that much.
func (d *Decision) Exceeding() Scopes {
	if d.Grant == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(d.Possible), d.Grant.Scopes.Has)
}

// ReasonForClient is the reason as far as it is an authenticated client's own business. About a tenant that has no grant
// for this application it is NotGranted, whether that tenant exists or not: a client cannot find out which tenants do.
func (d *Decision) ReasonForClient() v1alpha1.Reason {
	switch d.Reason {
	case v1alpha1.ReasonTenantNotFound, v1alpha1.ReasonApplicationReplaced:
		return v1alpha1.ReasonNotGranted
	case v1alpha1.ReasonTenantSuspended:
		// The host's own suspension is the client's business; that of a tenant only if it consented.
		if d.User != nil && !d.consented {
			return v1alpha1.ReasonNotGranted
		}
	case v1alpha1.ReasonNotOffered:
		if !d.consented {
			return v1alpha1.ReasonNotGranted
		}
	}
	return d.Reason
}

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
