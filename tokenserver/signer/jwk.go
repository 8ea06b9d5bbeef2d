package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"

	"countersign.dev/internal/keyset"
)

// JWKS is a JWK Set (RFC 7517 section 5).
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is a public key (RFC 7517 section 4; RFC 7518 section 6; RFC 8037 section 2).
type JWK struct {
	KeyType   string `json:"kty"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	Modulus   string `json:"n,omitempty"`
	Exponent  string `json:"e,omitempty"`
	// PEM is the key as a PEM block (RFC 7468 section 13). Only the Insights Hub API publishes it.
	PEM string `json:"value,omitempty"`
}

// JWKS returns the published keys as RFC 7517 has them. It is empty while no keys are held.
func (k *Keys) JWKS() JWKS {
	jwks := k.TokenKeys()
	for i := range jwks.Keys {
		jwks.Keys[i].PEM = ""
	}
	return jwks
}

// TokenKeys returns the published keys as the Insights Hub API has them: with their PEM, and the one that signs first,
// since there are clients that look at no other.
func (k *Keys) TokenKeys() JWKS {
	published := k.published()
	jwks := JWKS{Keys: make([]JWK, 0, len(published))}
	for _, key := range published {
		jwks.Keys = append(jwks.Keys, key.jwk)
	}
	return jwks
}

func newJWK(entry keyset.Key, public crypto.PublicKey) (JWK, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return JWK{}, fmt.Errorf("encoding the public part of key %q: %w", entry.ID, err)
	}
	jwk := JWK{
		ID:        entry.ID,
		Algorithm: string(entry.Algorithm),
		Use:       "sig",
		PEM:       string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, X, Y: an uncompressed point, whose coordinates have the curve's full length
		if err != nil {
			return JWK{}, fmt.Errorf("encoding the public part of key %q: %w", entry.ID, err)
		}
		size := (len(point) - 1) / 2
		jwk.KeyType, jwk.Curve = "EC", public.Params().Name
		jwk.X, jwk.Y = encode(point[1:1+size]), encode(point[1+size:])
	case ed25519.PublicKey:
		jwk.KeyType, jwk.Curve, jwk.X = "OKP", "Ed25519", encode(public)
	case *rsa.PublicKey:
		jwk.KeyType = "RSA"
		jwk.Modulus, jwk.Exponent = encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	default:
		return JWK{}, fmt.Errorf("key %q: a %T cannot be published", entry.ID, public)
	}
	return jwk, nil
}

// encode is the Base64urlUInt of RFC 7518 section 2, for bytes that are already minimal or of the length that is due.
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
