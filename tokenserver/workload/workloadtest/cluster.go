// Package workloadtest is a stand-in for a cluster that issues tokens to ServiceAccounts: its keys, the documents in which an
// API server publishes them, and tokens with whatever is wrong with them. Tests alone import it.
//
// That real tokens look like these, test/flow shows.
package workloadtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// Issuer is that of every Cluster's tokens.
const Issuer = "https://kubernetes.default.svc"

// What a Token says unless it is edited.
const (
	Namespace = "tenant-operator-co"
	Name      = "kpi-runner"
	UID       = "5f0c8a52-7a51-4f0f-8f2b-0b9f5c1f2a10"
	PodName   = "kpi-runner-7d9c"
	PodUID    = "c2a2a3c1-2b0e-4d9a-9a60-3f1f0d9f7e11"
	NodeName  = "node-1"
	TokenID   = "0d5a1f0e-8f0c-4c55-9d15-6a3c2a1b7f22"
)

// Key is a key that signs ServiceAccount tokens.
type Key struct {
	ID      string
	Private crypto.Signer
	Method  jwt.SigningMethod
}

// NewKey returns a key for RS256, ES256, ES384 or EdDSA.
func NewKey(tb testing.TB, id, algorithm string) Key {
	tb.Helper()
	var (
		private crypto.Signer
		err     error
	)
	switch algorithm {
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		tb.Fatalf("no key for %s", algorithm)
	}
	if err != nil {
		tb.Fatalf("generating a key: %v", err)
	}
	return Key{ID: id, Private: private, Method: jwt.GetSigningMethod(algorithm)}
}

// Cluster answers as an API server's discovery does.
type Cluster struct {
	mu      sync.Mutex
	keys    []Key
	down    bool
	fetched int
}

// New returns a Cluster that publishes the keys; the first signs. Without any it makes one.
func New(tb testing.TB, keys ...Key) *Cluster {
	tb.Helper()
	if len(keys) == 0 {
		keys = []Key{NewKey(tb, "cluster-1", "ES256")}
	}
	return &Cluster{keys: keys}
}

// Key returns the key that signs.
func (c *Cluster) Key() Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[0]
}

// Publish makes these the keys, the first of which signs.
func (c *Cluster) Publish(keys ...Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = keys
}

// SetDown makes discovery fail, or work again.
func (c *Cluster) SetDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// Fetched returns how often the keys were asked for.
func (c *Cluster) Fetched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetched
}

// ServeHTTP answers the two paths of discovery.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var document any = map[string]any{"issuer": Issuer, "jwks_uri": "https://elsewhere.example.com/openid/v1/jwks"}
	if r.URL.Path == "/openid/v1/jwks" {
		c.fetched++
		set := jose.JSONWebKeySet{}
		for _, key := range c.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{
				Key: key.Private.Public(), KeyID: key.ID, Algorithm: key.Method.Alg(), Use: "sig",
			})
		}
		document = set
	}
	if c.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// Token is a token to be signed. The members can be set to anything, or deleted.
type Token struct {
	Key    Key
	Header map[string]any
	Claims map[string]any
	// Kubernetes is the claim kubernetes.io.
	Kubernetes map[string]any
}

// Sign returns a token that the cluster would issue at that time to the ServiceAccount for the audience, bound to a pod, after
// the edits.
func (c *Cluster) Sign(tb testing.TB, audience string, now time.Time, edits ...func(*Token)) string {
	tb.Helper()
	t := &Token{
		Key: c.Key(), Header: map[string]any{},
		Claims: map[string]any{
			"iss": Issuer, "sub": "system:serviceaccount:" + Namespace + ":" + Name, "aud": []string{audience},
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": TokenID,
		},
		Kubernetes: map[string]any{
			"namespace":      Namespace,
			"serviceaccount": map[string]any{"name": Name, "uid": UID},
			"pod":            map[string]any{"name": PodName, "uid": PodUID},
			"node":           map[string]any{"name": NodeName, "uid": "1"},
		},
	}
	for _, edit := range edits {
		edit(t)
	}
	return t.sign(tb)
}

// For makes it another ServiceAccount's token.
func For(namespace, name string) func(*Token) {
	return func(t *Token) {
		t.Claims["sub"] = "system:serviceaccount:" + namespace + ":" + name
		t.Kubernetes["namespace"] = namespace
		t.Kubernetes["serviceaccount"] = map[string]any{"name": name, "uid": UID}
	}
}

// By has another key sign.
func By(key Key) func(*Token) { return func(t *Token) { t.Key = key } }

func (t *Token) sign(tb testing.TB) string {
	tb.Helper()
	if t.Kubernetes != nil {
		t.Claims["kubernetes.io"] = t.Kubernetes
	}
	token := jwt.NewWithClaims(t.Key.Method, jwt.MapClaims(t.Claims))
	token.Header["kid"] = t.Key.ID
	maps.Copy(token.Header, t.Header)
	signed, err := token.SignedString(t.Key.Private)
	if err != nil {
		tb.Fatalf("signing a token: %v", err)
	}
	return signed
}
