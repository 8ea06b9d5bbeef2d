// Package token owns the claims: a client, a decision and a clock go in, a signed token comes out. It also reads back the
// tokens of the Insights Hub API, which that API itself takes.
//
// It decides nothing, holds no key and knows no transport. Package exchange calls it once a decision was made.
package token
