package signer_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/tokenservertest"
)

// holding is a Signer whose standard face has that key.
func holding(t *testing.T, key keyset.Key) *signer.Signer {
	t.Helper()
	dir := t.TempDir()
	tokenservertest.WriteSet(t, filepath.Join(dir, keyset.StandardFile), key)
	tokenservertest.WriteSet(t, filepath.Join(dir, keyset.InsightsHubFile), tokenservertest.SharedKeys().InsightsHub)
	s := signer.New(signer.Deps{
		Dir: dir, Clock: clocktesting.NewFakeClock(tokenservertest.Epoch()), Log: slog.New(slog.DiscardHandler),
	})
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	return s
}

// RFC 9068 section 2.1 wants RS256 among the algorithms, and the type in every header; RFC 7517 section 4 wants each key to
// say what it is.
func TestEveryAlgorithmOfTheStandardFaceSignsAccessTokensByAKeyThatSaysWhatItIs(t *testing.T) {
	for algorithm, want := range map[keyset.Algorithm]struct {
		keyType, curve string
		method         jwt.SigningMethod
	}{
		keyset.ES256: {"EC", "P-256", jwt.SigningMethodES256},
		keyset.EdDSA: {"OKP", "Ed25519", jwt.SigningMethodEdDSA},
		keyset.RS256: {"RSA", "", jwt.SigningMethodRS256},
	} {
		key := tokenservertest.NewKey(t, algorithm, tokenservertest.Epoch())
		keys := holding(t, key).Standard()
		token, err := keys.Sign([]byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		published := keys.JWKS().Keys
		if len(published) != 1 || published[0].KeyType != want.keyType || published[0].Curve != want.curve ||
			published[0].Use != "sig" || published[0].ID != key.ID || published[0].Algorithm != string(algorithm) {
			t.Errorf("%s: published as %+v", algorithm, published)
		}
		parsed, err := jwt.Parse(token, func(*jwt.Token) (any, error) {
			public, _ := keys.PublicKey(key.ID)
			return public, nil
		}, jwt.WithValidMethods([]string{want.method.Alg()}))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if parsed.Header["typ"] != "at+jwt" || parsed.Header["kid"] != key.ID || len(parsed.Header) != 3 {
			t.Errorf("%s: header %v", algorithm, parsed.Header)
		}
	}
}

// RFC 7518 section 6.2.1.2: a coordinate that begins with zeros keeps them. One key in 256 has such an x.
func TestACoordinateHasTheFullLengthOfItsCurve(t *testing.T) {
	for range 10_000 {
		key := tokenservertest.NewKey(t, keyset.ES256, tokenservertest.Epoch())
		public, ok := tokenservertest.Private(t, key).Public().(*ecdsa.PublicKey)
		if !ok {
			t.Fatal("no ECDSA key")
		}
		point, err := public.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if point[1] != 0 {
			continue
		}
		jwk := holding(t, key).Standard().JWKS().Keys[0]
		for _, coordinate := range []string{jwk.X, jwk.Y} {
			if decoded, err := base64.RawURLEncoding.DecodeString(coordinate); err != nil || len(decoded) != 32 {
				t.Errorf("%s: %d bytes, %v", coordinate, len(decoded), err)
			}
		}
		return
	}
	t.Fatal("no key of 10,000 has an x that begins with a zero")
}

func TestAnRSAKeyHas2048BitsAtLeast(t *testing.T) {
	key, err := keyset.Generate(keyset.RS256, tokenservertest.Epoch(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := tokenservertest.Private(t, key).Public().(*rsa.PublicKey)
	if !ok || public.N.BitLen() < 2048 {
		t.Errorf("got %d bits", public.N.BitLen())
	}
}
