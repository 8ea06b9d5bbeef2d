package oauth

import (
	"fmt"
	"net/http"
	"time"
)

// Code is the error member of an answer. Codes are a closed set: metrics and clients count on it.
type Code string

const (
	// InvalidRequest is a request that is malformed or contradicts itself (RFC 6749 section 5.2).
	InvalidRequest Code = "invalid_request"
	// InvalidClient is a client that is unknown, or did not prove that it is the one (RFC 6749 section 5.2).
	InvalidClient Code = "invalid_client"
	// InvalidToken is an access token that is not, or no longer, valid (RFC 6750 section 3.1).
	InvalidToken Code = "invalid_token"
	// UnauthorizedClient is a client that may not have this token (RFC 6749 section 5.2).
	UnauthorizedClient Code = "unauthorized_client"
	// UnsupportedGrantType is a grant type other than client_credentials (RFC 6749 section 5.2).
	UnsupportedGrantType Code = "unsupported_grant_type"
	// InvalidScope is a scope that is malformed or cannot be had (RFC 6749 section 5.2).
	InvalidScope Code = "invalid_scope"
	// InvalidTarget is a resource or audience that the client cannot have a token for (RFC 8707 section 2).
	InvalidTarget Code = "invalid_target"
	// ServerError is a fault of ours; its cause stands in the log alone (RFC 6749 section 4.1.2.1).
	ServerError Code = "server_error"
	// TemporarilyUnavailable is a server that cannot decide or sign at the moment (RFC 6749 section 4.1.2.1).
	TemporarilyUnavailable Code = "temporarily_unavailable"
	// TooManyRequests is a client, or an address, that has to slow down. No RFC of this grant has a code for status 429: this
	// one is ours, and that of other authorization servers.
	TooManyRequests Code = "too_many_requests"
)

// Error is a refusal as the client may see it: nothing in it is secret, and causes that are not the client's business stay
// out of it.
type Error struct {
	Code Code
	// Description says to a developer what is wrong and what to do.
	Description string
	// Reason is the reason of the decision (v1alpha1.Reason), where a decision refused.
	Reason string
	// Status is the HTTP status.
	Status int
	// RetryAfter is when a new attempt makes sense; zero: it does not, or nobody knows.
	RetryAfter time.Duration
	// Bare says that the request showed nothing to authenticate by: then the challenge names no error (RFC 6750 section 3.1).
	Bare bool
	// Allow is the list of methods that a 405 has to name (RFC 9110 section 15.5.6).
	Allow string
}

// Error returns code and description.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Description) }

// BadRequest returns an error with status 400, which is the default of RFC 6749 section 5.2.
func BadRequest(code Code, description string) *Error {
	return &Error{Code: code, Description: description, Status: http.StatusBadRequest}
}

// NotFound returns the answer to a request for what there is not.
func NotFound(description string) *Error {
	return &Error{Code: InvalidRequest, Description: description, Status: http.StatusNotFound}
}

// Unauthenticated returns the one answer for every client that did not prove who it is: which part was wrong, it does not
// say.
func Unauthenticated() *Error {
	return &Error{
		Code: InvalidClient,
		Description: "client authentication failed: the client id is unknown, the secret is wrong, " +
			"or the application version is gone; take both from the Secret of the application version",
		Status: http.StatusUnauthorized,
	}
}

// UnauthenticatedAssertion is Unauthenticated for a client that sent an assertion: one answer, whatever was wrong with it.
func UnauthenticatedAssertion() *Error {
	return &Error{
		Code: InvalidClient,
		Description: "client authentication failed: client_assertion must be the unexpired projected token of a ServiceAccount that the " +
			"application version with this client_id lists, in the application's own namespace, with this server's issuer as its only " +
			"audience and a lifetime of at most an hour",
		Status: http.StatusUnauthorized,
	}
}

// NoToken returns the answer to a request whose access token is missing or not good (RFC 6750 section 3.1).
func NoToken(description string) *Error {
	return &Error{Code: InvalidToken, Description: description, Status: http.StatusUnauthorized}
}

// MissingToken is NoToken for a request that shows none at all.
func MissingToken(description string) *Error {
	err := NoToken(description)
	err.Bare = true
	return err
}

// Internal returns what a client learns of a fault of ours.
func Internal() *Error {
	return &Error{
		Code:        ServerError,
		Description: "the server failed; its log has the cause under the X-Request-Id of this answer",
		Status:      http.StatusInternalServerError,
	}
}

// Unavailable returns the answer of a server that cannot decide or sign at the moment.
func Unavailable(description string, retryAfter time.Duration) *Error {
	return &Error{
		Code:        TemporarilyUnavailable,
		Description: description,
		Status:      http.StatusServiceUnavailable,
		RetryAfter:  retryAfter,
	}
}

// TooMany returns the answer to one that has to slow down.
func TooMany(description string, retryAfter time.Duration) *Error {
	return &Error{
		Code:        TooManyRequests,
		Description: description,
		Status:      http.StatusTooManyRequests,
		RetryAfter:  retryAfter,
	}
}
