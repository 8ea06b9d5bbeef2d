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
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
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
