package access

import (
	"fmt"
	"strings"

	"countersign.dev/api/v1alpha1"
)

// Message says in a sentence why the decision is what it is, and what to do, with the object and the field. It is for
// those who may read these objects: conditions, the audit log, people with RBAC; not for clients.
func (d *Decision) Message() string {
	if d.Granted() {
		return "a token can be had with " + strings.Join(d.Scopes, " ")
	}
	where := d.Object
	if d.Field != "" {
		where += ", " + d.Field
	}
	text := internalMessages[d.Reason]
	switch {
	case d.Link == LinkHosting:
		text = "the tenant hosts nothing: ask the platform operator to set spec.hosting"
	case d.Link == LinkScopes && d.Field == "spec.hosting.levels":
		text = "the host tenant's levels allow none of the version's scopes: give the version others, or ask the platform operator for a level"
	case d.Link == LinkScopes && len(d.Possible) > 0:
		text = "the grant lists none of the version's scopes: add to the grant what the tenant allows"
	case d.Link == LinkScopes:
		text = "the audience knows none of the version's scopes that the host tenant's levels allow: give the version others"
	}
	if text == "" {
		text = string(d.Reason)
	}
	if where == "" {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, where)
}

var internalMessages = map[v1alpha1.Reason]string{
	v1alpha1.ReasonApplicationNotFound:    "there is no such application",
	v1alpha1.ReasonApplicationTransferred: "the application was handed over: ask the one that it names, or take spec.transferTo back",
	v1alpha1.ReasonVersionNotFound:        "the application has no such version: add it to spec.versions",
	v1alpha1.ReasonTenantNotHosting:       "no accepted tenant hosts here: ask the platform operator for a Tenant with this namespace and spec.hosting",
	v1alpha1.ReasonTenantSuspended:        "the tenant is suspended: only the platform operator can make it Active again",
	v1alpha1.ReasonVersionSuspended:       "the version is suspended: set its state to Active",
	v1alpha1.ReasonAccessNotGranted:       "the version has no access: give it a level or scopes",
	v1alpha1.ReasonAccessLevelNotFound:    "the version's access level does not exist: name another, or ask the platform operator for it",
	v1alpha1.ReasonAudienceNotAllowed:     "the audience is not an accepted resource server of the application: name one in spec.resourceServers",
	v1alpha1.ReasonDevelopmentStage:       "the host tenant is in Development and reaches its own data alone: ask the platform operator for Production",
	v1alpha1.ReasonTenantNotFound:         "there is no accepted tenant of that name",
	v1alpha1.ReasonNotOffered:             "the application is not offered to the tenant: the host's administrator adds the tenant to the offer",
	v1alpha1.ReasonNotGranted:             "the tenant has not granted the application access: its administrator creates this TenantGrant",
	v1alpha1.ReasonApplicationReplaced:    "the grant is for the UID of an earlier application of that name: to consent to the present one, put its metadata.uid there",
	v1alpha1.ReasonGrantSuspended:         "the grant is suspended: set its state to Active",
	v1alpha1.ReasonGrantExpired:           "the grant has expired: set a later time, or none",
	v1alpha1.ReasonVersionNotCovered:      "the grant lists versions, and not this one: add it, or take the list out",
	v1alpha1.ReasonNothingInCommon:        "no scope is left of what the version has, the host tenant's levels allow, the audience knows and the grant lists: give the scopes that are missing on either side",
	v1alpha1.ReasonInvalidScope:           "a wanted scope is not among those that can be had",
}

// MessageForClient says in a sentence why there is no token and what to do, as far as it is an authenticated client's
// business: it goes with ReasonForClient and names no object of anybody else.
func (d *Decision) MessageForClient() string {
	if d.Reason == v1alpha1.ReasonInvalidScope {
		return "not available to this client for this tenant: " + strings.Join(d.Missing, " ") +
			"; available: " + strings.Join(d.Scopes, " ")
	}
	if d.Link == LinkHostActive {
		return "the host tenant is suspended: ask the platform operator"
	}
	return clientMessages[d.ReasonForClient()]
}

var clientMessages = map[v1alpha1.Reason]string{
	v1alpha1.ReasonApplicationNotFound:    "the application does not exist any more",
	v1alpha1.ReasonApplicationTransferred: "the application was handed over to another tenant: its credentials are revoked, use those of the application that took it over",
	v1alpha1.ReasonVersionNotFound:        "the application version does not exist any more",
	v1alpha1.ReasonTenantNotHosting:       "the host tenant does not host applications: ask the platform operator",
	v1alpha1.ReasonTenantSuspended:        "the tenant is suspended: ask the platform operator",
	v1alpha1.ReasonVersionSuspended:       "this application version is suspended: ask the application's administrator",
	v1alpha1.ReasonAccessNotGranted:       "this application version has no access: ask the application's administrator for a level or scopes",
	v1alpha1.ReasonAccessLevelNotFound:    "the access level of this application version does not exist: ask the application's administrator",
	v1alpha1.ReasonAudienceNotAllowed:     "no accepted resource server of the application has this audience, or there is no default: name another of its resource servers, or ask the application's administrator",
	v1alpha1.ReasonDevelopmentStage:       "the host tenant is in development: tokens are for its own data alone",
	v1alpha1.ReasonNotOffered:             "the application is not offered to the tenant: ask the application's administrator",
	v1alpha1.ReasonNotGranted:             "the tenant has not granted this application access: ask the tenant's administrator for a TenantGrant",
	v1alpha1.ReasonGrantSuspended:         "the tenant has suspended its grant: ask the tenant's administrator",
	v1alpha1.ReasonGrantExpired:           "the tenant's grant has expired: ask the tenant's administrator to extend it",
	v1alpha1.ReasonVersionNotCovered:      "the tenant's grant does not cover this version: ask the tenant's administrator",
	v1alpha1.ReasonNothingInCommon:        "nothing is left of what this version may ask for and what the tenant and the platform allow",
}

// The names of objects and fields in decisions.

func objectTenant(name string) string { return "Tenant " + name }

func objectApplication(app *Application) string {
	return "Application " + app.Namespace + "/" + app.Name
}

func objectLevel(name string) string { return "AccessLevel " + name }

func objectResourceServer(name string) string { return "ResourceServer " + name }

func objectGrant(namespace, host, app string) string {
	return "TenantGrant " + namespace + "/" + GrantName(host, app)
}

func fieldVersion(version string) string { return "spec.versions[" + version + "]" }
