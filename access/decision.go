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
