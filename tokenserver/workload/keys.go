package workload

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// minRSABits is the shortest RSA key whose signatures count (RFC 7518 section 3.3).
const minRSABits = 2048

// keys is what the cluster published at a time. It is never changed, only replaced.
type keys struct {
	issuer string
	byID   map[string]key
	asOf   time.Time
}

// key is a public key and the one algorithm whose signatures it verifies.
type key struct {
	public    crypto.PublicKey
	algorithm string
}

// algorithms are those that a key of its kind can be for, the first being that of a key that names none. None of them has a
// secret that both sides know.
func algorithms(public crypto.PublicKey) []string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return nil
		}
		return []string{"RS256", "RS384", "RS512"}
	case *ecdsa.PublicKey:
		switch public.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// parseIssuer reads the issuer from a discovery document.
func parseIssuer(document []byte) (string, error) {
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(document, &metadata); err != nil {
		return "", fmt.Errorf("reading the cluster's discovery document: %w", err)
	}
	if metadata.Issuer == "" {
		return "", errors.New("reading the cluster's discovery document: it names no issuer")
	}
	return metadata.Issuer, nil
}

// parseKeys reads a JWK Set (RFC 7517 section 5). Keys that are of no use here are left out, as section 5 says; a set of
// which nothing is left is an error, as are two keys of one id.
func parseKeys(document []byte) (map[string]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("reading the cluster's keys: %w", err)
	}
	byID := make(map[string]key, len(set.Keys))
	for _, raw := range set.Keys {
		id, parsed, usable := parseKey(raw)
		if !usable {
			continue
		}
		if _, twice := byID[id]; twice {
			return nil, fmt.Errorf("reading the cluster's keys: two have the id %q", id)
		}
		byID[id] = parsed
	}
	if len(byID) == 0 {
		return nil, errors.New("reading the cluster's keys: there is none that verifies signatures")
	}
	return byID, nil
}

func parseKey(raw json.RawMessage) (id string, parsed key, usable bool) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil || !jwk.Valid() || jwk.KeyID == "" {
		return "", key{}, false
	}
	possible := algorithms(jwk.Key)
	if len(possible) == 0 || jwk.Use != "" && jwk.Use != "sig" {
		return "", key{}, false
	}
	algorithm := jwk.Algorithm
	if algorithm == "" {
		algorithm = possible[0]
	}
	if !slices.Contains(possible, algorithm) {
		return "", key{}, false
	}
	return jwk.KeyID, key{public: jwk.Key, algorithm: algorithm}, true
}
