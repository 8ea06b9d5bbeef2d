package live

import (
	"slices"

	"countersign.dev/access"
)

// Verdict is the answer to a Question.
type Verdict string

const (
	// Yes is: a token can be had.
	Yes Verdict = "Yes"
	// No is: a link is broken that was looked at.
	No Verdict = "No"
	// Unknown is: no link is broken that was looked at, and some could not be looked at.
	Unknown Verdict = "Unknown"
)

// StateNotSeen is the state of a link that may not be looked at, beside those of package access.
const StateNotSeen access.LinkState = "NotSeen"

// Link is a link of the chain, with the rights that it takes to look at it and that are lacking.
type Link struct {
	access.ChainLink
	Needs []Need
}

// Answer is the decision on one version, as far as the asker may know.
type Answer struct {
	Version  string
	Verdict  Verdict
	Decision access.Decision
	Links    []Link
}

// Answers decides for the version that the question names, or for each that the application has.
func (s *Sight) Answers() []Answer {
	var app *access.Application
	if s.facts.unseen.application != nil {
		app = access.NewApplication(s.facts.unseen.application)
	}
	versions := []string{s.q.Version}
	if s.q.Version == "" && app != nil && len(app.Versions) > 0 {
		versions = versions[:0]
		for i := range app.Versions {
			versions = append(versions, app.Versions[i].Name)
		}
	}
	answers := make([]Answer, 0, len(versions))
	for _, version := range versions {
		answers = append(answers, s.answer(app, version))
	}
	return answers
}

func (s *Sight) answer(app *access.Application, version string) Answer {
	question := access.Question{
		Application: app, Version: version, Tenant: s.q.Tenant, Audience: s.q.Audience, Scopes: s.q.Scopes, Now: s.q.Now,
	}
	var asked *access.Version
	if app != nil {
		asked = app.Version(version)
	}
	a := Answer{Version: version, Decision: access.Decide(s.facts, question), Verdict: Yes}
	for _, link := range access.Chain(s.facts, question, &a.Decision) {
		seen := Link{ChainLink: link, Needs: s.needs(link.Link, asked)}
		if len(seen.Needs) > 0 && link.State == access.LinkHolds {
			// It holds by what stands in for what was not seen.
			seen.State, seen.Found = StateNotSeen, ""
			a.Verdict = Unknown
		}
		a.Links = append(a.Links, seen)
	}
	if !a.Decision.Granted() {
		a.Verdict = No
	}
	return a
}

// needs returns the rights that are lacking to look at a link.
func (s *Sight) needs(link access.Link, version *access.Version) []Need {
	var found []Need
	lacking := func(needs ...*Need) {
		for _, need := range needs {
			if need != nil && !slices.Contains(found, *need) {
				found = append(found, *need)
			}
		}
	}
	tenants, grant := s.facts.need(tenants, ""), s.needGrant()
	switch link {
	case access.LinkApplication, access.LinkVersion, access.LinkVersionActive, access.LinkGrantUID:
		lacking(s.hiddenApplication)
	case access.LinkHost, access.LinkHostActive, access.LinkHosting, access.LinkStage, access.LinkUser, access.LinkUserActive:
		lacking(tenants)
	case access.LinkTransfer:
		lacking(s.hiddenApplication)
		if s.Application != nil && s.Application.Spec.TransferTo != nil {
			lacking(tenants, s.needPeer())
		}
	case access.LinkAccess:
		lacking(s.hiddenApplication)
		if version != nil && version.Level != "" && s.Application != nil {
			lacking(s.facts.need(accessLevels, ""))
		}
	case access.LinkAudience:
		lacking(s.hiddenApplication, s.facts.need(resourceServers, ""))
	case access.LinkOffer:
		lacking(s.hiddenApplication)
		if s.Application != nil && s.selects() {
			lacking(tenants)
		}
	case access.LinkScopes, access.LinkWanted:
		lacking(s.hiddenApplication, tenants, s.facts.need(accessLevels, ""), s.facts.need(resourceServers, ""))
	}
	if link >= access.LinkGrant && link <= access.LinkGrantVersion ||
		(link == access.LinkScopes || link == access.LinkWanted) && s.q.Tenant != s.Host {
		lacking(grant)
	}
	return found
}

// needGrant is the right that is lacking to see the tenant's grant: that on TenantGrants, or that on Tenants, which say where it
// would be.
func (s *Sight) needGrant() *Need {
	namespace := s.facts.unseen.userNamespace
	if namespace == hidden {
		return s.facts.need(tenants, "")
	}
	if s.Grant != nil {
		return nil
	}
	return s.facts.need(tenantGrants, namespace)
}

// needPeer is the right that is lacking to see the other half of a hand-over.
func (s *Sight) needPeer() *Need {
	peer := s.facts.Tenant(string(s.Application.Spec.TransferTo.Tenant))
	if peer == nil {
		return nil
	}
	return s.facts.need(applications, peer.Namespace)
}
