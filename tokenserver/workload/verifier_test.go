package workload

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/tokenserver/workload/workloadtest"
)

const issuer = "https://tokens.example.com"

var epoch = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// verifier is a Verifier whose keys are fetched when the test says so.
type verifier struct {
	*Verifier
	t       *testing.T
	clock   *clocktesting.FakeClock
	cluster *workloadtest.Cluster
	log     *bytes.Buffer
}

func newVerifier(t *testing.T, keys ...workloadtest.Key) *verifier {
	t.Helper()
	v := &verifier{
		t: t, clock: clocktesting.NewFakeClock(epoch), cluster: workloadtest.New(t, keys...), log: &bytes.Buffer{},
	}
	server := httptest.NewServer(v.cluster)
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL}
	v.Verifier = New(Deps{Config: config, Audience: issuer, Clock: v.clock, Log: slog.New(slog.NewTextHandler(v.log, nil))})
	return v
}

// informed is a Verifier that has the keys.
func informed(t *testing.T, keys ...workloadtest.Key) *verifier {
	t.Helper()
	v := newVerifier(t, keys...)
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *verifier) sign(edits ...func(*workloadtest.Token)) string {
	v.t.Helper()
	return v.cluster.Sign(v.t, issuer, v.clock.Now(), edits...)
}

func claim(name string, value any) func(*workloadtest.Token) {
	return func(t *workloadtest.Token) { t.Claims[name] = value }
}

func header(name string, value any) func(*workloadtest.Token) {
	return func(t *workloadtest.Token) { t.Header[name] = value }
}

func kubernetes(name string, value any) func(*workloadtest.Token) {
	return func(t *workloadtest.Token) { t.Kubernetes[name] = value }
}

func without(claims ...string) func(*workloadtest.Token) {
	return func(t *workloadtest.Token) {
		for _, name := range claims {
			delete(t.Claims, name)
			delete(t.Kubernetes, name)
		}
	}
}

func TestATokenOfTheClusterProvesItsServiceAccountAndPod(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		v := informed(t, workloadtest.NewKey(t, "1", algorithm))
		got, err := v.Verify(v.sign())
		want := Identity{
			Namespace: workloadtest.Namespace, Name: workloadtest.Name, UID: workloadtest.UID,
			Pod:  Object{Name: workloadtest.PodName, UID: workloadtest.PodUID},
			Node: Object{Name: workloadtest.NodeName, UID: "1"}, TokenID: workloadtest.TokenID,
		}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", algorithm, got, err)
		}
	}
}

func TestWhatIsTaken(t *testing.T) {
	foreign := workloadtest.NewKey(t, "cluster-1", "ES256")
	for sentence, edit := range map[string]func(*workloadtest.Token){
		"a token that is bound to no pod":         without("pod", "node"),
		"one from before there was a jti":         without("jti"),
		"an audience that is a text":              claim("aud", issuer),
		"ten minutes":                             claim("exp", epoch.Add(10*time.Minute).Unix()),
		"a clock that is a little ahead of ours":  claim("iat", epoch.Add(leeway).Unix()),
		"an end that is just over":                claim("exp", epoch.Add(time.Second-leeway).Unix()),
		"a place to get keys from, not looked at": header("jku", "https://evil.example.com/jwks"),
		"a certificate's place, not looked at":    header("x5u", "https://evil.example.com/chain"),
		"a key in the header, not looked at":      header("jwk", jose.JSONWebKey{Key: foreign.Private.Public()}),
		"a chain in the header, not looked at":    header("x5c", []string{"AAAA"}),
	} {
		v := informed(t)
		if got, err := v.Verify(v.sign(edit)); err != nil || got.Name != workloadtest.Name {
			t.Errorf("%s: got %+v, %v", sentence, got, err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	foreign := workloadtest.NewKey(t, "cluster-1", "ES256")
	embedded := jose.JSONWebKey{Key: foreign.Private.Public(), KeyID: "cluster-1", Algorithm: "ES256"}
	both := func(edits ...func(*workloadtest.Token)) func(*workloadtest.Token) {
		return func(t *workloadtest.Token) {
			for _, edit := range edits {
				edit(t)
			}
		}
	}
	for sentence, test := range map[string]struct {
		edit func(*workloadtest.Token)
		want Refusal
	}{
		"another audience":               {claim("aud", []string{"https://other.example.com"}), WrongAudience},
		"our audience beside another":    {claim("aud", []string{issuer, "https://kubernetes.default.svc"}), WrongAudience},
		"another beside our audience":    {claim("aud", []string{"https://kubernetes.default.svc", issuer}), WrongAudience},
		"our audience twice":             {claim("aud", []string{issuer, issuer}), WrongAudience},
		"our audience with a slash":      {claim("aud", []string{issuer + "/"}), WrongAudience},
		"the token endpoint as audience": {claim("aud", []string{issuer + "/oauth2/token"}), WrongAudience},
		"an empty list of audiences":     {claim("aud", []string{}), WrongAudience},
		"no audience":                    {without("aud"), WrongAudience},
		"a life of more than an hour":    {claim("exp", epoch.Add(time.Hour+time.Second).Unix()), TooLong},
		"a life of a year, that began long ago": {
			both(claim("iat", epoch.Add(-364*24*time.Hour).Unix()), claim("exp", epoch.Add(24*time.Hour).Unix())), TooLong,
		},
		"no end":                               {without("exp"), TooLong},
		"no beginning":                         {without("iat"), TooLong},
		"a token that has expired":             {claim("exp", epoch.Add(-leeway).Unix()), Expired},
		"one that is not valid yet":            {claim("nbf", epoch.Add(leeway+time.Second).Unix()), NotYetValid},
		"one from the future":                  {claim("iat", epoch.Add(leeway+time.Second).Unix()), NotYetValid},
		"another cluster's issuer":             {claim("iss", "https://kubernetes.default.svc.other"), WrongIssuer},
		"no issuer":                            {without("iss"), WrongIssuer},
		"our own issuer":                       {claim("iss", issuer), WrongIssuer},
		"an unknown key":                       {both(workloadtest.By(foreign), header("kid", "other")), UnknownKey},
		"no key id":                            {header("kid", ""), UnknownKey},
		"a key id that is no text":             {header("kid", 1), UnknownKey},
		"another key under a known id":         {workloadtest.By(foreign), WrongSignature},
		"another key, brought along":           {both(workloadtest.By(foreign), header("jwk", embedded)), WrongSignature},
		"another key, to be fetched":           {both(workloadtest.By(foreign), header("jku", "https://evil.example.com")), WrongSignature},
		"an extension that must be understood": {both(header("crit", []string{"b64"}), header("b64", false)), Malformed},
		"a person":                             {claim("sub", "kubernetes-admin"), WrongSubject},
		"a node":                               {claim("sub", "system:node:node-1"), WrongSubject},
		"no subject":                           {without("sub"), WrongSubject},
		"a subject without a name":             {claim("sub", "system:serviceaccount:"+workloadtest.Namespace), WrongSubject},
		"a subject with an empty name":         {claim("sub", "system:serviceaccount:"+workloadtest.Namespace+":"), WrongSubject},
		"a subject with a part too many":       {claim("sub", "system:serviceaccount:"+workloadtest.Namespace+":a:b"), WrongSubject},
		"a subject of another namespace":       {claim("sub", "system:serviceaccount:other:"+workloadtest.Name), Contradictory},
		"a subject of another name":            {claim("sub", "system:serviceaccount:"+workloadtest.Namespace+":other"), Contradictory},
		"a claim of another namespace":         {kubernetes("namespace", "other"), Contradictory},
		"a claim of another name":              {kubernetes("serviceaccount", map[string]any{"name": "x", "uid": "1"}), Contradictory},
		"a claim without a UID":                {kubernetes("serviceaccount", map[string]any{"name": workloadtest.Name}), Contradictory},
		"no claim of Kubernetes":               {func(t *workloadtest.Token) { t.Kubernetes = nil }, Contradictory},
		"a claim of another form":              {kubernetes("serviceaccount", "x"), Malformed},
		"the ServiceAccount of all pods":       {workloadtest.For(workloadtest.Namespace, "default"), DefaultServiceAccount},
	} {
		v := informed(t)
		got, err := v.Verify(v.sign(test.edit))
		if !errors.Is(err, test.want) || got != (Identity{}) {
			t.Errorf("%s: got %+v, %v; want %v", sentence, got, err, test.want)
		}
		got, err = v.VerifyAny(v.sign(test.edit))
		if test.want == DefaultServiceAccount {
			if err != nil || got.Namespace != workloadtest.Namespace || got.Name != "default" {
				t.Errorf("%s, where any will do: got %+v, %v", sentence, got, err)
			}
		} else if !errors.Is(err, test.want) || got != (Identity{}) {
			t.Errorf("%s, where any will do: got %+v, %v; want %v", sentence, got, err, test.want)
		}
	}
}

// The public key is known to everybody: a verifier that takes it for a shared secret takes everybody's tokens.
func TestTheKeySaysTheAlgorithmAndNotTheToken(t *testing.T) {
	v := informed(t, workloadtest.NewKey(t, "rsa", "RS256"), workloadtest.NewKey(t, "ec", "ES256"))
	rsaKey := v.cluster.Key()
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	signed, his := v.sign(), v.sign(claim("jti", "another"))
	hisSignature := his[strings.LastIndex(his, "."):]
	claims := strings.Split(signed, ".")[1]
	forged := func(header string, sign func(input string) []byte) string {
		input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + claims
		return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
	}
	hmac := func(key []byte) func(string) []byte {
		return func(input string) []byte {
			signature, err := jwt.SigningMethodHS256.Sign(input, key)
			if err != nil {
				t.Fatal(err)
			}
			return signature
		}
	}
	nothing := func(string) []byte { return nil }
	rs512 := rsaKey
	rs512.Method = jwt.SigningMethodRS512
	ps256 := rsaKey
	ps256.Method = jwt.SigningMethodPS256
	for sentence, test := range map[string]struct {
		token string
		want  Refusal
	}{
		"none, without a signature":       {forged(`{"alg":"none","kid":"rsa"}`, nothing), WrongAlgorithm},
		"None, in capitals":               {forged(`{"alg":"NONE","kid":"rsa"}`, nothing), WrongAlgorithm},
		"no algorithm":                    {forged(`{"kid":"rsa"}`, nothing), WrongAlgorithm},
		"HS256 with the public key's DER": {forged(`{"alg":"HS256","kid":"rsa"}`, hmac(der)), WrongAlgorithm},
		"HS256 with the public key's PEM": {
			forged(`{"alg":"HS256","kid":"rsa"}`, hmac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))), WrongAlgorithm,
		},
		"RS512 by a key for RS256":      {v.sign(workloadtest.By(rs512)), WrongAlgorithm},
		"PS256 by a key for RS256":      {v.sign(workloadtest.By(ps256)), WrongAlgorithm},
		"RS256 under the id of another": {v.sign(header("kid", "ec")), WrongAlgorithm},
		"ES256 without a signature":     {forged(`{"alg":"ES256","kid":"ec"}`, nothing), WrongSignature},
		"another's signature":           {signed[:strings.LastIndex(signed, ".")] + hisSignature, WrongSignature},
	} {
		if got, err := v.Verify(test.token); !errors.Is(err, test.want) || got != (Identity{}) {
			t.Errorf("%s: got %+v, %v; want %v", sentence, got, err, test.want)
		}
	}
	if _, err := v.Verify(signed); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestWhatIsNoTokenIsRefusedInOurOwnWords(t *testing.T) {
	v := informed(t)
	whole := strings.Split(v.sign(), ".")
	const utf16, noUTF8 = "{\x00}\x00", "{\"iss\":\"\xff\"}"
	encode := base64.RawURLEncoding.EncodeToString
	for sentence, text := range map[string]string{
		"nothing": "", "dots": "..", "a word": "secret-word", "four parts": "a.b.c.d", "no base64": "%.%.%",
		"a header that is no object":  "MQ." + whole[1] + "." + whole[2],
		"claims that are no object":   whole[0] + ".MQ." + whole[2],
		"claims that are null":        whole[0] + ".bnVsbA." + whole[2],
		"a header in UTF-16":          encode([]byte(utf16)) + "." + whole[1] + "." + whole[2],
		"claims in UTF-16":            whole[0] + "." + encode([]byte(utf16)) + "." + whole[2],
		"claims that are no UTF-8":    whole[0] + "." + encode([]byte(noUTF8)) + "." + whole[2],
		"a signature with white room": strings.Join(whole, ".") + " ",
	} {
		_, err := v.Verify(text)
		var refusal Refusal
		if !errors.As(err, &refusal) || err.Error() != string(refusal) {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

func TestKeysThatVerifyNothingAreLeftOutAndTheOthersStay(t *testing.T) {
	good := workloadtest.NewKey(t, "good", "ES256")
	jwk := func(key any, id, algorithm, use string) string {
		encoded, err := jose.JSONWebKey{Key: key, KeyID: id, Algorithm: algorithm, Use: use}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	unnamed, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, other := range map[string]string{
		"a shared secret":               jwk([]byte("secret"), "other", "HS256", "sig"),
		"a key of an unknown kind":      `{"kty":"AKP","kid":"other","alg":"ML-DSA-44","pub":"AAAA"}`,
		"a key without an id":           jwk(unnamed.Public(), "", "ES256", "sig"),
		"a key for encryption":          jwk(unnamed.Public(), "other", "ES256", "enc"),
		"a key for what it cannot do":   jwk(unnamed.Public(), "other", "RS256", "sig"),
		"a key of the wrong curve":      jwk(unnamed.Public(), "other", "ES384", "sig"),
		"a key for a shared secret":     jwk(unnamed.Public(), "other", "HS256", "sig"),
		"a private key":                 jwk(unnamed, "other", "ES256", "sig"),
		"a broken key":                  `{"kty":"EC","crv":"P-256","kid":"other","x":"AA","y":"AA"}`,
		"an RSA key of 8 bits":          `{"kty":"RSA","kid":"other","n":"qw","e":"AQAB"}`,
		"something that is no key":      `17`,
		"a key that names no algorithm": jwk(unnamed.Public(), "other", "", ""),
	} {
		document := `{"keys":[` + other + `,` + jwk(good.Private.Public(), "good", "ES256", "sig") + `]}`
		got, err := parseKeys([]byte(document))
		want := 1
		if sentence == "a key that names no algorithm" {
			want = 2
		}
		if err != nil || len(got) != want || got["good"].algorithm != "ES256" {
			t.Errorf("%s: got %v, %v", sentence, got, err)
		}
	}
	for sentence, document := range map[string]string{
		"no JSON": "<html>", "no keys": `{}`, "an empty set": `{"keys":[]}`, "nothing of use": `{"keys":[{"kty":"oct","k":"AA"}]}`,
		"one id twice": `{"keys":[` + jwk(good.Private.Public(), "a", "", "") + `,` + jwk(unnamed.Public(), "a", "", "") + `]}`,
	} {
		if got, err := parseKeys([]byte(document)); err == nil {
			t.Errorf("%s: got %v", sentence, got)
		}
	}
	for _, document := range []string{"<html>", "{}", `{"issuer":1}`} {
		if got, err := parseIssuer([]byte(document)); err == nil {
			t.Errorf("%s: got %v", document, got)
		}
	}
}
