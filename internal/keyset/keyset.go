// Package keyset owns the form in which signing keys lie in a Secret, and so in the directory that a kubelet mounts: the
// operator writes it, the token server reads it. It knows neither JWTs nor Kubernetes.
//
// A set is one JSON file. Each key carries the absolute times of its life; readers follow them by their own clock, so that
// all replicas switch at once and one whose mount is stuck goes dark rather than signs with a key that others removed.
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

// MaxKeys is the most keys that a set can hold.
const MaxKeys = 3

// Set is the keys of one face, the newest first.
type Set struct {
	Keys []Key `json:"keys"`
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
