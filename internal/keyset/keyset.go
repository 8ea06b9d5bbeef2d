// Package keyset owns the form in which signing keys lie in a Secret, and so in the directory that a kubelet mounts: the
// operator writes it, the token server reads it. It knows neither JWTs nor Kubernetes.
//
// A set is one JSON file. Each key carries the absolute times of its life; readers follow them by their own clock, so that
// all replicas switch at once, whenever the file reached each.
package keyset

import (
	"encoding/json"
	"errors"
	"fmt"
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

const (
	// MaxKeys is the most keys that a set can hold: one that retired, one that signs, one that comes next.
	MaxKeys = 3
	// maxID is the longest kid that errors quote. A private key is longer, should somebody have put one there.
	maxID = 40
	// MaxTokenLifetime is the longest life that a token can be given. A key stays published for that long after its last
	// signature, and no token server is configured for more.
	MaxTokenLifetime = time.Hour
)

// Set is the keys of one face, the newest first, and how long verifiers may keep what is published of them.
type Set struct {
	// MaxAgeSeconds is how long a verifier may keep the published keys before it asks again: what token servers say in
	// Cache-Control, and what the times of the keys are planned with. Absent: not at all.
	MaxAgeSeconds int64 `json:"maxAgeSeconds,omitempty"`
	// CachedUntil is until when verifiers may hold published keys that they were allowed to keep for longer than
	// MaxAgeSeconds, which was more before. Absent: they hold none. It is the operator's own note.
	CachedUntil time.Time `json:"cachedUntil,omitzero"`
	// Rotation names the last rotation on demand that this set's keys were changed for. It is the operator's own note.
	Rotation string `json:"rotation,omitempty"`
	Keys     []Key  `json:"keys"`
}

// MaxAge is MaxAgeSeconds as a duration.
func (s Set) MaxAge() time.Duration { return time.Duration(s.MaxAgeSeconds) * time.Second }

// SigningKey returns the key that signs at the time: of those inside their signing window, the one whose window began
// last.
func (s Set) SigningKey(now time.Time) (Key, bool) {
	var signing Key
	found := false
	for _, key := range s.Keys {
		if key.signs(now) && (!found || key.SignFrom.After(signing.SignFrom)) {
			signing, found = key, true
		}
	}
	return signing, found
}

// Published returns the keys whose public part is to be published at the time, in the set's order.
func (s Set) Published(now time.Time) []Key {
	return slices.DeleteFunc(slices.Clone(s.Keys), func(key Key) bool { return key.Removed(now) })
}

// Disjoint returns an error that names a key which stands in both sets.
func Disjoint(a, b Set) error {
	for _, key := range a.Keys {
		if slices.ContainsFunc(b.Keys, func(other Key) bool { return other.ID == key.ID }) {
			return fmt.Errorf("key %q stands in both sets, and the two faces share none", key.ID)
		}
	}
	return nil
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
	if set.MaxAgeSeconds < 0 {
		return Set{}, fmt.Errorf("maxAgeSeconds is %d, less than nothing", set.MaxAgeSeconds)
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		if len(key.ID) > maxID {
			return Set{}, errors.New("a key has a kid that is too long for one: it is derived from the key's public part")
		}
		if seen[key.ID] {
			return Set{}, fmt.Errorf("every key is there once, %q is there twice", key.ID)
		}
		seen[key.ID] = true
		if err := key.check(); err != nil {
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
