// Package exchange owns the order of the security steps, which is the same for every endpoint of both faces: the view of the
// cluster is complete and fresh, the client proves who it is and has not asked for too much, the decision is made, the token is
// signed, and one line in the log says what came of it. An edge cannot leave out a step: what a step needs is made by the one before it.
//
// It knows no HTTP. The edges, httpapi and insightshub, parse requests into its calls and write what it returns.
package exchange
