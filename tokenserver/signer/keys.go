package signer

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"
	"k8s.io/utils/clock"

	"countersign.dev/internal/keyset"
)

// ErrNoKey is returned where no key that is held may sign at the moment.
var ErrNoKey = errors.New("no signing key whose window is open")

// Keys is the signing keys of one face. Its methods are safe for concurrent use and never lock.
type Keys struct {
	file       string
	tokenType  string
	algorithms []keyset.Algorithm
	clock      clock.PassiveClock
	mount      *mount
	held       atomic.Pointer[held]

	// problem is why the file could not be read the last time; it belongs to Signer.Load.
	problem string
}

// held is what was read from the file. It is never changed, only replaced.
type held struct {
	data []byte
	set  keyset.Set
	keys map[string]*key
}

// key is a key made ready: nothing of it has to be parsed or encoded when a token is signed.
type key struct {
	private crypto.Signer
	method  jwt.SigningMethod
	// header is the JOSE header, encoded, with the dot behind it.
	header string
	jwk    JWK
}

// Held reports whether keys were ever read. Whether one of them may sign now is another matter.
func (k *Keys) Held() bool { return k.held.Load() != nil }

// Sign returns the compact serialization (RFC 7515 section 3.1) of a token with this payload, which is the JSON of its
// claims. It returns ErrNoKey where no key may sign: a server whose keys no longer arrive stops, rather than sign with one
// that verifiers have forgotten.
func (k *Keys) Sign(payload []byte) (string, error) {
	held, now := k.held.Load(), k.clock.Now()
	if held == nil || k.mount.stuck(now) {
		return "", ErrNoKey
	}
	current, ok := held.set.SigningKey(now)
	if !ok {
		return "", ErrNoKey
	}
	signing := held.keys[current.ID]
	input := signing.header + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := signing.method.Sign(input, signing.private)
	if err != nil {
		return "", fmt.Errorf("signing with key %q: %w", current.ID, err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// PublicKey returns the published key of that id, to verify a token of our own.
func (k *Keys) PublicKey(id string) (crypto.PublicKey, bool) {
	for _, key := range k.published() {
		if key.jwk.ID == id {
			return key.private.Public(), true
		}
	}
	return nil, false
}

// Algorithms returns the algorithms of the published keys, each once, that of the signing key first.
func (k *Keys) Algorithms() []string {
	var algorithms []string
	for _, key := range k.published() {
		if !slices.Contains(algorithms, key.jwk.Algorithm) {
			algorithms = append(algorithms, key.jwk.Algorithm)
		}
	}
	return algorithms
}

// published returns the keys that are to be published now, the one that signs first.
func (k *Keys) published() []*key {
	held := k.held.Load()
	if held == nil {
		return nil
	}
	now := k.clock.Now()
	signing, _ := held.set.SigningKey(now)
	var published []*key
	for _, entry := range held.set.Published(now) {
		if entry.ID == signing.ID {
			published = slices.Insert(published, 0, held.keys[entry.ID])
		} else {
			published = append(published, held.keys[entry.ID])
		}
	}
	return published
}

// read makes a file's content ready to be held; nil where it is what is held already.
func (k *Keys) read(data []byte) (*held, error) {
	if before := k.held.Load(); before != nil && bytes.Equal(before.data, data) {
		return nil, nil //nolint:nilnil // nothing new, and nothing wrong
	}
	set, err := keyset.Parse(data)
	if err != nil {
		return nil, err
	}
	next := &held{data: data, set: set, keys: make(map[string]*key, len(set.Keys))}
	for _, entry := range set.Keys {
		if !slices.Contains(k.algorithms, entry.Algorithm) {
			return nil, fmt.Errorf("key %q is for %s, which tokens of this set are not signed with", entry.ID, entry.Algorithm)
		}
		if next.keys[entry.ID], err = prepare(entry, k.tokenType); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// ids returns the ids of all keys that are held, for the log.
func (k *Keys) ids() []string {
	held := k.held.Load()
	ids := make([]string, 0, len(held.set.Keys))
	for _, entry := range held.set.Keys {
		ids = append(ids, entry.ID)
	}
	return ids
}

func prepare(entry keyset.Key, tokenType string) (*key, error) {
	private, err := entry.Signer()
	if err != nil {
		return nil, err
	}
	jwk, err := newJWK(entry, private.Public())
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(struct {
		Algorithm keyset.Algorithm `json:"alg"`
		ID        string           `json:"kid"`
		Type      string           `json:"typ"`
	}{entry.Algorithm, entry.ID, tokenType})
	if err != nil {
		return nil, fmt.Errorf("encoding the header of key %q: %w", entry.ID, err)
	}
	return &key{
		private: private,
		method:  jwt.GetSigningMethod(string(entry.Algorithm)),
		header:  base64.RawURLEncoding.EncodeToString(header) + ".",
		jwk:     jwk,
	}, nil
}
