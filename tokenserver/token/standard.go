package token

import (
	"strings"

	"countersign.dev/access"
	"countersign.dev/tokenserver/directory"
)

// standardClaims are those of RFC 9068 section 2.2, and about.
type standardClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
	Scope    string `json:"scope"`
	about
}

// Standard returns an access token of RFC 9068 for what was decided. It returns ErrRefused where that was a refusal, and
// signer.ErrNoKey where no key may sign now.
func (i *Issuer) Standard(client directory.Client, decision *access.Decision) (Token, error) {
	if !decision.Granted() {
		return Token{}, ErrRefused
	}
	id, err := i.newID()
	if err != nil {
		return Token{}, err
	}
	window := i.windowOf(decision, i.deps.Lifetime)
	signed, with, err := sign(i.deps.Standard, standardClaims{
		Issuer:   i.deps.Issuer,
		Subject:  client.ID,
		ClientID: client.ID,
		Audience: decision.Audience,
		IssuedAt: window.issued.Unix(),
		Expires:  window.expires.Unix(),
		ID:       id,
		Scope:    strings.Join(decision.Scopes, " "),
		about:    aboutOf(client, decision),
	})
	if err != nil {
		return Token{}, err
	}
	return Token{
		Access: signed, ID: id, Lifetime: window.lifetime(), Scopes: decision.Scopes, Algorithm: with.Algorithm, KeyID: with.KeyID,
	}, nil
}
