package token

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"countersign.dev/access"
	"countersign.dev/tokenserver/directory"
)

// InsightsHubPath is the base path of the Insights Hub API. Its URL is an audience of tokens for the host tenant's own data.
const InsightsHubPath = "/api/technicaltokenmanager/v3"

// hubClaims are those of the Insights Hub's tokens, in the manner of UAA, and about.
type hubClaims struct {
	ID         string           `json:"jti"`
	Subject    string           `json:"sub"`
	Scope      []string         `json:"scope"`
	ClientID   string           `json:"client_id"`
	CID        string           `json:"cid"`
	Authorized string           `json:"azp"`
	GrantType  string           `json:"grant_type"`
	RevSig     string           `json:"rev_sig"`
	IssuedAt   int64            `json:"iat"`
	Expires    int64            `json:"exp"`
	Issuer     string           `json:"iss"`
	Zone       string           `json:"zid"`
	Ten        string           `json:"ten"`
	Audience   jwt.ClaimStrings `json:"aud"`
	about
}

// InsightsHub returns a token of the Insights Hub API for what was decided, with the errors of Standard.
func (i *Issuer) InsightsHub(client directory.Client, decision *access.Decision) (Token, error) {
	if !decision.Granted() {
		return Token{}, ErrRefused
	}
	id, err := i.newID()
	if err != nil {
		return Token{}, err
	}
	window, tenant := i.windowOf(decision, insightsHubLifetime), tenantOf(decision)
	claims := hubClaims{
		ID:         id,
		Subject:    client.ID,
		Scope:      decision.Scopes,
		ClientID:   client.ID,
		CID:        client.ID,
		Authorized: client.ID,
		GrantType:  "client_credentials",
		RevSig:     revSig(client.CredentialID),
		IssuedAt:   window.issued.Unix(),
		Expires:    window.expires.Unix(),
		Issuer:     i.hubIssuer(),
		Zone:       tenant,
		Ten:        tenant,
		Audience:   jwt.ClaimStrings{decision.Audience},
		about:      aboutOf(client, decision),
	}
	if tenant == client.Host {
		claims.Audience = append(claims.Audience, i.hubURL())
	}
	signed, with, err := sign(i.deps.InsightsHub, claims)
	if err != nil {
		return Token{}, err
	}
	return Token{
		Access: signed, ID: id, Lifetime: window.lifetime(), Scopes: decision.Scopes, Algorithm: with.Algorithm, KeyID: with.KeyID,
	}, nil
}

// hubIssuer differs from the standard issuer, so that neither face's token verifies as the other's.
func (i *Issuer) hubIssuer() string { return i.deps.Issuer + "/oauth/token" }

func (i *Issuer) hubURL() string { return i.deps.Issuer + InsightsHubPath }

// revSig stands for the credential: 8 hexadecimal digits of its id's hash. It comes from the id, never from the secret.
func revSig(credentialID string) string {
	sum := sha256.Sum256([]byte(credentialID))
	return hex.EncodeToString(sum[:4])
}

// Bearer is what a verified token of the Insights Hub API says of its client.
type Bearer struct {
	ClientID     string
	CredentialID string
	// Tenant and HostTenant are the same for every token that this API takes.
	Tenant, HostTenant string
}

// VerifyInsightsHub checks a token that was sent to the Insights Hub API: RS256 by a published key, this issuer, in time, and
// for this API. What it says is as old as the token; whoever acts on it asks the directory for today's answer.
func (i *Issuer) VerifyInsightsHub(text string) (Bearer, error) {
	claims := &verifiedClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		key, found := i.deps.InsightsHub.PublicKey(id)
		if !found {
			return nil, fmt.Errorf("there is no key %q", id)
		}
		return key, nil
	},
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(i.hubIssuer()),
		jwt.WithAudience(i.hubURL()),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(i.deps.Clock.Now),
	)
	if err != nil {
		return Bearer{}, fmt.Errorf("verifying a token: %w", err)
	}
	if claims.Tenant != claims.HostTenant {
		return Bearer{}, fmt.Errorf("verifying a token: it is for tenant %s, not for the host tenant's own data", claims.Tenant)
	}
	return Bearer{
		ClientID: claims.ClientID, CredentialID: claims.CredentialID, Tenant: claims.Tenant, HostTenant: claims.HostTenant,
	}, nil
}

// verifiedClaims is what is read back of hubClaims.
type verifiedClaims struct {
	jwt.RegisteredClaims
	ClientID     string `json:"client_id"`
	CredentialID string `json:"credential_id"`
	Tenant       string `json:"tenant"`
	HostTenant   string `json:"host_tenant"`
}
