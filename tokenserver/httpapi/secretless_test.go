package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/httpapi"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// secretless is a World whose application's version lists the ServiceAccount of the tests, beside a version that lists another,
// and whose ResourceServer may be introspected for by the gateway.
func secretless(t *testing.T, edits ...func(*tokenservertest.Objects)) *tokenservertest.World {
	t.Helper()
	return tokenservertest.New(t, append([]func(*tokenservertest.Objects){func(o *tokenservertest.Objects) {
		o.App.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: workloadtest.Name}}
		o.App.Spec.Versions = append(o.App.Spec.Versions, v1alpha1.ApplicationVersion{
			Version: "2.0.0", ServiceAccounts: []v1alpha1.LocalServiceAccount{{Name: "next"}},
		})
		o.Server.Spec.Introspection = &v1alpha1.Introspection{
			ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: "iot", Name: "gateway"}},
		}
	}}, edits...)...)
}

// form is a POST of a form, in which empty values are left out.
func form(path string, parameters ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		if parameters[i+1] != "" {
			values.Add(parameters[i], parameters[i+1])
		}
	}
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func assertionForm(id, kind, assertion string, more ...string) *http.Request {
	return form(httpapi.PathToken, append([]string{
		"grant_type", oauth.GrantClientCredentials, "client_id", id, "client_assertion_type", kind, "client_assertion", assertion,
		"tenant", tokenservertest.Tenant,
	}, more...)...)
}

// projected is the token of the World's ServiceAccount.
func projected(t *testing.T, w *tokenservertest.World, edits ...func(*workloadtest.Token)) string {
	t.Helper()
	return w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), edits...)
}

func TestAProjectedTokenIsAClientAssertion(t *testing.T) {
	w := secretless(t)
	got := w.Do(assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, projected(t, w)))
	if got.Status != http.StatusOK || got.Member("scope") != "assets:read assets:write" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s, %v", got.Status, got.Text, got.Header)
	}
	said, err := w.Tokens.VerifyStandard(got.Member("access_token"))
	if err != nil || said.CredentialID != "sa:"+workloadtest.Name || said.ClientID != tokenservertest.ClientID() {
		t.Errorf("got %+v, %v", said, err)
	}
	lines := w.Log.Lines(t, "Issued a token")
	if len(lines) != 1 {
		t.Fatalf("there are %d lines in the log", len(lines))
	}
	for key, want := range map[string]string{
		"service_account_namespace": workloadtest.Namespace, "service_account": workloadtest.Name,
		"service_account_uid": workloadtest.UID, "pod": workloadtest.PodName, "pod_uid": workloadtest.PodUID,
		"node": workloadtest.NodeName, "service_account_jti": workloadtest.TokenID, "credential_id": "sa:" + workloadtest.Name,
	} {
		if lines[0][key] != want {
			t.Errorf("the line has %s = %v, want %s", key, lines[0][key], want)
		}
	}
}

func TestWhereThereIsNoFormTheProjectedTokenStandsInTheSecretsPlace(t *testing.T) {
	w := secretless(t)
	for sentence, test := range map[string]struct {
		secret string
		status int
	}{
		"its own":           {projected(t, w), http.StatusOK},
		"another one's":     {projected(t, w, workloadtest.For(workloadtest.Namespace, "next")), http.StatusUnauthorized},
		"something like it": {"a.b.c", http.StatusUnauthorized},
		"the client secret": {tokenservertest.Secret(), http.StatusOK},
	} {
		request := httptest.NewRequest(http.MethodGet, httpapi.PathTenants, http.NoBody)
		request.Header.Set("Authorization", tokenservertest.BasicAuth(tokenservertest.ClientID(), test.secret))
		if got := w.Do(request); got.Status != test.status {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
	}
}

func TestWhoIsNotTheClientLearnsNothingElse(t *testing.T) {
	w := secretless(t)
	good, id := projected(t, w), tokenservertest.ClientID()
	other := strings.Replace(id, tokenservertest.App, "other", 1)
	foreign := workloadtest.NewKey(t, w.API.Cluster.Key().ID, "ES256")
	var texts []string
	for sentence, request := range map[string]*http.Request{
		"an unknown client":            assertionForm(other, oauth.AssertionTypeJWT, good),
		"a ServiceAccount not listed":  assertionForm(id, oauth.AssertionTypeJWT, projected(t, w, workloadtest.For(workloadtest.Namespace, "x"))),
		"one that another version has": assertionForm(id, oauth.AssertionTypeJWT, projected(t, w, workloadtest.For(workloadtest.Namespace, "next"))),
		"one of another namespace":     assertionForm(id, oauth.AssertionTypeJWT, projected(t, w, workloadtest.For("tenant-acme", workloadtest.Name))),
		"the resource server's":        assertionForm(id, oauth.AssertionTypeJWT, projected(t, w, workloadtest.For("iot", "gateway"))),
		"a forged token":               assertionForm(id, oauth.AssertionTypeJWT, projected(t, w, workloadtest.By(foreign))),
		"another audience": assertionForm(id, oauth.AssertionTypeJWT,
			w.API.Cluster.Sign(t, "https://kubernetes.default.svc", w.Clock.Now())),
		"no token":            assertionForm(id, oauth.AssertionTypeJWT, "x"),
		"the client's secret": assertionForm(id, oauth.AssertionTypeJWT, tokenservertest.Secret()),
	} {
		got := w.Do(request)
		if got.Status != http.StatusUnauthorized || got.Member("error") != "invalid_client" || got.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
		texts = append(texts, got.Text)
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("one is told %s, another %s", texts[0], text)
		}
	}
	// Why, is in the log.
	details := map[any]int{}
	for _, line := range w.Log.Lines(t, "Refused a client") {
		details[line["detail"]]++
	}
	if details["the ServiceAccount is not listed for that"] != 5 || details["the signature is wrong"] != 1 ||
		details["its audience is not this issuer alone"] != 1 || details["it is no signed JWT that can be read"] != 2 {
		t.Errorf("the log has the details %v", details)
	}
}

func TestAnAssertionIsOneMethodOfAuthenticationAndComplete(t *testing.T) {
	w := secretless(t)
	good, id := projected(t, w), tokenservertest.ClientID()
	withBasic := assertionForm(id, oauth.AssertionTypeJWT, good)
	withBasic.Header.Set("Authorization", tokenservertest.BasicAuth(id, tokenservertest.Secret()))
	halfWithBasic := assertionForm(id, "", good)
	halfWithBasic.Header.Set("Authorization", tokenservertest.BasicAuth(id, tokenservertest.Secret()))
	for sentence, test := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"beside a client secret":      {assertionForm(id, oauth.AssertionTypeJWT, good, "client_secret", tokenservertest.Secret()), 400, "invalid_request"},
		"beside Basic authentication": {withBasic, 400, "invalid_request"},
		"half of it, beside Basic":    {halfWithBasic, 400, "invalid_request"},
		"without a client id":         {assertionForm("", oauth.AssertionTypeJWT, good), 400, "invalid_request"},
		"without a type":              {assertionForm(id, "", good), 400, "invalid_request"},
		"without an assertion":        {assertionForm(id, oauth.AssertionTypeJWT, ""), 400, "invalid_request"},
		"twice":                       {assertionForm(id, oauth.AssertionTypeJWT, good, "client_assertion", good), 400, "invalid_request"},
		"of another type": {
			assertionForm(id, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", good), 401, "invalid_client",
		},
	} {
		if got := w.Do(test.request); got.Status != test.status || got.Member("error") != test.code {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
	}
}

// Who has no keys must not say that a token is wrong; and it is nobody's business but theirs who send such tokens.
func TestWithoutTheClustersKeysSecretlessClientsWaitAndOthersDoNot(t *testing.T) {
	w := secretless(t)
	w.Restart(func(deps *tokenserver.Deps) {
		deps.Workloads = workload.New(workload.Deps{
			Config: w.API.Config(), Audience: tokenservertest.Issuer, Clock: w.Clock, Log: w.Log.Logger(),
		})
	})
	gateway := projected(t, w, workloadtest.For("iot", "gateway"))
	for sentence, request := range map[string]*http.Request{
		"a right assertion": assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, projected(t, w)),
		"a wrong assertion": assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, "x"),
		"a question":        introspection("x", gateway),
	} {
		got := w.Do(request)
		checkAnswer(t, got, http.StatusServiceUnavailable, "temporarily_unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: there is no Retry-After", sentence)
		}
	}
	checkAnswer(t, w.Do(introspection("x", "")), http.StatusUnauthorized, "invalid_token")
	checkAnswer(t, w.Do(post(httpapi.PathToken, tokenForm(), "Content-Type", formType, "Authorization", basic())), http.StatusOK, "")
	if got := w.Do(get("/readyz")); got.Status != http.StatusOK {
		t.Errorf("the server is not ready: %s", got.Text)
	}
}

func TestTheDecisionOnASecretlessClientIsThatOnAnyOther(t *testing.T) {
	w := secretless(t, func(o *tokenservertest.Objects) { o.App.Spec.Versions[0].State = v1alpha1.StateSuspended })
	got := w.Do(assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, projected(t, w)))
	if got.Status != http.StatusBadRequest || got.Member("reason") != string(v1alpha1.ReasonVersionSuspended) {
		t.Errorf("got %d %s", got.Status, got.Text)
	}
}

func TestAServerThatSeesNothingAnswersAssertionsAndIntrospectionWith503(t *testing.T) {
	w := secretless(t)
	assertion, gateway := projected(t, w), projected(t, w, workloadtest.For("iot", "gateway"))
	token := w.Do(assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, assertion)).Member("access_token")
	w.GoBlind()
	for sentence, request := range map[string]*http.Request{
		"an assertion":                   assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, assertion),
		"a forged assertion":             assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, "x"),
		"a question":                     introspection(token, gateway),
		"a question about what is wrong": introspection("x", gateway),
		"a stranger's question":          introspection(token, "x"),
	} {
		if got := w.Do(request); got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
	}
}

// introspection asks about a token as the one who has the bearer.
func introspection(token, bearer string) *http.Request {
	request := form(httpapi.PathIntrospection, "token", token, "token_type_hint", "refresh_token")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return request
}
