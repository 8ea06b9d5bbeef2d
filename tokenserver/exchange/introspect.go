package exchange

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"countersign.dev/access"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/token"
	"countersign.dev/tokenserver/workload"
)

// Why a token is not active, beside the reasons of decisions.
const (
	// reasonToken is no valid token of the standard face.
	reasonToken = "token"
	// reasonForeign is a token for another audience than the asker's.
	reasonForeign = "foreign_audience"
	// reasonCredential is a client, or a credential of its, that does not stand any more.
	reasonCredential = "credential"
	// reasonScopes is a token none of whose scopes can be had today.
	reasonScopes = "scopes"
)

// Inspector is a resource server that proved who it is, on a view that is fresh enough. Only an Exchange makes one; the zero
// value may introspect nothing.
type Inspector struct {
	account workload.Identity
	servers []*access.ResourceServer
}

// Introspection is what a token is worth today. The zero value is a token that is worth nothing.
type Introspection struct {
	Active bool
	// Token is what the token says.
	Token token.Verified
	// Client is the application version that it was issued to.
	Client directory.Client
	// Scopes is what is left today of the token's.
	Scopes access.Scopes
	// Expires is when the answer ends by itself: the token's end, or that of the grant, where that has come nearer.
	Expires time.Time
	// Grant is the UID of the grant that it rests on today; empty for the host's own data.
	Grant string
}

// AuthenticateInspector takes steps 1 and 2 with the projected token of a ServiceAccount: the pod proves who it is, and an
// accepted ResourceServer lists its ServiceAccount. No client ever gets in here: neither a client secret nor a token of ours is
// the token of a ServiceAccount.
func (e *Exchange) AuthenticateInspector(ctx context.Context, bearer string) (Inspector, *oauth.Error) {
	if err := e.fresh(ctx, Standard); err != nil {
		return Inspector{}, err
	}
	if bearer == "" {
		missing := noInspector()
		missing.Bare = true
		return Inspector{}, e.failedAuthentication(ctx, Standard, "", missing)
	}
	account, err := e.prove(ctx, "", bearer, noInspector())
	if err != nil {
		return Inspector{}, err
	}
	servers := e.deps.Directory.IntrospectedBy(nameOf(account))
	if len(servers) == 0 {
		return Inspector{}, e.failedAuthentication(ctx, Standard, "", noInspector(),
			append(accountAttrs(account), slog.String(keyDetail, detailNotListed))...)
	}
	return Inspector{account: account, servers: servers}, nil
}

// Introspect says what the token is worth today to the resource server that asks, as any decision is made: on the objects as
// they are now. Why it is worth nothing, the log says alone.
func (e *Exchange) Introspect(ctx context.Context, i Inspector, text string) Introspection {
	found, reason := e.worth(i, text)
	outcome := Active
	if !found.Active {
		outcome = Inactive
	}
	attrs := append(accountAttrs(i.account),
		slog.String(keyTokenID, found.Token.ID),
		slog.String(keyClientID, found.Token.ClientID),
		slog.String(keyCredentialID, found.Token.CredentialID),
		slog.String(keyTenant, found.Token.Tenant),
		slog.String(keyAudience, found.Token.Audience),
		slog.String(keyAsked, strings.Join(found.Token.Scopes, " ")),
		slog.String(keyGiven, strings.Join(found.Scopes, " ")),
		slog.String(keyGrant, found.Grant))
	e.audit(ctx, line{slog.LevelInfo, "Introspected a token", Standard, outcome, reason}, attrs)
	if !found.Active {
		return Introspection{}
	}
	return found
}

// worth is Introspect without the line in the log: with what is known of a token that is worth nothing, and the reason.
func (e *Exchange) worth(i Inspector, text string) (Introspection, string) {
	said, err := e.deps.Tokens.VerifyStandard(text)
	if err != nil {
		return Introspection{}, reasonToken
	}
	found := Introspection{Token: said}
	if !slices.ContainsFunc(i.servers, func(s *access.ResourceServer) bool { return s.Audience == said.Audience }) {
		return found, reasonForeign
	}
	client, ok := e.deps.Directory.Client(said.ClientID, said.CredentialID)
	if !ok {
		return found, reasonCredential
	}
	decision := e.deps.Directory.Decide(client, said.Tenant, said.Audience, nil)
	if !decision.Granted() {
		return found, string(decision.Reason)
	}
	found.Client, found.Grant, found.Expires = client, string(decision.GrantUID()), said.Expires
	if end := decision.NotAfter(); !end.IsZero() && end.Before(found.Expires) {
		found.Expires = end
	}
	for _, scope := range said.Scopes {
		if decision.Scopes.Has(scope) {
			found.Scopes = append(found.Scopes, scope)
		}
	}
	if len(found.Scopes) == 0 {
		return found, reasonScopes
	}
	found.Active = true
	return found, string(decision.Reason)
}

func noInspector() *oauth.Error {
	return oauth.NoToken("introspection is for resource servers: send Authorization: Bearer with the unexpired projected token of a " +
		"ServiceAccount that a ResourceServer lists in spec.introspection, with this server's issuer as its only audience and a " +
		"lifetime of at most an hour")
}
