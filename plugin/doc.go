// Package plugin is kubectl countersign: one file a command. Commands look at the cluster through package live, with the rights
// of whoever runs them, and at the token server through package remote.
//
// It reads no environment, no clock and no randomness by itself, and it decides nothing: whether a token can be had says
// package access. cmd/kubectl-countersign calls it.
package plugin
