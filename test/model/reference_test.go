package model

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"countersign.dev/api/v1alpha1"
)

// world is the reference model: all objects there are, and the time. It was written from the decision and the trust model as
// the design states them, without a look at package access, and it takes its time: no index, every question from the start.
type world struct {
	tenants      []v1alpha1.Tenant
	servers      []v1alpha1.ResourceServer
	levels       []v1alpha1.AccessLevel
	applications []v1alpha1.Application
	grants       []v1alpha1.TenantGrant
	now          time.Time
}

// scopes returns what a token of this version for this tenant and audience says, sorted; nil: there is no token.
func (w world) scopes(a v1alpha1.Application, version, tenant, audience string) []v1alpha1.Scope {
	host, v := w.speaker(a.Namespace), find(a.Spec.Versions, func(v v1alpha1.ApplicationVersion) bool { return string(v.Version) == version })
	if a.DeletionTimestamp != nil || v == nil || v.State == v1alpha1.StateSuspended || w.transferred(a) ||
		host == nil || host.Spec.State == v1alpha1.StateSuspended || host.Spec.Hosting == nil {
		return nil
	}
	server := find(w.servers, func(s v1alpha1.ResourceServer) bool {
		return s.DeletionTimestamp == nil && s.Spec.Audience == audience && slices.Contains(a.Spec.ResourceServers, s.Name)
	})
	if server == nil || w.serversOf(audience) > 1 || v.Access == nil {
		return nil
	}
	wanted, ceiling := v.Access.Scopes, []v1alpha1.Scope{}
	if v.Access.Level != "" {
		wanted = w.level(v.Access.Level)
	}
	for _, name := range host.Spec.Hosting.Levels {
		ceiling = append(ceiling, w.level(name)...)
	}
	scopes := common(common(wanted, ceiling), server.Spec.Scopes)
	if tenant == host.Name {
		return scopes
	}
	user := find(w.tenants, func(t v1alpha1.Tenant) bool { return t.DeletionTimestamp == nil && t.Name == tenant })
	if host.Spec.Hosting.Stage != v1alpha1.HostingProduction || user == nil || w.speaker(user.Spec.Namespace) == nil ||
		user.Spec.State == v1alpha1.StateSuspended || !offered(a.Spec.Offer, *user) {
		return nil
	}
	grant := find(w.grants, func(g v1alpha1.TenantGrant) bool {
		to := g.Spec.Application
		return g.DeletionTimestamp == nil && g.Namespace == user.Spec.Namespace && string(g.Spec.Tenant) == tenant &&
			string(to.HostTenant) == host.Name && to.Name == a.Name && to.UID == a.UID
	})
	if grant == nil || grant.Spec.State == v1alpha1.StateSuspended ||
		grant.Spec.ExpirationTime != nil && !w.now.Before(grant.Spec.ExpirationTime.Time) ||
		grant.Spec.Versions != nil && !slices.Contains(grant.Spec.Versions, v.Version) {
		return nil
	}
	return common(scopes, grant.Spec.Scopes)
}

// speaker returns the tenant for which a namespace speaks: the only one that claims it.
func (w world) speaker(namespace string) *v1alpha1.Tenant {
	var claim []v1alpha1.Tenant
	for _, t := range w.tenants {
		if t.DeletionTimestamp == nil && t.Spec.Namespace == namespace {
			claim = append(claim, t)
		}
	}
	if len(claim) != 1 {
		return nil
	}
	return &claim[0]
}

// serversOf counts the ResourceServers of an audience.
func (w world) serversOf(audience string) (n int) {
	for _, s := range w.servers {
		if s.DeletionTimestamp == nil && s.Spec.Audience == audience {
			n++
		}
	}
	return n
}

func (w world) level(name string) []v1alpha1.Scope {
	level := find(w.levels, func(l v1alpha1.AccessLevel) bool { return l.DeletionTimestamp == nil && l.Name == name })
	if level == nil {
		return nil
	}
	return level.Spec.Scopes
}

// transferred says whether an application was handed over: it and another one name each other, and following the hand-overs
// does not lead back to it.
func (w world) transferred(a v1alpha1.Application) bool {
	first := w.successor(a)
	for next, steps := first, 0; next != nil && steps < len(w.applications); next, steps = w.successor(*next), steps+1 {
		if next.UID == a.UID {
			return false
		}
	}
	return first != nil
}

func (w world) successor(a v1alpha1.Application) *v1alpha1.Application {
	to := a.Spec.TransferTo
	if to == nil {
		return nil
	}
	return find(w.applications, func(b v1alpha1.Application) bool {
		from := b.Spec.TransferFrom
		return b.DeletionTimestamp == nil && from != nil && w.claims(to.Tenant, b.Namespace) && b.Name == to.Application &&
			w.claims(from.Tenant, a.Namespace) && from.Application == a.Name
	})
}

// claims says whether the tenant claims the namespace, be it alone or not: a conflict does not give back what was handed over.
func (w world) claims(tenant v1alpha1.TenantName, namespace string) bool {
	return find(w.tenants, func(t v1alpha1.Tenant) bool {
		return t.DeletionTimestamp == nil && t.Name == string(tenant) && t.Spec.Namespace == namespace
	}) != nil
}

func offered(offer *v1alpha1.Offer, tenant v1alpha1.Tenant) bool {
	if offer == nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(offer.TenantSelector) // of nil it selects nothing
	return slices.Contains(offer.Tenants, v1alpha1.TenantName(tenant.Name)) || err == nil && selector.Matches(labels.Set(tenant.Labels))
}

func find[T any](all []T, is func(T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}

func common(a, b []v1alpha1.Scope) (scopes []v1alpha1.Scope) {
	for _, scope := range a {
		if slices.Contains(b, scope) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	slices.Sort(scopes)
	return scopes
}
