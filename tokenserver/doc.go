// Package tokenserver owns the list of all routes and how they are served: limits of a connection, ids of requests, what a
// handler that panicked answers, readiness, metrics.
//
// It knows nothing of what a route does: that is in the packages below it, and what is decided in package access.
// cmd/tokenserver makes a Server from flags and runs it.
package tokenserver
