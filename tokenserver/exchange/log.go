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
	keyAudience     = "audience"
	keyAsked        = "scopes_asked"
	keyGiven        = "scopes_given"
	keyTokenID      = "jti"
	keyGrant        = "grant"
	keyReason       = "reason"
	keyDetail       = "detail"
	keyError        = "error"
)

// maxLogged bounds what is copied of a request into the log.
const maxLogged = 256

func (e *Exchange) issued(ctx context.Context, s Session, r Request, decision *access.Decision, issued token.Token) {
	e.deps.Count(s.face, "issued", string(decision.Reason))
	e.deps.Log.InfoContext(ctx, "Issued a token", append(about(ctx, s, r),
		slog.String(keyAudience, decision.Audience),
		slog.String(keyGiven, joined(issued.Scopes)),
		slog.String(keyTokenID, issued.ID),
		slog.String(keyGrant, string(decision.GrantUID())))...)
}

func (e *Exchange) refused(ctx context.Context, s Session, r Request, decision *access.Decision) {
	e.deps.Count(s.face, "refused", string(decision.Reason))
	e.deps.Log.InfoContext(ctx, "Refused a token", append(about(ctx, s, r),
		slog.String(keyAudience, bounded(r.Audience)),
		slog.String(keyReason, string(decision.Reason)),
		slog.String(keyDetail, bounded(decision.Message())))...)
}

func about(ctx context.Context, s Session, r Request) []any {
	return []any{
		slog.String(keyFace, string(s.face)),
		slog.String(keyRequestID, requestid.From(ctx)),
		slog.String(keyClientID, s.client.ID),
		slog.String(keyHostTenant, s.client.Host),
		slog.String(keyApplication, s.Application()),
		slog.String(keyVersion, s.client.Version),
		slog.String(keyCredentialID, s.client.CredentialID),
		slog.String(keyTenant, bounded(r.Tenant)),
		slog.String(keyAsked, bounded(joined(r.Scopes))),
	}
}

// unauthenticated logs who failed to prove who it is. A client id that looks like a secret is one, put in the wrong place.
func (e *Exchange) unauthenticated(ctx context.Context, face Face, clientID string) {
	if strings.Contains(clientID, "csk_") {
		clientID = "[redacted]"
	}
	e.deps.Count(face, "unauthenticated", string(oauth.InvalidClient))
	e.deps.Log.WarnContext(ctx, "Refused a client",
		keyFace, face, keyRequestID, requestid.From(ctx), keyClientID, bounded(clientID), keyReason, oauth.InvalidClient)
}

func bounded(text string) string {
	if len(text) > maxLogged {
		return text[:maxLogged] + "…"
	}
	return text
}
