// Package insightshub is the edge of the Insights Hub Token Management API v3, for clients that move over unchanged: its
// forms of client authentication, its parameters, its answers and its errors.
//
// It decides nothing: package exchange does what both faces do. What no public source says of the original service is this
// project's own design, and docs/insights-hub.md says which that is.
package insightshub
