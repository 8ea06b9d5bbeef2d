package keyset_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
)

// FuzzParse reads what could stand in the file: what is taken can be used, and is written as it was read.
func FuzzParse(f *testing.F) {
	now := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
	var keys []keyset.Key
	for _, algorithm := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		key, err := keyset.Generate(algorithm, now, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		key.SignUntil, key.RemoveAt = now.Add(time.Hour), now.Add(2*time.Hour)
		keys = append(keys, key)
	}
	for _, set := range []keyset.Set{{Keys: keys[:1]}, {Keys: keys[1:2]}, {Keys: keys[2:]}, {Keys: keys}} {
		data, err := set.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(bytes.Replace(data, []byte("2030"), []byte("0000"), 1))
		f.Add(bytes.ReplaceAll(data, []byte("ES256"), []byte("RS256")))
		f.Add(data[:len(data)/2])
	}
	for _, text := range []string{"", "null", "{}", `{"keys":[]}`, `{"keys":[{}]}`, `{"keys":[{"kid":"k","alg":"none"}]}`, `{"keys":{}}`, "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := keyset.Parse(data)
		if err != nil {
			return
		}
		for _, at := range []time.Time{{}, now, now.Add(90 * time.Minute)} {
			signing, found := set.SigningKey(at)
			if found && signing.ID == "" || len(set.Published(at)) > keyset.MaxKeys {
				t.Errorf("at %s it signs with %v, and publishes %v", at, signing, set.Published(at))
			}
		}
		for _, key := range set.Keys {
			if private, err := key.Signer(); err != nil || private.Public() == nil {
				t.Errorf("a key of an accepted set cannot sign: %v", err)
			}
		}
		written, err := set.Marshal()
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, err := keyset.Parse(written)
		if err != nil {
			t.Fatalf("reading what was written: %v", err)
		}
		if rewritten, err := again.Marshal(); err != nil || !bytes.Equal(written, rewritten) {
			t.Errorf("it changed from one writing to the next: %v", err)
		}
	})
}
