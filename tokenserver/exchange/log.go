package exchange

import (
	"context"
	"log/slog"
	"strings"

	"countersign.dev/access"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/requestid"
	"countersign.dev/tokenserver/token"
)

// Keys of the log lines. They are API, as the messages are: one line for each decision, and never a secret, a token or a
// body in it.
const (
	keyFace         = "face"
	keyRequestID    = "request_id"
	keyClientID     = "client_id"
	keyHostTenant   = "host_tenant"
	keyApplication  = "app"
	keyVersion      = "app_version"
	keyCredentialID = "credential_id"
	keyTenant       = "tenant"
	keyTenants      = "tenants"
	keyAudience     = "audience"
	keyAsked        = "scopes_asked"
	keyGiven        = "scopes_given"
	keyTokenID      = "jti"
	keyGrant        = "grant"
	keyReason       = "reason"
	keyDetail       = "detail"
	keyError        = "err"
)

// Reasons beside those of decisions, as they stand in metrics.
const (
	reasonView    = "view"
	reasonSigning = "signing"
)

func (e *Exchange) issued(ctx context.Context, s Session, r Request, decision *access.Decision, issued token.Token) {
	e.deps.Count(s.face, Issued, string(decision.Reason))
	e.deps.Log.InfoContext(ctx, "Issued a token", append(s.logged(ctx),
		slog.String(keyTenant, r.Tenant),
		slog.String(keyAudience, decision.Audience),
		slog.String(keyAsked, quoted(strings.Join(r.Scopes, " "))),
		slog.String(keyGiven, strings.Join(issued.Scopes, " ")),
		slog.String(keyTokenID, issued.ID),
		slog.String(keyGrant, string(decision.GrantUID())))...)
}

func (e *Exchange) refused(ctx context.Context, s Session, r Request, decision *access.Decision) {
	e.deps.Count(s.face, Refused, string(decision.Reason))
	e.deps.Log.InfoContext(ctx, "Refused a token", append(s.logged(ctx),
		slog.String(keyTenant, quoted(r.Tenant)),
		slog.String(keyAudience, quoted(r.Audience)),
		slog.String(keyAsked, quoted(strings.Join(r.Scopes, " "))),
		slog.String(keyReason, string(decision.Reason)),
		slog.String(keyDetail, quoted(decision.Message())))...)
}

func (e *Exchange) listed(ctx context.Context, s Session, tenants int) {
	e.deps.Count(s.face, Listed, "")
	e.deps.Log.InfoContext(ctx, "Listed tenants", append(s.logged(ctx), slog.Int(keyTenants, tenants))...)
}

func (e *Exchange) unauthenticated(ctx context.Context, face Face, clientID string) {
	e.deps.Count(face, Unauthenticated, string(oauth.InvalidClient))
	e.deps.Log.WarnContext(ctx, "Refused a client",
		keyFace, face, keyRequestID, requestid.From(ctx), keyClientID, identifier(clientID), keyReason, oauth.InvalidClient)
}

func (e *Exchange) blind(ctx context.Context, face Face, problem string) {
	e.deps.Count(face, Unavailable, reasonView)
	e.deps.Log.WarnContext(ctx, "Cannot decide", keyFace, face, keyRequestID, requestid.From(ctx), keyError, problem)
}

func (e *Exchange) unsigned(ctx context.Context, s Session, err error) {
	e.deps.Count(s.face, Unavailable, reasonSigning)
	e.deps.Log.ErrorContext(ctx, "Cannot sign", append(s.logged(ctx), slog.String(keyError, err.Error()))...)
}

// logged is what every line says of a client that proved who it is.
func (s Session) logged(ctx context.Context) []any {
	return []any{
		slog.String(keyFace, string(s.face)),
		slog.String(keyRequestID, requestid.From(ctx)),
		slog.String(keyClientID, s.client.ID),
		slog.String(keyHostTenant, s.client.Host),
		slog.String(keyApplication, s.Application()),
		slog.String(keyVersion, s.client.Version),
		slog.String(keyCredentialID, s.client.CredentialID),
	}
}

const (
	// maxLogged bounds what is copied of a request into the log, in bytes.
	maxLogged = 256
	// secretMark is how every client secret of ours begins.
	secretMark = "csk_"
	redacted   = "[redacted]"
)

// identifier is a client id that nobody vouches for. Where a text has not the form of one, it can be a secret in the wrong
// place, in whatever encoding, and does not go into the log.
func identifier(text string) string {
	if len(text) > maxLogged || strings.ContainsFunc(text, notInClientID) {
		return redacted
	}
	return text
}

// notInClientID reports what no client id has: they are made of names of tenants and applications, versions, and digits.
func notInClientID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
}

// quoted is text of an authenticated client's request, which could have mixed up its parameters.
func quoted(text string) string {
	if strings.Contains(text, secretMark) {
		return redacted
	}
	if len(text) > maxLogged {
		return text[:maxLogged] + "…"
	}
	return text
}
