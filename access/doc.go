// Package access owns the decision: may this version of this application have a token for that tenant and audience now,
// and with which scopes? Decide is one pure function with a typed reason for each refusal.
//
// It knows nothing of credentials, tokens, HTTP or the API server. Callers give it Facts, which look objects up by name:
// the token server from its read model, the operator from its cache. Both decide with the same code, so what a condition
// says and what the token server does cannot differ.
package access
