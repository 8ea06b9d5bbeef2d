package tokenserver_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
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
	f.Add("Bearer OWN", "")
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
		status, answer := z.ask(t, r)
		if status == http.StatusOK && !sameToken(authorization[min(len(authorization), len("Bearer ")):], own) {
			t.Fatalf("%q yielded %v", authorization, answer)
		}
		if status != http.StatusOK && authorization == "Bearer "+own && query == "" {
			t.Fatalf("the right token was refused: %v", answer)
		}
	})
}

// sameToken reports whether it is that token, in whatever base64 its signature is.
func sameToken(text, token string) bool {
	given, want := strings.Split(strings.TrimSpace(text), "."), strings.Split(token, ".")
	if len(given) != 3 || given[0] != want[0] || given[1] != want[1] {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(given[2])
	return err == nil && base64.RawURLEncoding.EncodeToString(signature) == want[2]
}

const podAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// newFuzzedPods is a server that takes the token own of the application's pods; foreign is that of another ServiceAccount. What
// own's parts are called, FuzzBearer says.
func newFuzzedPods(f *testing.F) (z *fuzzed, own string, tokens *strings.Replacer) {
	f.Helper()
	z = &fuzzed{tokenservertest.New(f, func(o *tokenservertest.Objects) {
		o.App.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: workloadtest.Name}}
		o.Server.Spec.Introspection = &v1alpha1.Introspection{
			ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: workloadtest.Namespace, Name: workloadtest.Name}},
		}
	})}
	cluster := z.world.API.Cluster
	own = cluster.Sign(f, tokenservertest.Issuer, tokenservertest.Epoch())
	foreign := cluster.Sign(f, tokenservertest.Issuer, tokenservertest.Epoch(), workloadtest.For("elsewhere", workloadtest.Name))
	parts := strings.Split(own, ".")
	return z, own, strings.NewReplacer("OWN", own, "FOREIGN", foreign, "HEAD", parts[0], "BODY", parts[1], "SIGNATURE", parts[2])
}

// seedAssertions are tokens of pods, right and wrong.
func seedAssertions() []string {
	encode := func(header, claims string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	}
	const claims = `{"iss":"` + workloadtest.Issuer + `","sub":"system:serviceaccount:tenant-operator-co:kpi-runner",` +
		`"aud":["` + tokenservertest.Issuer + `"],"exp":1795435200,"iat":1795431600,` +
		`"kubernetes.io":{"namespace":"tenant-operator-co","serviceaccount":{"name":"kpi-runner","uid":"u"},"pod":{"name":"p","uid":"u"}}}`
	return []string{
		"", "x", "..", "a.b.c", "OWN", "FOREIGN", "HEAD.BODY.", "HEAD.BODY.SIGNATUREA", "HEAD.BODYA.SIGNATURE", "HEAD.e30.SIGNATURE",
		encode(`{"alg":"none"}`, claims) + ".", encode(`{"alg":"RS256","kid":"cluster-1"}`, claims) + ".c2ln",
		encode(`{"alg":"HS256","kid":"cluster-1"}`, claims) + ".c2ln", encode(`{"alg":"ES256","kid":"cluster-1"}`, claims) + ".SIGNATURE",
		encode(`{"alg":"ES256","jku":"https://elsewhere.example.com"}`, claims) + ".c2ln", encode("null", "[]") + ".",
		encode(`{"alg":["ES256"],"kid":1,"crit":["x"]}`, `{"aud":"`+tokenservertest.Issuer+`","exp":"soon"}`) + ".c2ln",
	}
}

// FuzzClientAssertion changes the tokens of pods: none but the one that the cluster signed may authenticate anybody, in the form
// or in the place of a secret.
func FuzzClientAssertion(f *testing.F) {
	z, own, tokens := newFuzzedPods(f)
	id, _ := credentials()
	for _, assertion := range seedAssertions() {
		f.Add(assertion, podAssertion, id)
		f.Add(assertion, podAssertion, "")
		f.Add(assertion, "password", id)
	}
	f.Fuzz(func(t *testing.T, assertion, kind, client string) {
		assertion = tokens.Replace(assertion)
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {kind}, "client_id": {client},
		}
		right := sameToken(assertion, own) && client == id
		status, answer := z.ask(t, newPost("/oauth2/token", formType, form.Encode()))
		if status == http.StatusOK && (!right || kind != podAssertion) {
			t.Fatalf("%q yielded %v", form, answer)
		}
		if status != http.StatusOK && assertion == own && client == id && kind == podAssertion {
			t.Fatalf("the right token was refused: %v", answer)
		}
		list := httptest.NewRequest(http.MethodGet, "/v1/tenants", http.NoBody)
		list.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(assertion))
		if status, answer := z.ask(t, list); status == http.StatusOK && !right {
			t.Fatalf("%q and %q yielded %v", client, assertion, answer)
		}
	})
}

// FuzzIntrospection lets strangers ask about tokens, and a resource server about texts that are none.
func FuzzIntrospection(f *testing.F) {
	z, own, tokens := newFuzzedPods(f)
	id, secret := credentials()
	form := newPost("/oauth2/token", formType, "grant_type=client_credentials")
	form.Header.Set("Authorization", tokenservertest.BasicAuth(id, secret))
	answer := z.world.Do(form)
	issued := answer.Member("access_token")
	for _, assertion := range seedAssertions() {
		f.Add("Bearer "+assertion, "ISSUED")
		f.Add("Bearer OWN", assertion)
	}
	f.Add(tokenservertest.BasicAuth(id, secret), "ISSUED")
	f.Add("Bearer OWN", "ISSUED.")
	f.Fuzz(func(t *testing.T, authorization, token string) {
		if !sendable(authorization) {
			return
		}
		authorization, token = tokens.Replace(authorization), tokens.Replace(strings.ReplaceAll(token, "ISSUED", issued))
		r := newPost("/oauth2/introspect", formType, url.Values{"token": {token}}.Encode())
		r.Header.Set("Authorization", authorization)
		status, answer := z.ask(t, r)
		if status != http.StatusOK {
			return
		}
		if !sameToken(authorization[min(len(authorization), len("Bearer ")):], own) {
			t.Fatalf("%q was told %v", authorization, answer)
		}
		if active, _ := answer["active"].(bool); active && !sameToken(token, issued) || !active && token == issued {
			t.Fatalf("%q is said to be %v", token, answer)
		}
	})
}
