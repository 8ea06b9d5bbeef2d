package tokenserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// FuzzIntrospection changes both tokens of a question: nobody but the resource server's own pod gets an answer, and no token but
// the one that was issued is active. Keys differ from one run to the next, so that POD and TOKEN, with HEAD, BODY and SIGNATURE
// for its parts, stand for the right ones.
func FuzzIntrospection(f *testing.F) {
	z := &fuzzed{tokenservertest.New(f, func(o *tokenservertest.Objects) {
		o.Server.Spec.Introspection = &v1alpha1.Introspection{
			ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: "iot", Name: "gateway"}},
		}
	})}
	pod := z.world.API.Cluster.Sign(f, tokenservertest.Issuer, z.world.Clock.Now(), workloadtest.For("iot", "gateway"))
	ask := newPost("/oauth2/token", formType, "grant_type=client_credentials")
	id, secret := credentials()
	ask.Header.Set("Authorization", tokenservertest.BasicAuth(id, secret))
	answer := z.world.Do(ask)
	token := answer.Member("access_token")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		f.Fatalf("got no token: %d %s", answer.Status, answer.Text)
	}
	tokens := strings.NewReplacer("POD", pod, "TOKEN", token, "HEAD", parts[0], "BODY", parts[1], "SIGNATURE", parts[2])
	for _, bearer := range []string{"Bearer POD", "Bearer TOKEN", "Bearer x", "", "Basic eDp5", "bearer  POD", "Bearer POD.x"} {
		for _, text := range []string{"TOKEN", "POD", "", "HEAD.BODY.", "HEAD.BODY.SIGNATUREA", "HEAD.e30.SIGNATURE", "e30.BODY.SIGNATURE", secret} {
			f.Add(bearer, text)
		}
	}
	f.Fuzz(func(t *testing.T, authorization, text string) {
		if !sendable(authorization) {
			return
		}
		authorization, text = tokens.Replace(authorization), tokens.Replace(text)
		r := newPost("/oauth2/introspect", formType, url.Values{"token": {text}}.Encode())
		r.Header.Set("Authorization", authorization)
		status, body := z.ask(t, r)
		if status == http.StatusOK && !isToken(authorization, pod) {
			t.Fatalf("%q was let in", authorization)
		}
		if body["active"] == true && !isToken("Bearer "+text, token) {
			t.Fatalf("%q is active", text)
		}
	})
}
