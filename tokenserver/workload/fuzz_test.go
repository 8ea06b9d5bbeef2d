package workload

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"countersign.dev/tokenserver/workload/workloadtest"
)

// FuzzKeys reads JWK Sets: whatever is in one, a key that comes out of it verifies signatures, by an algorithm that fits it.
func FuzzKeys(f *testing.F) {
	for _, algorithm := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		key := workloadtest.NewKey(f, "k", algorithm)
		for _, jwk := range []jose.JSONWebKey{
			{Key: key.Private.Public(), KeyID: "k", Algorithm: algorithm, Use: "sig"}, {Key: key.Private.Public(), KeyID: "k"},
			{Key: key.Private, KeyID: "k"}, {Key: []byte("secret"), KeyID: "k"}, {Key: key.Private.Public(), KeyID: "k", Use: "enc"},
		} {
			encoded, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk}})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(encoded)
		}
	}
	for _, text := range []string{
		"", "null", "[]", `{"keys":null}`, `{"keys":[null,1,"x",{}]}`, `{"keys":[{"kty":"RSA","kid":"k","n":"","e":""}]}`,
		`{"keys":[{"kty":"RSA","kid":"k","n":"AA","e":"AAAAAAAAAAAAAAAA"}]}`, `{"keys":[{"kty":"EC","kid":"k","crv":"P-256","x":"","y":""}]}`,
		`{"keys":[{"kty":"OKP","kid":"k","crv":"Ed25519","x":"AA"}]}`, `{"keys":[{"kty":"RSA","kid":"k","x5c":["AA"],"x5u":"%"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		parsed, err := parseKeys(document)
		if err == nil && len(parsed) == 0 {
			t.Error("a set without keys is none")
		}
		for id, key := range parsed {
			if id == "" || !slices.Contains(algorithms(key.public), key.algorithm) {
				t.Errorf("%q is a %T for %s", id, key.public, key.algorithm)
			}
		}
	})
}
