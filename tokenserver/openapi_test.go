package tokenserver_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/token"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// unreachable are statuses that are described and that no request leads to, with the reason.
func unreachable() map[string]string {
	return map[string]string{"500": "only a fault of the program leads there; TestAFaultIsAnsweredInTheFormOfTheFaceAndItsCauseStandsInTheLogAlone has the answer"}
}

func TestEveryRouteIsDescribedAndEveryDescriptionServed(t *testing.T) {
	c := newContract(t)
	described := slices.Sorted(maps.Keys(c.operations()))
	routes := tokenservertest.New(t).Server.Routes()
	for _, route := range routes {
		if c.isPreflight(route) {
			continue
		}
		if !slices.Contains(described, route) {
			t.Errorf("%s is served and not in openapi.yaml", route)
		}
	}
	for _, operation := range described {
		if !slices.Contains(routes, operation) {
			t.Errorf("%s is in openapi.yaml and not served", operation)
		}
	}
}

// isPreflight reports whether a route answers preflight requests for a document that is open to every origin. They are a part
// of CORS and no operations of their own.
func (c *contract) isPreflight(route string) bool {
	path, ok := strings.CutPrefix(route, http.MethodOptions+" ")
	if !ok {
		return false
	}
	_, open := c.at(node{value: c.document}, "paths", path, "get", "responses", "200", "headers", "Access-Control-Allow-Origin")
	return open
}

// limited is a server that lets nobody ask or fail more than once.
func limited(t *testing.T) *tokenservertest.World {
	t.Helper()
	w := tokenservertest.New(t)
	w.Restart(func(d *tokenserver.Deps) {
		d.Limits = limit.New(limit.Config{ClientRate: 1, ClientBurst: 1, FailureRate: 1, FailureBurst: 1}, w.Clock)
	})
	return w
}

// attempt is one request and what has to come of it.
type attempt struct {
	sentence string
	world    *tokenservertest.World
	// query is what follows the path; where that has segments in braces, it is what stands there, from the first on.
	query  string
	header map[string]string
	body   string
	status int
	// outside says that the document, too, refuses the request.
	outside bool
}

// worlds are servers in the states that answers depend on.
type worlds struct {
	seeing, blind, keyless *tokenservertest.World
	// hubToken is for the host's own data, foreignToken for another tenant's.
	hubToken, foreignToken string
	// token is one of the standard face; podToken and callerToken prove that a pod is the application's, or an API's, memberToken
	// that somebody is of a tenant.
	token, podToken, callerToken, memberToken string
}

// withWorkloads lets pods of the ServiceAccount kpi be the application, and of iot/gateway introspect.
func withWorkloads(o *tokenservertest.Objects) {
	o.App.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: "kpi"}}
	o.Server.Spec.Introspection = &v1alpha1.Introspection{
		ServiceAccounts: []v1alpha1.NamespacedServiceAccount{{Namespace: "iot", Name: "gateway"}},
	}
}

func newWorlds(t *testing.T) worlds {
	t.Helper()
	w := worlds{
		seeing: tokenservertest.New(t, withWorkloads), blind: tokenservertest.New(t), keyless: tokenservertest.NewBlind(t),
	}
	w.blind.GoBlind()
	w.podToken = w.seeing.API.Cluster.Sign(t, tokenservertest.Issuer, tokenservertest.Epoch(),
		workloadtest.For("tenant-"+tokenservertest.Host, "kpi"))
	w.memberToken = w.seeing.API.Cluster.Sign(t, tokenservertest.Issuer, tokenservertest.Epoch(),
		workloadtest.For("tenant-"+tokenservertest.Tenant, "default"))
	w.callerToken = w.seeing.API.Cluster.Sign(t, tokenservertest.Issuer, tokenservertest.Epoch(), workloadtest.For("iot", "gateway"))
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials&tenant=acme"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", rightSecret())
	w.token = w.seeing.Do(r).Member("access_token")
	for tenant, token := range map[string]*string{tokenservertest.Host: &w.hubToken, tokenservertest.Tenant: &w.foreignToken} {
		r := httptest.NewRequest(http.MethodPost, v3Path+"/oauth/token", strings.NewReader(v3Body(tokenservertest.Version, tenant)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", rightSecret())
		*token = w.seeing.Do(r).Member("access_token")
	}
	return w
}

const v3Path = "/api/technicaltokenmanager/v3"

func rightSecret() string {
	return tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.Secret())
}

func wrongSecret() string {
	return tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.WrongSecret())
}

func v3Body(version, tenant string) string {
	return fmt.Sprintf(`{"appName":%q,"appVersion":%q,"hostTenant":%q,"userTenant":%q}`,
		tokenservertest.App, version, tokenservertest.Host, tenant)
}

func v3Several(tenants ...string) string {
	list := `"` + strings.Join(tenants, `","`) + `"`
	return fmt.Sprintf(`{"appName":%q,"appVersion":%q,"hostTenantId":%q,"userTenantIds":[%s]}`,
		tokenservertest.App, tokenservertest.Version, tokenservertest.Host, list)
}

func sending(pairs ...string) map[string]string {
	set := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return set
}

// attempts are those that bring every described status of every operation about.
func (w worlds) attempts() map[string][]attempt {
	const form, grant = "application/x-www-form-urlencoded", "grant_type=client_credentials"
	large := strings.Repeat(" ", 64<<10)
	signedIn := sending("Content-Type", form, "Authorization", rightSecret())
	posted := url.Values{
		"grant_type": {"client_credentials"}, "tenant": {tokenservertest.Tenant}, "scope": {"assets:read"},
		"client_id": {tokenservertest.ClientID()}, "client_secret": {tokenservertest.Secret()},
		"resource": {tokenservertest.Audience, tokenservertest.Audience}, "audience": {tokenservertest.Audience}, "unknown": {"x"},
	}.Encode()
	json := sending("Content-Type", "application/json", "Authorization", rightSecret())
	jsonWrong := sending("Content-Type", "application/json", "Authorization", wrongSecret())
	bearer := func(token string) map[string]string { return sending("Authorization", "Bearer "+token) }
	caller := sending("Content-Type", form, "Authorization", "Bearer "+w.callerToken)
	document := []attempt{
		{"anybody", w.seeing, "", nil, "", 200, false},
		{"while nothing is seen", w.blind, "", nil, "", 200, false},
		{"who has it", w.seeing, "", sending("If-None-Match", "*"), "", 304, false},
	}
	return map[string][]attempt{
		"POST /oauth2/token": {
			{"a tenant, by Basic", w.seeing, "", signedIn, grant + "&tenant=" + tokenservertest.Tenant, 200, false},
			{"the host itself, by Basic", w.seeing, "", signedIn, grant, 200, false},
			{"all parameters, by post", w.seeing, "", sending("Content-Type", form), posted, 200, false},
			{"by the pod's token", w.seeing, "", sending("Content-Type", form), url.Values{
				"grant_type": {"client_credentials"}, "client_id": {tokenservertest.ClientID()}, "client_assertion": {w.podToken},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			}.Encode(), 200, false},
			{"no grant type", w.seeing, "", signedIn, "tenant=acme", 400, true},
			{"another grant type", w.seeing, "", signedIn, "grant_type=password", 400, true},
			{"two methods", w.seeing, "", signedIn, posted, 400, false},
			{"a body of another type", w.seeing, "", json, `{}`, 400, true},
			{"no grant of the tenant", w.seeing, "", signedIn, grant + "&tenant=other", 400, false},
			{"a scope that it has not", w.seeing, "", signedIn, grant + "&scope=files:read", 400, false},
			{"another audience", w.seeing, "", signedIn, grant + "&audience=https://other.example.com", 400, false},
			{"parameters in the URL", w.seeing, "?tenant=acme", signedIn, grant, 400, false},
			{"a wrong secret", w.seeing, "", sending("Content-Type", form, "Authorization", wrongSecret()), grant, 401, false},
			{"no authentication", w.seeing, "", sending("Content-Type", form), grant, 401, false},
			{"a large body", w.seeing, "", signedIn, grant + "&x=" + large, 413, false},
			{"while nothing is seen", w.blind, "", signedIn, grant, 503, false},
		},
		"POST /v1/tokens": {
			{"tenants with and without a grant", w.seeing, "", json, `{"tenants":["acme","other","operator-co"]}`, 200, false},
			{"narrowed", w.seeing, "", json, `{"tenants":["acme"],"scope":"assets:read","audience":"https://api.example.com"}`, 200, false},
			{"no tenant with a grant", w.seeing, "", json, `{"tenants":["other"]}`, 200, false},
			{"six tenants", w.seeing, "", json, `{"tenants":["a","b","c","d","e","f"]}`, 400, true},
			{"an unknown member", w.seeing, "", json, `{"tenants":["acme"],"scopes":"assets:read"}`, 400, true},
			{"no tenants", w.seeing, "", json, `{"tenants":[]}`, 400, true},
			{"no JSON", w.seeing, "", json, `{`, 400, true},
			{"a wrong secret", w.seeing, "", jsonWrong, `{"tenants":["acme"]}`, 401, false},
			{"a large body", w.seeing, "", json, `{"tenants":["acme"]}` + large, 413, false},
			{"a form", w.seeing, "", signedIn, "tenants=acme", 415, true},
			{"while nothing is seen", w.blind, "", json, `{"tenants":["acme"]}`, 503, false},
		},
		"POST /oauth2/introspect": {
			{"a good token", w.seeing, "", caller, "token=" + w.token, 200, false},
			{"none", w.seeing, "", caller, "token=x&token_type_hint=access_token", 200, false},
			{"no token", w.seeing, "", caller, "x=y", 400, true},
			{"no authentication", w.seeing, "", sending("Content-Type", form), "token=x", 401, false},
			{"an application", w.seeing, "", signedIn, "token=x", 401, false},
			{"a large body", w.seeing, "", caller, "token=" + large, 413, false},
			{"while nothing is seen", w.blind, "", caller, "token=x", 503, false},
		},
		"GET /v1/tenants": {
			{"a page", w.seeing, "", signedIn, "", 200, false},
			{"a small page", w.seeing, "?limit=1", signedIn, "", 200, false},
			{"a page of no tenants", w.seeing, "?limit=0", signedIn, "", 400, true},
			{"a page of too many", w.seeing, "?limit=501", signedIn, "", 400, true},
			{"somebody else's cursor", w.seeing, "?cursor=x", signedIn, "", 400, false},
			{"a wrong secret", w.seeing, "", sending("Authorization", wrongSecret()), "", 401, false},
			{"while nothing is seen", w.blind, "", signedIn, "", 503, false},
		},
		"GET /v1/offers": {
			{"a page", w.seeing, "", bearer(w.memberToken), "", 200, false},
			{"a small page", w.seeing, "?limit=1", bearer(w.memberToken), "", 200, false},
			{"a page of none", w.seeing, "?limit=0", bearer(w.memberToken), "", 400, true},
			{"a page of too many", w.seeing, "?limit=501", bearer(w.memberToken), "", 400, true},
			{"another list's cursor", w.seeing, "?cursor=Mjo", bearer(w.memberToken), "", 400, false},
			{"somebody of no tenant", w.seeing, "", bearer(w.callerToken), "", 401, false},
			{"no authentication", w.seeing, "", nil, "", 401, false},
			{"while nothing is seen", w.blind, "", bearer(w.memberToken), "", 503, false},
		},
		"GET /v1/offers/{host_tenant}/{application}": {
			{"an offer", w.seeing, "operator-co/kpi", bearer(w.memberToken), "", 200, false},
			{"none", w.seeing, "operator-co/other", bearer(w.memberToken), "", 404, false},
			{"no host", w.seeing, "Nobody/kpi", bearer(w.memberToken), "", 404, false},
			{"somebody of no tenant", w.seeing, "operator-co/kpi", bearer(w.callerToken), "", 401, false},
			{"no authentication", w.seeing, "operator-co/kpi", nil, "", 401, false},
			{"while nothing is seen", w.blind, "operator-co/kpi", bearer(w.memberToken), "", 503, false},
		},
		"GET /.well-known/jwks.json":                  append(document, attempt{"before there are keys", w.keyless, "", nil, "", 503, false}),
		"GET /.well-known/oauth-authorization-server": document,
		"GET /.well-known/openid-configuration":       append(document, attempt{"before there are keys", w.keyless, "", nil, "", 503, false}),
		"GET /openapi.json":                           document,
		"POST " + v3Path + "/oauth/token": {
			{"a tenant, in the body", w.seeing, "", json, v3Body("1.0.0", "acme"), 200, false},
			{
				"the host itself, with X-SPACE-AUTH-KEY", w.seeing, "?grant_type=client_credentials",
				sending("Content-Type", "application/json", "X-SPACE-AUTH-KEY", rightSecret()), v3Body("1.0.0", "operator-co"), 200, false,
			},
			{"in a form", w.seeing, "", signedIn, "appName=kpi&appVersion=1.0.0&hostTenant=operator-co&userTenant=acme", 200, false},
			{"in the query", w.seeing, "?appName=kpi&appVersion=1.0.0&hostTenant=operator-co&userTenant=acme", sending("Authorization", rightSecret()), "", 200, false},
			{"a missing parameter", w.seeing, "", json, `{"appName":"kpi"}`, 400, true},
			{"another version", w.seeing, "", json, v3Body("v1.0.0", "acme"), 400, false},
			{"another grant type", w.seeing, "?grant_type=password", json, v3Body("1.0.0", "acme"), 400, true},
			{"a wrong secret", w.seeing, "", jsonWrong, v3Body("1.0.0", "acme"), 401, false},
			{"no grant of the tenant", w.seeing, "", json, v3Body("1.0.0", "other"), 403, false},
			{"a large body", w.seeing, "", json, v3Body("1.0.0", "acme") + large, 413, false},
			{"a text", w.seeing, "", sending("Content-Type", "text/plain", "Authorization", rightSecret()), "x", 415, true},
			{"while nothing is seen", w.blind, "", json, v3Body("1.0.0", "acme"), 503, false},
		},
		"POST " + v3Path + "/oauthTokens": {
			{"tenants with and without a grant", w.seeing, "", json, v3Several("other", "acme", "operator-co"), 200, false},
			{"no tenant with a grant", w.seeing, "", json, v3Several("other"), 403, false},
			{"six tenants", w.seeing, "", json, v3Several("a", "b", "c", "d", "e", "f"), 400, true},
			{"a tenant twice", w.seeing, "", json, v3Several("a", "a"), 400, true},
			{"a wrong secret", w.seeing, "", jsonWrong, v3Several("acme"), 401, false},
			{"a large body", w.seeing, "", json, v3Several("acme") + large, 413, false},
			{"a text", w.seeing, "", sending("Content-Type", "text/plain", "Authorization", rightSecret()), "x", 415, true},
			{"while nothing is seen", w.blind, "", json, v3Several("acme"), 503, false},
		},
		"GET " + v3Path + "/userTenants": {
			{"a page", w.seeing, "", bearer(w.hubToken), "", 200, false},
			{"past the end", w.seeing, "?page=9&size=1", bearer(w.hubToken), "", 200, false},
			{"a page of too many", w.seeing, "?size=501", bearer(w.hubToken), "", 400, true},
			{"a page before the first", w.seeing, "?page=-1", bearer(w.hubToken), "", 400, true},
			{"no token", w.seeing, "", nil, "", 401, false},
			{"a token for another tenant", w.seeing, "", bearer(w.foreignToken), "", 401, false},
			{"while nothing is seen", w.blind, "", bearer(w.hubToken), "", 503, false},
		},
		"GET /token_keys": append(document, attempt{"before there are keys", w.keyless, "", nil, "", 503, false}),
		"GET /healthz":    {{"anybody", w.seeing, "", nil, "", 200, false}},
		"GET /readyz": {
			{"anybody", w.seeing, "", nil, "", 200, false},
			{"before anything was seen", w.keyless, "", nil, "", 503, false},
		},
	}
}

func TestRequestsAndAnswersAreAsTheDocumentDescribesThem(t *testing.T) {
	c := newContract(t)
	attempts := newWorlds(t).attempts()
	for name, operation := range c.operations() {
		for _, attempt := range attempts[name] {
			t.Run(name+": "+attempt.sentence, func(t *testing.T) { c.try(t, name, operation, attempt) })
		}
		c.tryTooOften(t, name, operation, attempts[name])
		c.missing(t, name, operation)
	}
}

// request is that of the attempt at an operation.
func (a attempt) request(operation string) *http.Request {
	method, path, _ := strings.Cut(operation, " ")
	path, _, _ = strings.Cut(path, "{")
	r := httptest.NewRequest(method, path+a.query, strings.NewReader(a.body))
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	return r
}

func (c *contract) try(t *testing.T, name string, operation node, attempt attempt) {
	t.Helper()
	r := attempt.request(name)
	refused := c.request(operation, r, attempt.body)
	answer := attempt.world.Do(r)
	if answer.Status != attempt.status {
		t.Fatalf("got %d %s, want %d", answer.Status, answer.Text, attempt.status)
	}
	if (refused != nil) != attempt.outside {
		t.Errorf("the document has against the request: %v", refused)
	}
	if err := c.answer(name, operation, answer); err != nil {
		t.Errorf("the document has against the answer: %v\n%s", err, answer.Text)
	}
}

// enough is how many failed attempts a limited server does not let pass.
const enough = 3

// tryTooOften repeats the last of the attempts that fail for the caller's authentication until it is told to stop, where the
// document says that this can happen.
func (c *contract) tryTooOften(t *testing.T, name string, operation node, attempts []attempt) {
	t.Helper()
	if _, ok := c.at(operation, "responses", "429"); !ok {
		return
	}
	w := limited(t)
	failing := attempt{}
	for _, attempt := range attempts {
		if attempt.status == http.StatusUnauthorized {
			failing = attempt
		}
	}
	for range enough {
		if answer := w.Do(failing.request(name)); answer.Status != http.StatusUnauthorized {
			if err := c.answer(name, operation, answer); err != nil {
				t.Errorf("%s: the document has against the answer: %v\n%s", name, err, answer.Text)
			}
			return
		}
	}
}

// missing fails where a described status was not seen, and where one was that is said not to be.
func (c *contract) missing(t *testing.T, name string, operation node) {
	t.Helper()
	responses, _ := operation.value["responses"].(map[string]any)
	for status := range responses {
		reason, excused := unreachable()[status]
		if seen := c.answered[name][status]; seen == excused {
			t.Errorf("%s: %s is described, seen: %t %s", name, status, seen, reason)
		}
	}
}

func TestUnknownPathsAndWrongMethodsAreAnsweredInTheFormOfTheFace(t *testing.T) {
	c, w := newContract(t), tokenservertest.New(t)
	described := map[bool]node{}
	for hub, response := range map[bool]string{false: "Refused", true: "HubMalformed"} {
		described[hub], _ = c.at(node{value: c.document}, "components", "responses", response)
	}
	check := func(method, path string, status int) {
		t.Helper()
		hub := strings.HasPrefix(path, v3Path) || path == "/token_keys"
		answer := w.Do(httptest.NewRequest(method, path, http.NoBody))
		if answer.Status != status || (status == http.StatusMethodNotAllowed) != (answer.Header.Get("Allow") != "") {
			t.Errorf("%s %s: got %d %v", method, path, answer.Status, answer.Header)
		}
		if err := c.body(described[hub], answer); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
	for _, route := range w.Server.Routes() {
		_, path, _ := strings.Cut(route, " ")
		check(http.MethodDelete, path, http.StatusMethodNotAllowed)
		check(http.MethodGet, path+"/x", http.StatusNotFound)
	}
	check(http.MethodGet, "/", http.StatusNotFound)
}

// broken is a source of randomness that fails, or panics.
type broken struct{ panics bool }

func (b broken) Read([]byte) (int, error) {
	if b.panics {
		panic("the cause")
	}
	return 0, errors.New("the cause")
}

func TestAFaultIsAnsweredInTheFormOfTheFaceAndItsCauseStandsInTheLogAlone(t *testing.T) {
	c, w := newContract(t), tokenservertest.New(t)
	worlds := worlds{seeing: w}
	for _, panics := range []bool{false, true} {
		w.Handler = tokenserver.New(tokenserver.Deps{
			Issuer: tokenservertest.Issuer, Directory: w.Directory, Keys: w.Signer, MaxStaleness: tokenservertest.MaxStaleness,
			Tokens: token.New(token.Deps{
				Issuer: tokenservertest.Issuer, Lifetime: token.DefaultLifetime, Standard: w.Signer.Standard(),
				InsightsHub: w.Signer.InsightsHub(), Clock: w.Clock, Rand: broken{panics},
			}),
			Clock: w.Clock, Rand: rand.Reader, Log: w.Log.Logger(),
		}).Handler()
		for _, name := range []string{"POST /oauth2/token", "POST " + v3Path + "/oauth/token", "POST " + v3Path + "/oauthTokens"} {
			w.Log.Reset()
			attempt := worlds.attempts()[name][0]
			attempt.status = http.StatusInternalServerError
			c.try(t, name, c.operations()[name], attempt)
			if !strings.Contains(w.Log.String(), "the cause") {
				t.Errorf("%s: the cause is not in the log: %s", name, w.Log)
			}
		}
	}
}

// A test of the tests: what is undocumented or missing in an answer is noticed.
func TestTheContractNoticesWhatIsNotDescribed(t *testing.T) {
	c, w := newContract(t), tokenservertest.New(t)
	const name = "GET /v1/tenants"
	operation := c.operations()[name]
	r := httptest.NewRequest(http.MethodGet, "/v1/tenants", http.NoBody)
	r.Header.Set("Authorization", rightSecret())
	for sentence, change := range map[string]func(*tokenservertest.Answer){
		"":                           func(*tokenservertest.Answer) {},
		"a member more":              func(a *tokenservertest.Answer) { a.Text = strings.Replace(a.Text, "{", `{"more":1,`, 1) },
		"a member of another":        func(a *tokenservertest.Answer) { a.Text = strings.ReplaceAll(a.Text, `"acme"`, "1") },
		"a member less":              func(a *tokenservertest.Answer) { a.Text = "{}" },
		"a header less":              func(a *tokenservertest.Answer) { a.Header.Del("Cache-Control") },
		"a header more":              func(a *tokenservertest.Answer) { a.Header.Set("ETag", "x") },
		"another media type":         func(a *tokenservertest.Answer) { a.Header.Set("Content-Type", "text/html") },
		"a status that there is not": func(a *tokenservertest.Answer) { a.Status = http.StatusTeapot },
	} {
		answer := w.Do(r)
		change(&answer)
		if err := c.answer(name, operation, answer); (err != nil) != (sentence != "") {
			t.Errorf("%q: %v", sentence, err)
		}
	}
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`)) + ".e30."
	at, _ := c.at(c.operations()["POST /oauth2/token"], "responses", "200", "content", "application/json")
	if c.validate(at, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 1, "scope": "a"}) == nil {
		t.Error("a token without claims passes")
	}
}
