package exchange

import (
	"context"
	"log/slog"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/workload"
)

// Member is somebody of a tenant: a ServiceAccount of the namespace that speaks for it, on a view that is fresh enough. Only an
// Exchange makes one; the zero value is offered nothing.
type Member struct {
	account workload.Identity
	tenant  *access.Tenant
}

// Tenant returns the name of the member's tenant.
func (m Member) Tenant() string {
	if m.tenant == nil {
		return ""
	}
	return m.tenant.Name
}

// AuthenticateMember takes steps 1 and 2 with the token of a ServiceAccount of a tenant's namespace. Whoever can have one made is
// the tenant's administrator, or runs its pods: to them, all of them, is told what is offered to the tenant, and nothing else.
//
// Here the ServiceAccount default is as good as any: it is in every namespace, so that kubectl create token needs nothing else,
// and what is told is no more than what any other pod of that namespace can learn.
func (e *Exchange) AuthenticateMember(ctx context.Context, bearer string) (Member, *oauth.Error) {
	if err := e.fresh(ctx, Standard); err != nil {
		return Member{}, err
	}
	if bearer == "" {
		missing := noMember()
		missing.Bare = true
		return Member{}, e.failedAuthentication(ctx, Standard, "", missing)
	}
	account, err := e.proveBy(ctx, (*workload.Verifier).VerifyAny, "", bearer, noMember())
	if err != nil {
		return Member{}, err
	}
	tenant := e.deps.Directory.TenantOf(account.Namespace)
	if tenant == nil {
		return Member{}, e.failedAuthentication(ctx, Standard, "", noMember(),
			append(accountAttrs(account), slog.String(keyDetail, detailNoTenant))...)
	}
	if wait, ok := e.deps.Limits.Client(subjectOf(account), 1, 1); !ok {
		e.audit(ctx, line{slog.LevelWarn, "Limited a client", Standard, Limited, reasonClientRate}, accountAttrs(account))
		return Member{}, oauth.TooMany("this ServiceAccount asks for too much: come back when Retry-After says", wait)
	}
	return Member{account: account, tenant: tenant}, nil
}

// Offers returns some of what is offered to the member's tenant at this moment, from a place on.
func (e *Exchange) Offers(ctx context.Context, m Member, after string, limit int) directory.OffersPage {
	if m.tenant == nil {
		return directory.OffersPage{}
	}
	page := e.deps.Directory.OffersPage(m.tenant, after, limit)
	e.audit(ctx, line{slog.LevelInfo, "Listed offers", Standard, Listed, ""}, m.attrs(slog.Int(keyOffers, len(page.Offers))))
	return page
}

// Offer returns what the host's application of that name offers the member's tenant at this moment. One that is not offered to it
// and one that does not exist are the same to the member, and to the log.
func (e *Exchange) Offer(ctx context.Context, m Member, host, application string) (access.Offering, *oauth.Error) {
	attrs := m.attrs(slog.String(keyHostTenant, name(host)), slog.String(keyApplication, name(application)))
	if m.tenant != nil {
		if offering, offered := e.deps.Directory.OfferTo(m.tenant, host, application); offered {
			e.audit(ctx, line{slog.LevelInfo, "Listed offers", Standard, Listed, ""}, append(attrs, slog.Int(keyOffers, 1)))
			return offering, nil
		}
	}
	e.audit(ctx, line{slog.LevelInfo, "Refused an offer", Standard, Refused, string(v1alpha1.ReasonNotOffered)}, attrs)
	missing := oauth.NotFound("no application of that host tenant and name is offered to this tenant: ask the host tenant's " +
		"administrator for an offer")
	missing.Reason = string(v1alpha1.ReasonNotOffered)
	return access.Offering{}, missing
}

// attrs is what every line says of a member, and more.
func (m Member) attrs(more ...slog.Attr) []slog.Attr {
	return append(append(accountAttrs(m.account), slog.String(keyTenant, m.Tenant())), more...)
}

func noMember() *oauth.Error {
	return oauth.NoToken("offers are for tenants: send Authorization: Bearer with the unexpired token of a ServiceAccount in the " +
		"namespace of an accepted Tenant, with this server's issuer as its only audience and a lifetime of at most an hour, as " +
		"kubectl create token makes it")
}
