// Package oauth is the vocabulary of the token server: the errors of RFC 6749 and RFC 8707 as values, the names of grant
// types and of methods of client authentication, how much of a body is read, what JSON is taken in it, and the one function that
// writes an error of the standard face.
//
// It decides nothing and knows no tenants and no keys. Everything in the token server that can refuse a request speaks it;
// package insightshub renders the same errors in the envelope of its own API.
package oauth

// GrantClientCredentials is the one grant type that is served (RFC 6749 section 4.4).
const GrantClientCredentials = "client_credentials"

// Methods of client authentication (RFC 7591 section 2).
const (
	// ClientSecretBasic is the client id and secret in HTTP Basic authentication.
	ClientSecretBasic = "client_secret_basic"
	// ClientSecretPost is the client id and secret in the request's form.
	ClientSecretPost = "client_secret_post"
)

// AssertionTypeJWT is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const AssertionTypeJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// TokenType is how a token is to be used (RFC 6750).
const TokenType = "Bearer"
