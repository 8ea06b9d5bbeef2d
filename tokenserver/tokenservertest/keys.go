package tokenservertest

import (
	"crypto"
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
)

// Keys are the private keys of the two faces, for those who want to sign what they should not.
type Keys struct {
	Standard, InsightsHub keyset.Key
}

// keysOnce makes one pair for a test binary, since an RSA key takes its time.
var keysOnce = sync.OnceValue(func() Keys {
	return Keys{Standard: mustGenerate(keyset.ES256, Epoch()), InsightsHub: mustGenerate(keyset.RS256, Epoch())}
})

func mustGenerate(algorithm keyset.Algorithm, at time.Time) keyset.Key {
	key, err := keyset.Generate(algorithm, at, rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail, and the algorithms are known
	}
	return key
}

// NewKey returns a further key that is published and signs from that time on.
func NewKey(tb testing.TB, algorithm keyset.Algorithm, at time.Time) keyset.Key {
	tb.Helper()
	key, err := keyset.Generate(algorithm, at, rand.Reader)
	if err != nil {
		tb.Fatalf("generating a key: %v", err)
	}
	return key
}

// Private returns the key's private part.
func Private(tb testing.TB, key keyset.Key) crypto.Signer {
	tb.Helper()
	private, err := key.Signer()
	if err != nil {
		tb.Fatalf("reading a key: %v", err)
	}
	return private
}

// WriteKeys writes both faces' sets into the directory.
func WriteKeys(tb testing.TB, dir string, keys Keys) {
	tb.Helper()
	WriteSet(tb, filepath.Join(dir, keyset.StandardFile), keys.Standard)
	WriteSet(tb, filepath.Join(dir, keyset.InsightsHubFile), keys.InsightsHub)
}

// MaxAge is how long verifiers may keep the keys of a World.
const MaxAge = 5 * time.Minute

// WriteSet writes one set.
func WriteSet(tb testing.TB, path string, keys ...keyset.Key) {
	tb.Helper()
	data, err := keyset.Set{MaxAgeSeconds: int64(MaxAge / time.Second), Keys: keys}.Marshal()
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		tb.Fatalf("writing keys: %v", err)
	}
}

// SharedKeys returns the keys that the Worlds of this test binary have.
func SharedKeys() Keys { return keysOnce() }
