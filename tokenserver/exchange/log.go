package exchange

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"countersign.dev/access"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/origin"
	"countersign.dev/tokenserver/requestid"
	"countersign.dev/tokenserver/token"
)

// Keys of the audit lines. They are API (docs/audit.md): one line for each decision, and never a secret, a token or a body
// in it. What has outcome is an audit line, and nothing else has it.
const (
	keyOutcome      = "outcome"
	keyReason       = "reason"
	keyFace         = "face"
	keyEndpoint     = "endpoint"
	keyRequestID    = "request_id"
	keyAddress      = "source_address"
	keyUserAgent    = "user_agent"
	keyClientID     = "client_id"
	keyHostTenant   = "host_tenant"
	keyApplication  = "app"
	keyVersion      = "app_version"
	keyCredentialID = "credential_id"
	keyTenant       = "tenant"
	keyTenants      = "tenants"
	keyOffers       = "offers"
	keyAudience     = "audience"
	keyAsked        = "scopes_asked"
	keyGiven        = "scopes_given"
	keyTokenID      = "jti"
	keyKeyID        = "kid"
	keyGrant        = "grant"
	keyGrantVersion = "grant_resource_version"
	keyDetail       = "detail"
	keyError        = "err"
)

// Reasons beside those of decisions and of limits, as they stand in the log and in metrics.
const (
	reasonView    = "view"
	reasonSigning = "signing"
	// reasonContradiction is a request that names another application, version or host tenant than its client's.
	reasonContradiction = "contradiction"
)

func (e *Exchange) issued(ctx context.Context, s Session, r Request, decision *access.Decision, issued token.Token) {
	e.deps.CountToken(s.face, issued.Algorithm)
	e.audit(ctx, line{slog.LevelInfo, "Issued a token", s.face, Issued, string(decision.Reason)}, append(s.attrs(),
		slog.String(keyTenant, r.Tenant),
		slog.String(keyAudience, decision.Audience),
		slog.String(keyAsked, e.scopes(s, r.Scopes)),
		slog.String(keyGiven, strings.Join(issued.Scopes, " ")),
		slog.String(keyTokenID, issued.ID),
		slog.String(keyKeyID, issued.KeyID),
		slog.String(keyGrant, string(decision.GrantUID())),
		slog.String(keyGrantVersion, decision.GrantResourceVersion())))
}

func (e *Exchange) refused(ctx context.Context, s Session, r Request, decision *access.Decision) {
	tenant, detail := name(r.Tenant), quoted(decision.Message())
	if tenant == redacted {
		detail = redacted // it names the tenant, too
	}
	e.audit(ctx, line{slog.LevelInfo, "Refused a token", s.face, Refused, string(decision.Reason)}, append(s.attrs(),
		slog.String(keyTenant, tenant),
		slog.String(keyAudience, e.audience(r.Audience)),
		slog.String(keyAsked, e.scopes(s, r.Scopes)),
		slog.String(keyGrant, string(decision.GrantUID())),
		slog.String(keyGrantVersion, decision.GrantResourceVersion()),
		slog.String(keyDetail, detail)))
}

// unknown stands for what is nothing that this server knows: a client can write anything there, its secret included.
const unknown = "[unknown]"

// audience is one that a ResourceServer has.
func (e *Exchange) audience(asked string) string {
	if asked != "" && len(e.deps.Directory.ResourceServersFor(asked)) == 0 {
		return unknown
	}
	return asked
}

// scopes are those of the application's resource servers.
func (e *Exchange) scopes(s Session, asked []string) string {
	shown := make([]string, 0, len(asked))
	for _, scope := range asked {
		if !e.offers(s, scope) {
			scope = unknown
		}
		shown = append(shown, scope)
	}
	return quoted(strings.Join(shown, " "))
}

func (e *Exchange) offers(s Session, scope string) bool {
	return s.client.Application != nil && slices.ContainsFunc(s.client.Application.ResourceServers, func(name string) bool {
		server := e.deps.Directory.ResourceServer(name)
		return server != nil && server.Scopes.Has(scope)
	})
}

func (e *Exchange) contradicted(ctx context.Context, s Session, err *oauth.Error) {
	e.audit(ctx, line{slog.LevelInfo, "Refused a token", s.face, Refused, reasonContradiction},
		append(s.attrs(), slog.String(keyDetail, err.Description)))
}

func (e *Exchange) listed(ctx context.Context, s Session, tenants int) {
	e.audit(ctx, line{slog.LevelInfo, "Listed tenants", s.face, Listed, ""}, append(s.attrs(), slog.Int(keyTenants, tenants)))
}

func (e *Exchange) limited(ctx context.Context, s Session) {
	e.audit(ctx, line{slog.LevelWarn, "Limited a client", s.face, Limited, reasonClientRate}, s.attrs())
}

func (e *Exchange) limitedAddress(ctx context.Context, face Face, clientID string) {
	e.audit(ctx, line{slog.LevelWarn, "Limited an address", face, Limited, reasonAddressRate},
		[]slog.Attr{slog.String(keyClientID, identifier(clientID))})
}

func (e *Exchange) unauthenticated(ctx context.Context, face Face, clientID string, code oauth.Code, attrs ...slog.Attr) {
	e.audit(ctx, line{slog.LevelWarn, "Refused a client", face, Unauthenticated, string(code)},
		append([]slog.Attr{slog.String(keyClientID, identifier(clientID))}, attrs...))
}

func (e *Exchange) blind(ctx context.Context, face Face, problem string) {
	e.audit(ctx, line{slog.LevelWarn, "Cannot decide", face, Unavailable, reasonView}, []slog.Attr{slog.String(keyError, problem)})
}

func (e *Exchange) unsigned(ctx context.Context, s Session, err error) {
	e.audit(ctx, line{slog.LevelError, "Cannot sign", s.face, Unavailable, reasonSigning},
		append(s.attrs(), slog.String(keyError, err.Error())))
}

// line is what every audit line has.
type line struct {
	level   slog.Level
	message string
	face    Face
	outcome Outcome
	reason  string
}

// audit writes the line and counts it: what is in the log is in the metrics, and the other way round.
func (e *Exchange) audit(ctx context.Context, l line, attrs []slog.Attr) {
	e.deps.Count(l.face, l.outcome, l.reason)
	from := origin.From(ctx)
	address := ""
	if from.Address.IsValid() {
		address = from.Address.String()
	}
	e.deps.Log.LogAttrs(ctx, l.level, l.message, append([]slog.Attr{ //nolint:sloglint // the messages are the constants above
		slog.String(keyOutcome, string(l.outcome)),
		slog.String(keyReason, l.reason),
		slog.String(keyFace, string(l.face)),
		slog.String(keyEndpoint, from.Endpoint),
		slog.String(keyRequestID, requestid.From(ctx)),
		slog.String(keyAddress, address),
		slog.String(keyUserAgent, agent(from.UserAgent)),
	}, attrs...)...)
}

// attrs is what every line says of a client that proved who it is.
func (s Session) attrs() []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 24), accountAttrs(s.account)...)
	return append(attrs,
		slog.String(keyClientID, s.client.ID),
		slog.String(keyHostTenant, s.client.Host),
		slog.String(keyApplication, s.Application()),
		slog.String(keyVersion, s.client.Version),
		slog.String(keyCredentialID, s.client.CredentialID),
	)
}
