// Package controllers owns the operator's writing: one reconciler a kind, which says in status what it found. What an
// object means is decided in package access, the same that the token server asks, so that a condition and an answer cannot
// disagree; the credentials of an Application are package credentials' part.
//
// It serves nothing and knows no tokens. cmd/operator calls Setup.
package controllers
