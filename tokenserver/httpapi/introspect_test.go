package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/httpapi"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

const inactive = `{"active":false}`

// gateway is the bearer token of the resource server's ServiceAccount.
func gateway(t *testing.T, w *tokenservertest.World) string {
	t.Helper()
	return projected(t, w, workloadtest.For("iot", "gateway"))
}

// issued returns a token for the tenant, by a client secret.
func issued(t *testing.T, w *tokenservertest.World, parameters ...string) string {
	t.Helper()
	got := w.Do(post(httpapi.PathToken, tokenForm(parameters...), "Content-Type", formType, "Authorization", basic()))
	if got.Status != http.StatusOK {
		t.Fatalf("got no token: %d %s", got.Status, got.Text)
	}
	return got.Member("access_token")
}

func TestATokenThatIsGoodTodayIsActiveWithAllThatItSays(t *testing.T) {
	w := secretless(t)
	got := w.Do(introspection(issued(t, w, "tenant", tokenservertest.Tenant), gateway(t, w)))
	checkAnswer(t, got, http.StatusOK, "")
	if got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("it is %s", got.Header.Get("Content-Type"))
	}
	now := float64(w.Clock.Now().Unix())
	for member, want := range map[string]any{
		"active": true, "scope": "assets:read assets:write", "client_id": tokenservertest.ClientID(), "token_type": "Bearer",
		"exp": now + 900, "iat": now, "sub": tokenservertest.ClientID(), "aud": tokenservertest.Audience,
		"iss": tokenservertest.Issuer, "tenant": tokenservertest.Tenant, "host_tenant": tokenservertest.Host,
		"app": tokenservertest.App, "app_version": tokenservertest.Version, "credential_id": tokenservertest.CredentialID,
		"grant": tokenservertest.GrantedTo,
	} {
		if got.JSON[member] != want {
			t.Errorf("%s is %v, want %v", member, got.JSON[member], want)
		}
	}
	lines := w.Log.Lines(t, "Introspected a token")
	if got.Member("jti") == "" || len(lines) != 1 || lines[0]["outcome"] != "active" || lines[0]["jti"] != got.Member("jti") ||
		lines[0]["service_account"] != "gateway" || lines[0]["pod"] != workloadtest.PodName {
		t.Errorf("jti %q; the log has %v", got.Member("jti"), lines)
	}
}

func TestATokenOfASecretlessClientIsActive(t *testing.T) {
	w := secretless(t)
	token := w.Do(assertionForm(tokenservertest.ClientID(), oauth.AssertionTypeJWT, projected(t, w))).Member("access_token")
	if got := w.Do(introspection(token, gateway(t, w))); got.Member("credential_id") != "sa:"+workloadtest.Name {
		t.Errorf("got %d %s", got.Status, got.Text)
	}
}

func TestWhatIsNoGoodTokenForTheAskerIsNotActive(t *testing.T) {
	w := secretless(t, func(o *tokenservertest.Objects) {
		o.App.Spec.ResourceServers = append(o.App.Spec.ResourceServers, "files")
		o.More = append(o.More, &v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: "files"},
			Spec:       v1alpha1.ResourceServerSpec{Audience: "https://files.example.com", Scopes: []v1alpha1.Scope{"assets:read"}},
		})
	})
	good := issued(t, w, "tenant", tokenservertest.Tenant)
	foreign := tokenservertest.NewKey(t, keyset.ES256, tokenservertest.Epoch())
	hub := w.Do(post("/api/technicaltokenmanager/v3/oauth/token", `{"appName":"`+tokenservertest.App+`","appVersion":"`+
		tokenservertest.Version+`","hostTenant":"`+tokenservertest.Host+`","userTenant":"`+tokenservertest.Tenant+`"}`,
		"Content-Type", "application/json", "X-SPACE-AUTH-KEY", basic()))
	if hub.Member("access_token") == "" {
		t.Fatalf("the v3 API: %d %s", hub.Status, hub.Text)
	}
	keys := tokenservertest.SharedKeys()
	for sentence, test := range map[string]struct{ token, reason string }{
		"a word":                          {"x", "token"},
		"a client secret":                 {tokenservertest.Secret(), "token"},
		"a token of the v3 API":           {hub.Member("access_token"), "token"},
		"the asker's own":                 {gateway(t, w), "token"},
		"a token for another API":         {issued(t, w, "audience", "https://files.example.com"), "foreign_audience"},
		"another key":                     {resigned(t, good, foreign, foreign.ID, nil, nil), "token"},
		"another key under the same id":   {resigned(t, good, foreign, keys.Standard.ID, nil, nil), "token"},
		"the other face's key":            {resigned(t, good, keys.InsightsHub, keys.InsightsHub.ID, nil, nil), "token"},
		"another type":                    {resigned(t, good, keys.Standard, keys.Standard.ID, map[string]any{"typ": "JWT"}, nil), "token"},
		"no type":                         {resigned(t, good, keys.Standard, keys.Standard.ID, map[string]any{"typ": nil}, nil), "token"},
		"another issuer":                  {edited(t, good, "iss", tokenservertest.Issuer+"/oauth/token"), "token"},
		"no end":                          {edited(t, good, "exp", nil), "token"},
		"an end that has come":            {edited(t, good, "exp", w.Clock.Now().Unix()), "token"},
		"two audiences":                   {edited(t, good, "aud", []string{tokenservertest.Audience, "https://x.example.com"}), "token"},
		"no audience":                     {edited(t, good, "aud", nil), "token"},
		"a client that there is not":      {edited(t, good, "client_id", "nobody"), "credential"},
		"a credential that is none":       {edited(t, good, "credential_id", "nothing"), "credential"},
		"a ServiceAccount not listed":     {edited(t, good, "credential_id", "sa:next"), "credential"},
		"a tenant that granted nothing":   {edited(t, good, "tenant", "other"), "NotGranted"},
		"scopes that nobody gives":        {edited(t, good, "scope", "files:read"), "scopes"},
		"no scopes":                       {edited(t, good, "scope", ""), "scopes"},
		"the right one, with another end": {good[:len(good)-4] + "AAAA", "token"},
	} {
		w.Log.Reset()
		got := w.Do(introspection(test.token, gateway(t, w)))
		if got.Status != http.StatusOK || got.Text != inactive {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
		if lines := w.Log.Lines(t, "Introspected a token"); len(lines) != 1 || lines[0]["reason"] != test.reason || lines[0]["outcome"] != "inactive" {
			t.Errorf("%s: the log has %v, want the reason %s", sentence, lines, test.reason)
		}
	}
	if got := w.Do(introspection(good, gateway(t, w))); got.JSON["active"] != true {
		t.Errorf("the right one: got %s", got.Text)
	}
}

func TestAnAnswerHasTodaysScopesAndTodaysEnd(t *testing.T) {
	ends := tokenservertest.Epoch().Add(2 * time.Minute)
	w := secretless(t, func(o *tokenservertest.Objects) {
		o.Grant.Spec.Scopes = []v1alpha1.Scope{"assets:write"}
		o.Grant.Spec.ExpirationTime = &metav1.Time{Time: ends}
	})
	// It was issued when the grant said more.
	token := edited(t, issued(t, w, "tenant", tokenservertest.Tenant), "scope", "assets:read assets:write")
	token = edited(t, token, "exp", ends.Add(10*time.Minute).Unix())
	got := w.Do(introspection(token, gateway(t, w)))
	if got.Member("scope") != "assets:write" || got.JSON["exp"] != float64(ends.Unix()) {
		t.Errorf("got %s", got.Text)
	}
}

func TestWhoMayNotIntrospect(t *testing.T) {
	twin := &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: "twin"},
		Spec:       v1alpha1.ResourceServerSpec{Audience: tokenservertest.Audience, Scopes: []v1alpha1.Scope{"assets:read"}},
	}
	w, conflicted := secretless(t), secretless(t, func(o *tokenservertest.Objects) { o.More = []runtime.Object{twin} })
	token := issued(t, w, "tenant", tokenservertest.Tenant)
	two := introspection(token, gateway(t, w))
	two.Header.Add("Authorization", "Bearer "+gateway(t, w))
	for sentence, test := range map[string]struct {
		world   *tokenservertest.World
		request *http.Request
	}{
		"nobody":                        {w, introspection(token, "")},
		"somebody with a word":          {w, introspection(token, "x")},
		"an application's token":        {w, introspection(token, token)},
		"an application's secret":       {w, introspection(token, tokenservertest.Secret())},
		"an application's credentials":  {w, with(introspection(token, ""), "Authorization", basic())},
		"an application's pod":          {w, introspection(token, projected(t, w))},
		"one of another namespace":      {w, introspection(token, projected(t, w, workloadtest.For("other", "gateway")))},
		"one of its namespace":          {w, introspection(token, projected(t, w, workloadtest.For("iot", "other")))},
		"one with another's audience":   {w, introspection(token, w.API.Cluster.Sign(t, "https://x", w.Clock.Now(), workloadtest.For("iot", "gateway")))},
		"two headers":                   {w, two},
		"while the audience is twofold": {conflicted, introspection(token, gateway(t, conflicted))},
	} {
		got := test.world.Do(test.request)
		if got.Status != http.StatusUnauthorized || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: got %d %s, %v", sentence, got.Status, got.Text, got.Header)
		}
	}
}

func TestAQuestionHasOneTokenInAForm(t *testing.T) {
	w := secretless(t)
	bearer := "Bearer " + gateway(t, w)
	for sentence, request := range map[string]*http.Request{
		"no token":           form(httpapi.PathIntrospection, "token_type_hint", "access_token"),
		"two tokens":         form(httpapi.PathIntrospection, "token", "a", "token", "b"),
		"a token in the URL": post(httpapi.PathIntrospection+"?token=x", "", "Content-Type", formType),
		"JSON":               post(httpapi.PathIntrospection, `{"token":"x"}`, "Content-Type", "application/json"),
	} {
		got := w.Do(with(request, "Authorization", bearer))
		if got.Status != http.StatusBadRequest || got.Member("error") != "invalid_request" {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
	}
	checkAnswer(t, w.Do(get(httpapi.PathIntrospection)), http.StatusMethodNotAllowed, "invalid_request")
}

func TestDiscoveryNamesIntrospectionAndHowToAuthenticateThere(t *testing.T) {
	w := secretless(t)
	for _, path := range []string{httpapi.PathServerMetadata, httpapi.PathOpenIDConfiguration} {
		got := w.Do(get(path))
		methods, _ := got.JSON["introspection_endpoint_auth_methods_supported"].([]any)
		if got.Member("introspection_endpoint") != tokenservertest.Issuer+"/oauth2/introspect" || len(methods) != 1 || methods[0] != "Bearer" {
			t.Errorf("%s: got %s", path, got.Text)
		}
		if strings.Contains(got.Text, "private_key_jwt") {
			t.Errorf("%s: clients are told to sign assertions by themselves", path)
		}
	}
}

// edited is the token with another claim, signed by the key that may. nil takes the claim out.
func edited(t *testing.T, token, name string, value any) string {
	t.Helper()
	key := tokenservertest.SharedKeys().Standard
	return resigned(t, token, key, key.ID, nil, map[string]any{name: value})
}

// resigned is the token with another signature, header and claims. nil takes a member out.
func resigned(t *testing.T, token string, key keyset.Key, id string, header, claims map[string]any) string {
	t.Helper()
	parsed, _, err := jwt.NewParser(jwt.WithJSONNumber()).ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	said, _ := parsed.Claims.(jwt.MapClaims)
	parsed.Method = jwt.GetSigningMethod(string(key.Algorithm))
	parsed.Header["alg"], parsed.Header["kid"] = string(key.Algorithm), id
	for edits, into := range map[*map[string]any]map[string]any{&header: parsed.Header, &claims: said} {
		for name, value := range *edits {
			if into[name] = value; value == nil {
				delete(into, name)
			}
		}
	}
	signed, err := parsed.SignedString(tokenservertest.Private(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestAnInspectorThatShowsNothingIsToldOfNoError(t *testing.T) {
	w := secretless(t)
	for caller, want := range map[string]string{
		"":  `Bearer realm="countersign"`,
		"x": `Bearer realm="countersign", error="invalid_token"`,
	} {
		if got := w.Do(introspection("x", caller)).Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%q: %s", caller, got)
		}
	}
}
