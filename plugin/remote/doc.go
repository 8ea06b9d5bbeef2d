// Package remote speaks to the token server: as a tenant, which asks what is on offer to it, and as an application, which asks
// for a token.
//
// It follows no redirects, and sends credentials over TLS or to the own machine alone. It knows no cluster. Package plugin
// calls it.
package remote
