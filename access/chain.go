package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign.dev/api/v1alpha1"
)

// Link is one link of the chain from an application to a token, in the order in which Decide looks at them.
type Link int

// The links. Those from LinkStage to LinkGrantVersion are between the host and another tenant: for its own data a host
// needs none of them.
const (
	// LinkApplication: the application exists.
	LinkApplication Link = iota
	// LinkHost: its namespace speaks for one accepted tenant.
	LinkHost
	// LinkHostActive: that tenant is Active.
	LinkHostActive
	// LinkHosting: it hosts.
	LinkHosting
	// LinkTransfer: the application was not handed over.
	LinkTransfer
	// LinkVersion: it lists the version.
	LinkVersion
	// LinkVersionActive: the version is Active.
	LinkVersionActive
	// LinkAccess: the version has access, and its level exists.
	LinkAccess
	// LinkAudience: the audience is that of an accepted ResourceServer of the application.
	LinkAudience
	// LinkStage: the host is in Production.
	LinkStage
	// LinkUser: the user tenant exists and is accepted.
	LinkUser
	// LinkUserActive: it is Active.
	LinkUserActive
	// LinkOffer: the application is offered to it.
	LinkOffer
	// LinkGrant: the tenant has a grant for the application.
	LinkGrant
	// LinkGrantUID: the grant is for this application and not for an earlier one of its name.
	LinkGrantUID
	// LinkGrantActive: the grant is Active.
	LinkGrantActive
	// LinkGrantTime: it has not expired.
	LinkGrantTime
	// LinkGrantVersion: it covers the version.
	LinkGrantVersion
	// LinkScopes: a scope is left that all sides allow.
	LinkScopes
	// LinkWanted: what is wanted is among those.
	LinkWanted
)

// LinkState is what Decide found of a link.
type LinkState string

const (
	// LinkHolds is the state of a link that is there.
	LinkHolds LinkState = "Holds"
	// LinkBroken is where the chain breaks; the decision's reason says why.
	LinkBroken LinkState = "Broken"
	// LinkUnknown is below where the chain broke: nobody has looked.
	LinkUnknown LinkState = "Unknown"
	// LinkNotNeeded is the state of what the host's own data does not need.
	LinkNotNeeded LinkState = "NotNeeded"
)

// ChainLink is a link as it was found.
type ChainLink struct {
	Link  Link
	State LinkState
	// Says is what the link says where it holds, as "the host tenant is Active".
	Says string
	// Object and Field are where it says so, as "Tenant operator-co" and "spec.state". Either may be empty.
	Object, Field string
	// Found is what is there, as "Production" or a set of scopes. It may be empty.
	Found string
}

// Chain returns the links from the application to a token in the order in which Decide looked at them, for people who want
// to know why. It decides nothing: the decision is what Decide made of the question.
func Chain(facts Facts, q Question, d *Decision) []ChainLink {
	c := chain{facts: facts, q: q, d: d}
	links := make([]ChainLink, 0, int(LinkWanted)+1)
	for link := LinkApplication; link <= LinkWanted; link++ {
		if link == LinkWanted && len(q.Scopes) == 0 {
			continue
		}
		links = append(links, c.link(link))
	}
	return links
}

type chain struct {
	facts Facts
	q     Question
	d     *Decision
}

func (c *chain) link(link Link) ChainLink {
	found := ChainLink{Link: link, Says: linkSays[link], State: LinkHolds}
	switch {
	case link >= LinkStage && link <= LinkGrantVersion && c.d.Host != nil && c.q.Tenant == c.d.Host.Name:
		found.State = LinkNotNeeded
		return found
	case c.d.Granted() || link < c.d.Link:
		found.Object, found.Field, found.Found = c.at(link)
	case link == c.d.Link:
		found.State, found.Object, found.Field = LinkBroken, c.d.Object, c.d.Field
		found.Found = c.broken(link)
	default:
		found.State = LinkUnknown
	}
	return found
}

var linkSays = [...]string{
	LinkApplication:   "the application exists",
	LinkHost:          "its namespace speaks for one tenant, the host",
	LinkHostActive:    "the host is Active",
	LinkHosting:       "the host hosts applications",
	LinkTransfer:      "the application was not handed over",
	LinkVersion:       "the application has the version",
	LinkVersionActive: "the version is Active",
	LinkAccess:        "the version has access",
	LinkAudience:      "the audience is one of the application's",
	LinkStage:         "the host is in Production",
	LinkUser:          "the user tenant exists",
	LinkUserActive:    "the user tenant is Active",
	LinkOffer:         "the application is offered to the user tenant",
	LinkGrant:         "the user tenant has a grant for the application",
	LinkGrantUID:      "the grant is for this application and no earlier one",
	LinkGrantActive:   "the grant is Active",
	LinkGrantTime:     "the grant has not expired",
	LinkGrantVersion:  "the grant covers the version",
	LinkScopes:        "a scope is left that all sides allow",
	LinkWanted:        "the wanted scopes are among those",
}

// at says where a link that holds is found, and what is there.
func (c *chain) at(link Link) (object, field, found string) {
	if link >= LinkUser && link <= LinkGrantVersion {
		return c.atUser(link)
	}
	app, host := c.q.Application, c.d.Host
	switch link {
	case LinkApplication:
		return objectApplication(app), "metadata.uid", string(app.UID)
	case LinkHost:
		return objectTenant(host.Name), "spec.namespace", host.Namespace
	case LinkHostActive:
		return objectTenant(host.Name), "spec.state", string(v1alpha1.StateActive)
	case LinkHosting, LinkStage:
		return objectTenant(host.Name), "spec.hosting.stage", string(host.Stage)
	case LinkTransfer:
		return objectApplication(app), "spec.transferTo", string(TransferredTo(c.facts, app))
	case LinkVersion:
		return objectApplication(app), "spec.versions", c.q.Version
	case LinkVersionActive:
		return objectApplication(app), fieldVersion(c.q.Version) + ".state", string(v1alpha1.StateActive)
	case LinkAccess:
		return objectApplication(app), fieldVersion(c.q.Version) + ".access", c.access()
	case LinkAudience:
		if server := audienceOf(c.facts, app, c.q.Audience); server != nil {
			return objectResourceServer(server.Name), "spec.audience", server.Audience
		}
		return "", "", c.d.Audience
	}
	return "", "", strings.Join(c.d.Scopes, " ")
}

// atUser is at for the links on the user tenant's side.
func (c *chain) atUser(link Link) (object, field, found string) {
	user, grant := c.d.User, c.d.judged
	switch link {
	case LinkUser:
		return objectTenant(user.Name), "spec.namespace", user.Namespace
	case LinkUserActive:
		return objectTenant(user.Name), "spec.state", string(v1alpha1.StateActive)
	case LinkOffer:
		return objectApplication(c.q.Application), "spec.offer", c.q.Application.offerFor(user)
	}
	object = objectGrant(grant.Namespace, c.d.Host.Name, c.q.Application.Name)
	switch link {
	case LinkGrantUID:
		return object, "spec.application.uid", string(grant.ApplicationUID)
	case LinkGrantActive:
		return object, "spec.state", string(v1alpha1.StateActive)
	case LinkGrantTime:
		if grant.ExpirationTime.IsZero() {
			return object, "spec.expirationTime", "none"
		}
		return object, "spec.expirationTime", grant.ExpirationTime.UTC().Format(time.RFC3339)
	case LinkGrantVersion:
		if len(grant.Versions) == 0 {
			return object, "spec.versions", "all"
		}
		return object, "spec.versions", joined(grant.Versions)
	}
	return object, "spec.scopes", strings.Join(grant.Scopes, " ")
}

// broken says what there is where the chain breaks, as far as it says more than the reason.
func (c *chain) broken(link Link) string {
	app, grant := c.q.Application, c.d.judged
	switch link {
	case LinkHost:
		return c.claimants()
	case LinkTransfer:
		return "to " + app.TransferTo.Tenant + "/" + app.TransferTo.Application
	case LinkVersion:
		names := make([]string, 0, len(app.Versions))
		for i := range app.Versions {
			names = append(names, app.Versions[i].Name)
		}
		return strings.Join(names, ", ")
	case LinkAudience:
		return strings.Join(app.ResourceServers, ", ")
	case LinkStage:
		return string(c.d.Host.Stage)
	case LinkGrantUID:
		return fmt.Sprintf("%s, and the application's is %s", grant.ApplicationUID, app.UID)
	case LinkGrantTime:
		return grant.ExpirationTime.UTC().Format(time.RFC3339)
	case LinkGrantVersion:
		return joined(grant.Versions)
	case LinkScopes:
		return c.sets()
	case LinkWanted:
		return strings.Join(c.d.Missing, " ") + " is not among " + strings.Join(c.d.Scopes, " ")
	}
	return ""
}

func (c *chain) claimants() string {
	var names []string
	for _, tenant := range c.facts.TenantsClaiming(c.q.Application.Namespace) {
		names = append(names, tenant.Name)
	}
	if len(names) == 0 {
		return "no Tenant claims it"
	}
	slices.Sort(names)
	return "claimed by " + strings.Join(names, " and ")
}

// sets lists the two sets of scopes that have nothing in common.
func (c *chain) sets() string {
	if len(c.d.Possible) > 0 {
		return fmt.Sprintf("the version can have %s; the grant lists %s",
			strings.Join(c.d.Possible, " "), strings.Join(c.d.Grant.Scopes, " "))
	}
	return fmt.Sprintf("the version has %s; the host's levels are %s; the audience is %s",
		c.access(), strings.Join(c.d.Host.Levels, ", "), c.d.Audience)
}

func (c *chain) access() string {
	version := c.q.Application.Version(c.q.Version)
	scopes, level, _ := scopesFor(c.facts, version)
	if level == nil {
		return strings.Join(scopes, " ")
	}
	return fmt.Sprintf("%s (%s)", level.Name, strings.Join(scopes, " "))
}

func joined(versions []v1alpha1.VersionName) string {
	texts := make([]string, len(versions))
	for i, version := range versions {
		texts[i] = string(version)
	}
	return strings.Join(texts, ", ")
}
