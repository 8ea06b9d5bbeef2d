// Package keyset owns the form in which signing keys lie in a Secret, and so in the directory that a kubelet mounts: the
// operator writes it, the token server reads it. It knows neither JWTs nor Kubernetes.
//
// A set is one JSON file. Each key carries the absolute times of its life; readers follow them by their own clock, so that
// all replicas switch at once and one whose mount is stuck goes dark rather than signs with a key that others removed.
package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Files of the two sets, which share no key (RFC 8725 section 3.12): keys of the Secret, files in the directory.
const (
	// StandardFile holds the keys of the standard face.
	StandardFile = "standard.json"
	// InsightsHubFile holds the keys of the Insights Hub v3 API.
	InsightsHubFile = "insightshub.json"
)

// Algorithm is a JWS algorithm (RFC 7518 section 3.1, RFC 8037).
type Algorithm string

// The algorithms that keys can be for.
const (
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
	RS256 Algorithm = "RS256"
)

const (
	rsaBits       = 2048
	pemPrivateKey = "PRIVATE KEY"
	redacted      = "[redacted]"
)

// MaxKeys is the most keys that a set can hold.
const MaxKeys = 3

// Set is the keys of one face, the newest first.
type Set struct {
	Keys []Key `json:"keys"`
}

// Key is a signing key with the times of its life. It prints without its private part.
type Key struct {
	// ID is the key's kid (RFC 7515 section 4.1.4).
	ID        string    `json:"kid"`
	Algorithm Algorithm `json:"alg"`
	// PrivateKey is a PKCS #8 key in PEM.
	PrivateKey PrivateKeyPEM `json:"privateKey"`
	// PublishedAt is from when the public part is published.
	PublishedAt time.Time `json:"publishedAt"`
	// SignFrom is from when the key signs: late enough after PublishedAt for every verifier to know it.
	SignFrom time.Time `json:"signFrom"`
	// SignUntil is when the key stops signing; zero: not yet decided.
	SignUntil time.Time `json:"signUntil,omitzero"`
	// RemoveAt is when the public part is published no more; zero: not yet decided.
	RemoveAt time.Time `json:"removeAt,omitzero"`
}

// PrivateKeyPEM is a private key's text. It prints as [redacted]; only the JSON of a Set holds it in the clear.
type PrivateKeyPEM string

// String keeps the key out of logs and errors.
func (PrivateKeyPEM) String() string { return redacted }

// GoString is String for the verb %#v.
func (PrivateKeyPEM) GoString() string { return redacted }

// Generate makes a key that is published and signs from now on.
func Generate(algorithm Algorithm, now time.Time, random io.Reader) (Key, error) {
	private, err := generate(algorithm, random)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key for %s: %w", algorithm, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("encoding a key for %s: %w", algorithm, err)
	}
	id, err := keyID(private.Public())
	if err != nil {
		return Key{}, err
	}
	now = now.UTC().Truncate(time.Second)
	return Key{
		ID:          id,
		Algorithm:   algorithm,
		PrivateKey:  PrivateKeyPEM(pem.EncodeToMemory(&pem.Block{Type: pemPrivateKey, Bytes: der})),
		PublishedAt: now,
		SignFrom:    now,
	}, nil
}

func generate(algorithm Algorithm, random io.Reader) (crypto.Signer, error) {
	switch algorithm {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(random)
		return private, err
	case RS256:
		return rsa.GenerateKey(random, rsaBits)
	default:
		return nil, errors.New("unknown algorithm: one of ES256, EdDSA, RS256")
	}
}

// keyID derives a kid from the public part: the same key has the same id wherever it is, and no two keys share one.
func keyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}

// Signer returns the private key, after checking that it is one for the key's algorithm.
func (k Key) Signer() (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(k.PrivateKey))
	if block == nil || block.Type != pemPrivateKey || len(rest) != 0 {
		return nil, fmt.Errorf("key %q: privateKey is not one PEM block of type %s", k.ID, pemPrivateKey)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key %q: privateKey is no PKCS #8 key", k.ID) // the cause could quote key material
	}
	if !fits(private, k.Algorithm) {
		return nil, fmt.Errorf("key %q: the private key is a %T, not one for %s", k.ID, private, k.Algorithm)
	}
	return private.(crypto.Signer), nil //nolint:forcetypeassert // fits admits signers alone
}

func fits(private any, algorithm Algorithm) bool {
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return algorithm == ES256 && key.Curve == elliptic.P256()
	case ed25519.PrivateKey:
		return algorithm == EdDSA
	case *rsa.PrivateKey:
		return algorithm == RS256 && key.N.BitLen() >= rsaBits
	default:
		return false
	}
}

// SigningKey returns the key that signs at the time: of those inside their signing window, the one whose window began
// last.
func (s Set) SigningKey(now time.Time) (Key, bool) {
	var signing Key
	found := false
	for _, key := range s.Keys {
		inWindow := !now.Before(key.SignFrom) && (key.SignUntil.IsZero() || now.Before(key.SignUntil))
		if inWindow && (!found || key.SignFrom.After(signing.SignFrom)) {
			signing, found = key, true
		}
	}
	return signing, found
}

// Published returns the keys whose public part is to be published at the time, in the set's order.
func (s Set) Published(now time.Time) []Key {
	return slices.DeleteFunc(slices.Clone(s.Keys), func(key Key) bool {
		return now.Before(key.PublishedAt) || !key.RemoveAt.IsZero() && !now.Before(key.RemoveAt)
	})
}

// Marshal returns the set as it stands in a file.
func (s Set) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding a key set: %w", err)
	}
	return append(data, '\n'), nil
}

// Parse reads a set from a file's content and checks that every key in it can be used.
func Parse(data []byte) (Set, error) {
	var set Set
	if err := json.Unmarshal(data, &set); err != nil {
		return Set{}, unreadable(err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > MaxKeys {
		return Set{}, fmt.Errorf("a key set has 1 to %d keys, this one has %d", MaxKeys, len(set.Keys))
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		if key.ID == "" || seen[key.ID] {
			return Set{}, fmt.Errorf("every key needs a kid of its own, %q is empty or there twice", key.ID)
		}
		seen[key.ID] = true
		if key.PublishedAt.IsZero() || key.SignFrom.Before(key.PublishedAt) {
			return Set{}, fmt.Errorf("key %q: publishedAt and signFrom are needed, in this order", key.ID)
		}
		if _, err := key.Signer(); err != nil {
			return Set{}, err
		}
	}
	return set, nil
}

// unreadable says where a file is no key set. It does not wrap the decoder's error, which can quote what stands there: a
// private key, where somebody put one into the wrong field.
func unreadable(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("reading a key set: it is no JSON, from byte %d on", syntax.Offset)
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("reading a key set: %s has the wrong type", wrong.Field)
	}
	return errors.New("reading a key set: a field has a value that is none of its type; times are as 2030-01-31T12:00:00Z")
}
