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
	// PublishedAt is by when the public part was certainly in the file: when the operator, after it had written the key,
	// found it there. Zero: not yet seen. Whoever holds the file publishes the key, whatever this says.
	PublishedAt time.Time `json:"publishedAt,omitzero"`
	// SignFrom is from when the key signs: late enough after PublishedAt for every verifier to know it. Zero: not yet
	// decided, it signs nothing.
	SignFrom time.Time `json:"signFrom,omitzero"`
	// SignUntil is when the key stops signing, and its successor begins. Zero: not yet decided, it signs on.
	SignUntil time.Time `json:"signUntil,omitzero"`
	// RemoveAt is when the public part is published no more: the last token of the key has expired. Zero: not yet decided.
	RemoveAt time.Time `json:"removeAt,omitzero"`
}

// signs reports whether the key's signing window is open.
func (k Key) signs(now time.Time) bool {
	return !k.SignFrom.IsZero() && !now.Before(k.SignFrom) && (k.SignUntil.IsZero() || now.Before(k.SignUntil))
}

// Removed reports whether the key's time is over.
func (k Key) Removed(now time.Time) bool { return !k.RemoveAt.IsZero() && !now.Before(k.RemoveAt) }

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

// check returns what is wrong with the key: its times must follow each other, and its id must be its own.
func (k Key) check() error {
	for _, step := range []struct {
		before, after string
		a, b          time.Time
	}{
		{"publishedAt", "signFrom", k.PublishedAt, k.SignFrom},
		{"signFrom", "signUntil", k.SignFrom, k.SignUntil},
		{"signUntil", "removeAt", k.SignUntil, k.RemoveAt},
	} {
		if !step.b.IsZero() && (step.a.IsZero() || step.b.Before(step.a)) {
			return fmt.Errorf("key %q: %s needs %s, and not after it", k.ID, step.after, step.before)
		}
	}
	private, err := k.Signer()
	if err != nil {
		return err
	}
	id, err := keyID(private.Public())
	if err != nil {
		return err
	}
	if k.ID != id {
		// Else one key could stand in both sets under two names.
		return fmt.Errorf("key %q: its kid must be %q, which is derived from its public part", k.ID, id)
	}
	return nil
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
