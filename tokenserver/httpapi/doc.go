// Package httpapi is the edge of the standard face: RFC 6749 client credentials, for one tenant or several, RFC 7662
// introspection, the public keys, discovery, and the list of tenants. One file an endpoint; each parses its request and nothing
// else.
//
// It decides nothing, sees no Kubernetes and no key's private part. Package tokenserver lists its handlers as routes.
package httpapi
