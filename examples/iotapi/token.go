package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// keysPath is where the token server publishes its keys; its discovery document says the same.
const keysPath = "/.well-known/jwks.json"

// verifier verifies access tokens of RFC 9068.
type verifier struct{ tokens *oidc.IDTokenVerifier }

// newVerifier fetches keys when a token needs one that it does not have.
func newVerifier(ctx context.Context, issuer, audience string) verifier {
	keys := oidc.NewRemoteKeySet(ctx, issuer+keysPath)
	return verifier{oidc.NewVerifier(issuer, keys, &oidc.Config{
		ClientID:             audience, // the library's name for the audience
		SupportedSigningAlgs: []string{oidc.ES256, oidc.EdDSA},
	})}
}

// caller is what a token says: whose data, and what may be done with it.
type caller struct {
	tenant string
	scopes []string
}

// verify checks signature, issuer, audience and time, and that the token is an access token (RFC 9068 section 4).
func (v verifier) verify(ctx context.Context, r *http.Request) (caller, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, errors.New("there is no bearer token")
	}
	token, err := v.tokens.Verify(ctx, text)
	if err != nil {
		return caller{}, err
	}
	if err := isAccessToken(text); err != nil {
		return caller{}, err
	}
	var claims struct {
		Tenant string `json:"tenant"`
		Scope  string `json:"scope"`
	}
	if err := token.Claims(&claims); err != nil {
		return caller{}, fmt.Errorf("reading claims: %w", err)
	}
	if claims.Tenant == "" {
		return caller{}, errors.New("the token is for no tenant")
	}
	return caller{tenant: claims.Tenant, scopes: strings.Fields(claims.Scope)}, nil
}

// isAccessToken looks at typ, which keeps tokens of another kind from being taken for access tokens.
func isAccessToken(token string) error {
	encoded, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("reading the token's header: %w", err)
	}
	var header struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(data, &header); err != nil {
		return fmt.Errorf("reading the token's header: %w", err)
	}
	if kind := strings.ToLower(header.Type); kind != "at+jwt" && kind != "application/at+jwt" {
		return fmt.Errorf("the token's typ is %q, not at+jwt", header.Type)
	}
	return nil
}

func (c caller) may(scope string) bool { return slices.Contains(c.scopes, scope) }
