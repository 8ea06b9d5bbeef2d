// Package tokenserver owns the list of all routes and how they are served. What stands behind a route is in the packages
// below it; what is decided, in package access.
//
// cmd/tokenserver makes one from flags and runs it.
package tokenserver
