package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign.dev/api/v1alpha1"
)

// question is what is asked of both, the model and the token server.
type question struct {
	credential
	tenant, audience, scope string
}

func (q question) String() string {
	return fmt.Sprintf("%s for %s, audience %q, scope %q", q.credential, q.tenant, q.audience, q.scope)
}

// compare asks everything of everybody, and returns what is still to come. A token that the model refuses, or other scopes than it
// says, end the history: nothing that is still to come explains them.
func (h *history) compare() (late []string) {
	h.Helper()
	w := h.look()
	current := h.credentials()
	h.allowed, h.refused = 0, 0
	for one := range current {
		h.seen[one] = one.namespace != markHost
	}
	for one, played := range h.seen {
		if played && w.revoked(one) {
			late = append(late, h.compareRevoked(one, current[one])...)
		} else if played {
			late = append(late, h.compareStanding(w, one, current[one])...)
		}
	}
	return append(late, w.missing(current)...)
}

// compareRevoked holds against a credential that it is taken for one, once it was revoked and that has arrived.
func (h *history) compareRevoked(one credential, current bool) []string {
	h.Helper()
	taken := h.ask(one, []string{tenantName(0)}, "", "").authenticated
	switch {
	case taken && h.buried[one]:
		h.fail(fmt.Sprintf("%s was revoked, and works again", one))
	case taken || current:
		return []string{fmt.Sprintf("%s is revoked; it is taken for a credential: %t; it stands in a Secret: %t", one, taken, current)}
	}
	h.buried[one] = true
	return nil
}

func (h *history) compareStanding(w world, one credential, current bool) (late []string) {
	h.Helper()
	names := make([]string, 0, tenants)
	for i := range tenants {
		names = append(names, tenantName(i))
	}
	narrow := string(someScopes[h.marked%len(someScopes)])
	for _, way := range [][2]string{{"", ""}, {"", narrow}, {someAudiences[0], ""}, {someAudiences[1], ""}} {
		w.now = time.Now()
		got := h.ask(one, names, way[0], way[1])
		if got.authenticated && h.buried[one] {
			h.fail(fmt.Sprintf("%s was revoked, and works again", one))
		}
		for _, name := range names {
			late = append(late, h.compareAnswer(w, question{one, name, way[0], way[1]}, got, current)...)
		}
	}
	return late
}

// compareAnswer compares one answer. A grant can end between the question and the answer: what was right at either is right.
func (h *history) compareAnswer(w world, q question, got answer, current bool) []string {
	h.Helper()
	said, issued := got.tokens[q.tenant]
	earlier := w.expected(q)
	w.now = time.Now()
	want := w.expected(q)
	difference := fmt.Sprintf("%s: the model says %q; the token server %q, %s", q, want, said.scopes, got.reasons[q.tenant])
	switch {
	case issued && (len(want)+len(earlier) == 0 || !slices.Equal(said.scopes, want) && !slices.Equal(said.scopes, earlier)):
		h.fail(difference)
	case issued && !w.fits(said, q):
		h.fail(fmt.Sprintf("%s: the token says %+v", q, said))
	case !issued && current && len(want) > 0 && len(earlier) > 0:
		return []string{difference}
	case issued:
		h.allowed++
	default:
		h.refused++
	}
	return nil
}

// expected is what the model says to the question; nil: no token.
func (w world) expected(q question) []v1alpha1.Scope {
	app := w.application(q.credential)
	if app == nil {
		return nil
	}
	audience := q.audience
	if audience == "" {
		first := find(w.servers, func(s v1alpha1.ResourceServer) bool {
			return s.DeletionTimestamp == nil && s.Name == app.Spec.ResourceServers[0]
		})
		if first == nil {
			return nil
		}
		audience = first.Spec.Audience
	}
	scopes := w.scopes(*app, q.version, q.tenant, audience)
	switch wanted := v1alpha1.Scope(q.scope); {
	case wanted == "":
		return scopes
	case slices.Contains(scopes, wanted):
		return []v1alpha1.Scope{wanted}
	}
	return nil
}

// fits says whether a token is for what was asked, and ends with the grant that it rests on.
func (w world) fits(said claims, q question) bool {
	grant := find(w.grants, func(g v1alpha1.TenantGrant) bool { return string(g.UID) == said.Grant })
	ends := grant != nil && grant.Spec.ExpirationTime != nil
	return said.Tenant == q.tenant && said.HostTenant == w.speaker(q.namespace).Name && said.Application == q.application &&
		said.Version == q.version && (q.audience == "" || said.Audience == q.audience) &&
		(grant == nil) == (said.Tenant == said.HostTenant) && (!ends || said.Expires <= grant.Spec.ExpirationTime.Unix())
}

// application is the live one that a credential is of, or nil.
func (w world) application(of credential) *v1alpha1.Application {
	return find(w.applications, func(a v1alpha1.Application) bool { return a.DeletionTimestamp == nil && a.UID == of.uid })
}

// revoked says whether a credential has to go, for good: its application or version is gone, was handed over, or has no access any
// more. While the namespace speaks for nobody who hosts, credentials stay as they are, and open nothing.
func (w world) revoked(one credential) bool {
	app := w.application(one)
	if app == nil {
		return true
	}
	if host := w.speaker(app.Namespace); host == nil || host.Spec.Hosting == nil {
		return false
	}
	v := find(app.Spec.Versions, func(v v1alpha1.ApplicationVersion) bool { return string(v.Version) == one.version })
	return v == nil || v.Access == nil || w.transferred(*app)
}

// missing are the versions that could have a token and have no credential to ask for it with.
func (w world) missing(current map[credential]bool) (late []string) {
	w.now = time.Now()
	for _, app := range w.applications {
		host := w.speaker(app.Namespace)
		if host == nil || app.DeletionTimestamp != nil {
			continue
		}
		for _, version := range app.Spec.Versions {
			found := false
			for one := range current {
				found = found || one.uid == app.UID && one.version == string(version.Version) && strings.HasPrefix(one.id, host.Name+"-")
			}
			if !found && w.anything(app, version) {
				late = append(late, fmt.Sprintf("%s/%s@%s has no credentials", app.Namespace, app.Name, version.Version))
			}
		}
	}
	return late
}

// anything says whether a version can have a token at all.
func (w world) anything(app v1alpha1.Application, version v1alpha1.ApplicationVersion) bool {
	for _, tenant := range w.tenants {
		for _, server := range w.servers {
			if len(w.scopes(app, string(version.Version), tenant.Name, server.Spec.Audience)) > 0 {
				return true
			}
		}
	}
	return false
}
