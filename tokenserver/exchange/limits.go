package exchange

import (
	"context"
	"log/slog"

	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/origin"
)

// Reasons of the outcome Limited.
const (
	// reasonClientRate is a client that asked for too much.
	reasonClientRate = "client_rate"
	// reasonAddressRate is an address from which too many authentications failed.
	reasonAddressRate = "address_rate"
)

// admit is the end of every authentication that succeeded, whatever the method: it takes the session's request from the
// client's bucket, which nobody else can draw from.
func (e *Exchange) admit(ctx context.Context, s Session) (Session, *oauth.Error) {
	if err := e.charge(ctx, s, 1, 1); err != nil {
		return Session{}, err
	}
	return s, nil
}

// charge takes the cost of a request that costs so much as a whole.
func (e *Exchange) charge(ctx context.Context, s Session, cost, whole int) *oauth.Error {
	wait, ok := e.deps.Limits.Client(s.client.ID, cost, whole)
	if ok {
		return nil
	}
	e.limited(ctx, s)
	return oauth.TooMany("this client asks for too much: keep each token until shortly before it expires, and come back when Retry-After says",
		wait)
}

// failedAuthentication is the end of every authentication that failed, whatever the method. It returns the answer, or where
// too many failed from that address, the answer to these: the client learns no more and no less by it, and one whose
// authentication succeeds learns nothing of it. The attributes go into the audit line.
func (e *Exchange) failedAuthentication(
	ctx context.Context, face Face, clientID string, answer *oauth.Error, attrs ...slog.Attr,
) *oauth.Error {
	wait, ok := e.deps.Limits.Failure(origin.From(ctx).Address)
	if ok {
		reason := answer.Code
		if reason == oauth.InvalidRequest { // which says how the request was written; what came of it is this
			reason = oauth.InvalidClient
		}
		e.unauthenticated(ctx, face, clientID, reason, attrs...)
		return answer
	}
	e.limitedAddress(ctx, face, clientID)
	return oauth.TooMany("client authentication failed, as too often from this address: "+
		"mend the client id and secret, and come back when Retry-After says", wait)
}
