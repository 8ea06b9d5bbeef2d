package token

import (
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign.dev/access"
	"countersign.dev/tokenserver/signer"
)

// Verified is what a verified token of the standard face says. It is as old as the token; whoever acts on it asks the
// directory for today's answer.
type Verified struct {
	ID           string
	Issuer       string
	Subject      string
	ClientID     string
	CredentialID string
	// Audience is the token's one audience.
	Audience string
	Tenant   string
	Scopes   access.Scopes
	Issued   time.Time
	Expires  time.Time
}

// VerifyStandard checks a token of the standard face as any API would: signed by a key of that face that is published now, of
// RFC 9068's type, of this issuer, in time, for one audience. A token of the Insights Hub API is none.
func (i *Issuer) VerifyStandard(text string) (Verified, error) {
	claims := &readClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != signer.TypeAccessToken {
			return nil, fmt.Errorf("its type is not %s", signer.TypeAccessToken)
		}
		id, _ := t.Header["kid"].(string)
		key, found := i.deps.Standard.PublicKey(id)
		if !found {
			return nil, fmt.Errorf("there is no key %q", id)
		}
		return key, nil
	},
		// Each of these takes keys of a type that none of the others takes: the key says the algorithm.
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}),
		jwt.WithIssuer(i.deps.Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(i.deps.Clock.Now),
	)
	if err != nil {
		return Verified{}, fmt.Errorf("verifying a token: %w", err)
	}
	if len(claims.Audience) != 1 || claims.IssuedAt == nil {
		return Verified{}, fmt.Errorf("verifying a token: it has %d audiences, or no time of issue", len(claims.Audience))
	}
	return Verified{
		ID: claims.ID, Issuer: claims.Issuer, Subject: claims.Subject, ClientID: claims.ClientID, CredentialID: claims.CredentialID,
		Audience: claims.Audience[0], Tenant: claims.Tenant, Scopes: access.NewScopes(strings.Fields(claims.Scope)...),
		Issued: claims.IssuedAt.Time, Expires: claims.ExpiresAt.Time,
	}, nil
}

// readClaims is what is read back of standardClaims.
type readClaims struct {
	jwt.RegisteredClaims
	ClientID     string `json:"client_id"`
	CredentialID string `json:"credential_id"`
	Tenant       string `json:"tenant"`
	Scope        string `json:"scope"`
}
