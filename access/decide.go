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
	// Object and Field say where the reason lies, as "Tenant acme" and "spec.state".
	Object, Field string

	// The rest is set as far as the decision came, and complete only where Granted.

	// Host is the tenant that hosts the application.
	Host *Tenant
	// User is the user tenant.
	User *Tenant
	// Audience is the token's one audience.
	Audience string
	// Scopes is what the token may carry: never empty where Granted.
	Scopes Scopes
	// Missing holds, for ReasonInvalidScope, the wanted scopes that the decision does not yield.
	Missing []string
	// Grant is the user tenant's consent; nil for the host's own data.
	Grant *Grant

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

// HostOf returns the accepted tenant that the namespace speaks for. Where two Tenants claim it, neither is accepted.
func HostOf(facts Facts, namespace string) *Tenant {
	claimants := facts.TenantsClaiming(namespace)
	if len(claimants) != 1 {
		return nil
	}
	return claimants[0]
}

// AcceptedTenant returns the Tenant of that name if its namespace speaks for it alone.
func AcceptedTenant(facts Facts, name string) *Tenant {
	tenant := facts.Tenant(name)
	if tenant == nil {
		return nil
	}
	if host := HostOf(facts, tenant.Namespace); host == nil || host.Name != name {
		return nil
	}
	return tenant
}

// AcceptedResourceServer returns the ResourceServer of that name if no other has its audience.
func AcceptedResourceServer(facts Facts, name string) *ResourceServer {
	server := facts.ResourceServer(name)
	if server == nil || len(facts.ResourceServersFor(server.Audience)) != 1 {
		return nil
	}
	return server
}

func (d *Decision) refuse(reason v1alpha1.Reason, object, field string) {
	d.Reason, d.Object, d.Field = reason, object, field
}

// admitVersion sets the host and returns the version, or refuses and returns nil.
func (d *Decision) admitVersion(facts Facts, q Question) *Version {
	app := q.Application
	if app == nil {
		d.refuse(v1alpha1.ReasonApplicationNotFound, "", "")
		return nil
	}
	d.Host = HostOf(facts, app.Namespace)
	version := app.Version(q.Version)
	switch {
	case d.Host == nil:
		d.refuse(v1alpha1.ReasonTenantNotHosting, "namespace "+app.Namespace, "")
	case d.Host.Suspended:
		d.refuse(v1alpha1.ReasonTenantSuspended, objectTenant(d.Host.Name), "spec.state")
	case d.Host.Stage != v1alpha1.HostingDevelopment && d.Host.Stage != v1alpha1.HostingProduction:
		d.refuse(v1alpha1.ReasonTenantNotHosting, objectTenant(d.Host.Name), "spec.hosting")
	case version == nil:
		d.refuse(v1alpha1.ReasonVersionNotFound, objectApplication(app), fieldVersion(q.Version))
	case version.Suspended:
		d.refuse(v1alpha1.ReasonVersionSuspended, objectApplication(app), fieldVersion(q.Version)+".state")
	case !version.Granted:
		d.refuse(v1alpha1.ReasonAccessNotGranted, objectApplication(app), fieldVersion(q.Version)+".access")
	default:
		return version
	}
	return nil
}

// admitAudience sets the audience and what of the version's scopes the host's ceiling and the audience's catalogue leave,
// or refuses.
func (d *Decision) admitAudience(facts Facts, q Question, version *Version) bool {
	wanted := version.Scopes
	if version.Level != "" {
		level := facts.Level(version.Level)
		if level == nil {
			d.refuse(v1alpha1.ReasonAccessLevelNotFound, "AccessLevel "+version.Level, "")
			return false
		}
		wanted = level.Scopes
	}
	server := audienceOf(facts, q.Application, q.Audience)
	if server == nil {
		d.refuse(v1alpha1.ReasonAudienceNotAllowed, objectApplication(q.Application), "spec.resourceServers")
		return false
	}
	d.Audience = server.Audience
	ceiling := ceilingOf(facts, d.Host)
	for _, scope := range wanted {
		if server.Scopes.Has(scope) && ceiling.has(scope) {
			d.Scopes = append(d.Scopes, scope)
		}
	}
	return true
}

// admitUser checks that the other tenant agreed, and narrows the scopes to its grant, or refuses.
func (d *Decision) admitUser(facts Facts, q Question) bool {
	app := q.Application
	if d.Host.Stage != v1alpha1.HostingProduction {
		d.refuse(v1alpha1.ReasonDevelopmentStage, objectTenant(d.Host.Name), "spec.hosting.stage")
		return false
	}
	d.User = AcceptedTenant(facts, q.Tenant)
	if d.User == nil {
		d.refuse(v1alpha1.ReasonTenantNotFound, objectTenant(q.Tenant), "")
		return false
	}
	grant := facts.Grant(d.User.Namespace, GrantName(d.Host.Name, app.Name))
	if grant != nil && !grant.isBy(d.User, d.Host, app) {
		grant = nil
	}
	d.judged, d.consented = grant, grant != nil && grant.ApplicationUID == app.UID
	object := objectGrant(d.User.Namespace, d.Host.Name, app.Name)
	switch {
	case d.User.Suspended:
		d.refuse(v1alpha1.ReasonTenantSuspended, objectTenant(d.User.Name), "spec.state")
	case !app.OfferedTo(d.User):
		d.refuse(v1alpha1.ReasonNotOffered, objectApplication(app), "spec.offer")
	case grant == nil:
		d.refuse(v1alpha1.ReasonNotGranted, object, "")
	case !d.consented:
		d.refuse(v1alpha1.ReasonApplicationReplaced, object, "spec.application.uid")
	case grant.Suspended:
		d.refuse(v1alpha1.ReasonGrantSuspended, object, "spec.state")
	case !grant.ExpirationTime.IsZero() && !q.Now.Before(grant.ExpirationTime):
		d.refuse(v1alpha1.ReasonGrantExpired, object, "spec.expirationTime")
	case len(grant.Versions) > 0 && !slices.Contains(grant.Versions, v1alpha1.VersionName(q.Version)):
		d.refuse(v1alpha1.ReasonVersionNotCovered, object, "spec.versions")
	default:
		d.Grant = grant
		d.Scopes = slices.DeleteFunc(d.Scopes, func(scope string) bool { return !grant.Scopes.Has(scope) })
		return true
	}
	return false
}

// admitScopes grants what is wanted of what is left, or refuses.
func (d *Decision) admitScopes(q Question) {
	if len(d.Scopes) == 0 {
		object, field := objectApplication(q.Application), fieldVersion(q.Version)+".access"
		if d.Grant != nil {
			object, field = objectGrant(d.Grant.Namespace, d.Host.Name, q.Application.Name), "spec.scopes"
		}
		d.refuse(v1alpha1.ReasonNothingInCommon, object, field)
		return
	}
	if len(q.Scopes) > 0 {
		for _, scope := range q.Scopes {
			if !d.Scopes.Has(scope) {
				d.Missing = append(d.Missing, scope)
			}
		}
		if len(d.Missing) > 0 {
			d.refuse(v1alpha1.ReasonInvalidScope, "", "")
			return
		}
		d.Scopes = NewScopes(q.Scopes...)
	}
	d.Reason = v1alpha1.ReasonGranted
}

// isBy reports whether the grant's text says what its place says: a copy in another tenant's namespace grants nothing.
func (g *Grant) isBy(user, host *Tenant, app *Application) bool {
	return g.Tenant == user.Name && g.HostTenant == host.Name && g.Application == app.Name
}

// audienceOf returns the application's resource server with the audience, or its first where the audience is empty.
func audienceOf(facts Facts, app *Application, audience string) *ResourceServer {
	for _, name := range app.ResourceServers {
		server := AcceptedResourceServer(facts, name)
		if audience == "" || server != nil && server.Audience == audience {
			return server
		}
	}
	return nil
}
