package tokenserver_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// FuzzBearer changes access tokens of the v3 API: none but the one that was issued may list anybody. Keys differ from one run to
// the next, so that OWN, FOREIGN, HEAD, BODY and SIGNATURE stand for the tokens and their parts.
func FuzzBearer(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	issue := func(tenant string) string {
		r := newPost(hubPath+"/oauth/token", jsonType, strings.Replace(hubBody, "acme", tenant, 1))
		r.Header.Set("X-SPACE-AUTH-KEY", tokenservertest.BasicAuth(id, secret))
		answer := z.world.Do(r)
		return answer.Member("access_token")
	}
	own, foreign := issue("operator-co"), issue("acme")
	parts := strings.Split(own, ".")
	tokens := strings.NewReplacer("OWN", own, "FOREIGN", foreign, "HEAD", parts[0], "BODY", parts[1], "SIGNATURE", parts[2])
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for _, token := range []string{
		"", "x", "..", "OWN", "FOREIGN", "OWN.x", "HEAD.BODY.", "HEAD.BODY.SIGNATURE", "HEAD.BODY.SIGNATUREA", "HEAD.BODYA.SIGNATURE",
		none + ".BODY.", none + ".BODY.SIGNATURE", "HEAD.e30.SIGNATURE", "e30.e30.e30", "HEAD.BODY.FOREIGN",
	} {
		f.Add("Bearer "+token, "page=0&size=100")
	}
	f.Add(tokenservertest.BasicAuth(id, secret), "")
	f.Add("Bearer OWN", "page=2147483647&size=500")
	f.Add("Bearer OWN", "page=%zz")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		if !sendable(authorization) {
			return
		}
		r := httptest.NewRequest(http.MethodGet, hubPath+"/userTenants", http.NoBody)
		r.URL.RawQuery = query
		authorization = tokens.Replace(authorization)
		r.Header.Set("Authorization", authorization)
		if status, answer := z.ask(t, r); status == http.StatusOK && !isToken(authorization, own) {
			t.Fatalf("%q yielded %v", authorization, answer)
		}
	})
}

// isToken reports whether the header brings that token, in whatever base64 its signature is.
func isToken(authorization, token string) bool {
	given, want := strings.Split(strings.TrimSpace(authorization[min(len(authorization), len("Bearer ")):]), "."), strings.Split(token, ".")
	if len(given) != 3 || given[0] != want[0] || given[1] != want[1] {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(given[2])
	return err == nil && base64.RawURLEncoding.EncodeToString(signature) == want[2]
}

// FuzzClientAssertion sends texts for the token of a pod: nobody here may authenticate by one.
func FuzzClientAssertion(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	const pod = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	encode := func(header, claims string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	}
	const claims = `{"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:tenant-operator-co:kpi",` +
		`"aud":["` + tokenservertest.Issuer + `"],"exp":1795435200,"iat":1795431600,` +
		`"kubernetes.io":{"namespace":"tenant-operator-co","serviceaccount":{"name":"kpi","uid":"u"},"pod":{"name":"p","uid":"u"}}}`
	for _, assertion := range []string{
		"", "x", "..", "a.b.c", secret, encode(`{"alg":"none"}`, claims) + ".", encode(`{"alg":"RS256","kid":"k"}`, claims) + ".c2ln",
		encode(`{"alg":"HS256","kid":""}`, claims) + ".c2ln", encode(`{"alg":"ES256","jku":"https://elsewhere.example.com"}`, claims) + ".c2ln",
		encode(`{"alg":["RS256"],"kid":1,"crit":["x"]}`, `{"aud":"`+tokenservertest.Issuer+`","exp":"soon"}`) + ".c2ln", encode("null", "[]") + ".",
	} {
		f.Add(assertion, pod, id)
		f.Add(assertion, pod, "")
		f.Add(assertion, "password", id)
	}
	f.Fuzz(func(t *testing.T, assertion, kind, client string) {
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {kind}, "client_id": {client},
		}
		if status, answer := z.ask(t, newPost("/oauth2/token", formType, form.Encode())); status == http.StatusOK {
			t.Fatalf("%q yielded %v", form, answer)
		}
	})
}
