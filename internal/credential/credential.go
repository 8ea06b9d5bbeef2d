// Package credential owns the client secret and what is kept of it: it makes secrets, recognises their form, hashes them
// and compares hashes. It also computes client ids.
//
// It knows nothing of Kubernetes or of HTTP. The operator makes secrets with it, the token server checks them with it, and
// secrets are compared nowhere else.
package credential

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// The form of a secret: csk_, 32 random bytes as 43 characters of base64url, and 6 characters of checksum over both. The
// prefix and the checksum let leak scanners find it without false alarms, and let the server refuse anything else before
// it hashes: a secret that a person thought up never works.
const (
	prefix         = "csk_"
	entropyBytes   = 32
	entropyChars   = 43
	checksumChars  = 6
	secretChars    = len(prefix) + entropyChars + checksumChars
	base62Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// idBytes is how many random bytes a credential's id has.
const idBytes = 8

// ErrForm is returned for a string that has not the form of a Countersign secret.
var ErrForm = errors.New("not a Countersign client secret")

// redacted is what a Secret prints as.
const redacted = "[redacted]"

// Secret is a client secret in the clear. It prints as [redacted]; Reveal is the one way to its text.
type Secret struct{ text string }

// New makes a secret from 256 bits of the given randomness.
func New(random io.Reader) (Secret, error) {
	entropy := make([]byte, entropyBytes)
	if _, err := io.ReadFull(random, entropy); err != nil {
		return Secret{}, fmt.Errorf("reading randomness for a client secret: %w", err)
	}
	body := prefix + base64.RawURLEncoding.EncodeToString(entropy)
	return Secret{text: body + checksum(body)}, nil
}

// Parse takes a text as a secret when it has the form of one; otherwise it returns ErrForm, which does not quote the text.
func Parse(text string) (Secret, error) {
	if len(text) != secretChars || !strings.HasPrefix(text, prefix) {
		return Secret{}, ErrForm
	}
	body, sum := text[:len(prefix)+entropyChars], text[len(prefix)+entropyChars:]
	if _, err := base64.RawURLEncoding.Strict().DecodeString(body[len(prefix):]); err != nil {
		return Secret{}, ErrForm
	}
	if checksum(body) != sum {
		return Secret{}, ErrForm
	}
	return Secret{text: text}, nil
}

// Reveal returns the secret's text, for the Secret object and for nothing else.
func (s Secret) Reveal() string { return s.text }

// Hash returns the SHA-256 of the secret's text.
func (s Secret) Hash() Hash { return sha256.Sum256([]byte(s.text)) }

// String, GoString and MarshalText keep a secret out of logs, errors and messages, whatever verb prints it.
func (Secret) String() string { return redacted }

// GoString is String for the verb %#v.
func (Secret) GoString() string { return redacted }

// MarshalText is String for encoders such as JSON's.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Hash is the SHA-256 of a secret: what is kept of it.
type Hash [sha256.Size]byte

// ParseHash reads a hash from 64 lowercase hexadecimal digits.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if len(text) != hex.EncodedLen(len(h)) || text != strings.ToLower(text) {
		return Hash{}, errors.New("a hash is 64 lowercase hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fmt.Errorf("a hash is 64 lowercase hexadecimal digits: %w", err)
	}
	return h, nil
}

// String returns the hash as 64 lowercase hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Equal compares in a time that does not depend on where the two differ.
func (h Hash) Equal(other Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }

// Find returns the index of the candidate that equals the hash, or -1. It looks at every candidate, whichever matches, so
// that its time says nothing but their number.
func (h Hash) Find(candidates []Hash) int {
	found := -1
	for i, candidate := range candidates {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(h[:], candidate[:]), i, found)
	}
	return found
}

// NewID makes the id of a credential: 16 hexadecimal digits. It is no secret.
func NewID(random io.Reader) (string, error) {
	id := make([]byte, idBytes)
	if _, err := io.ReadFull(random, id); err != nil {
		return "", fmt.Errorf("reading randomness for a credential id: %w", err)
	}
	return hex.EncodeToString(id), nil
}

// IsID reports whether the text is an id as NewID makes them.
func IsID(text string) bool {
	id, err := hex.DecodeString(text)
	return err == nil && len(id) == idBytes && text == strings.ToLower(text)
}

// checksum is the CRC-32 (IEEE) of the text in base 62, six characters with leading zeros.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [checksumChars]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62Alphabet[sum%62]
		sum /= 62
	}
	return string(out[:])
}
