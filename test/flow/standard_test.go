package flow

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign.dev/api/v1alpha1"
)

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func TestTheTokenEndpointRefusesAsRFC6749Says(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	id, secret := w.credentials("1.0.0")
	_, foreign := w.credentials("1.1.0")
	with := func(form string, header ...string) request {
		r := request{method: http.MethodPost, path: "/oauth2/token", body: form, header: map[string]string{
			"Content-Type": "application/x-www-form-urlencoded", "Authorization": basic(id, secret),
		}}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return r
	}
	const grant = "grant_type=client_credentials"
	query := with(grant)
	query.path += "?tenant=" + w.user
	for sentence, test := range map[string]struct {
		request request
		status  int
		code    string
		reason  string
	}{
		"a wrong secret":                  {with(grant, "Authorization", basic(id, foreign)), 401, "invalid_client", ""},
		"a secret of another form":        {with(grant, "Authorization", basic(id, "hunter2")), 401, "invalid_client", ""},
		"an unknown client":               {with(grant, "Authorization", basic("nobody", secret)), 401, "invalid_client", ""},
		"broken base64":                   {with(grant, "Authorization", "Basic %%%"), 401, "invalid_client", ""},
		"no colon in it":                  {with(grant, "Authorization", "Basic bm9ib2R5"), 401, "invalid_client", ""},
		"another scheme":                  {with(grant, "Authorization", "Digest x"), 401, "invalid_client", ""},
		"no authentication":               {with(grant, "Authorization", ""), 401, "invalid_client", ""},
		"two methods of authentication":   {with(grant + "&client_id=" + id + "&client_secret=" + secret), 400, "invalid_request", ""},
		"a client_id that contradicts":    {with(grant + "&client_id=other"), 400, "invalid_request", ""},
		"no grant type":                   {with("tenant=" + w.user), 400, "invalid_request", ""},
		"another grant type":              {with("grant_type=password"), 400, "unsupported_grant_type", ""},
		"a parameter twice":               {with(grant + "&tenant=a&tenant=b"), 400, "invalid_request", ""},
		"parameters in the URL":           {query, 400, "invalid_request", ""},
		"a JSON body":                     {with(`{}`, "Content-Type", "application/json"), 400, "invalid_request", ""},
		"a body over 64 KiB":              {with(grant + "&x=" + strings.Repeat("x", 64<<10)), 413, "invalid_request", ""},
		"a scope that it has not":         {with(grant + "&tenant=" + w.user + "&scope=timeseries:write"), 400, "invalid_scope", "InvalidScope"},
		"a scope with two spaces":         {with(grant + "&scope=a++b"), 400, "invalid_scope", ""},
		"another audience":                {with(grant + "&audience=https://other.example.com"), 400, "invalid_target", "AudienceNotAllowed"},
		"audience and resource differ":    {with(grant + "&audience=a&resource=b"), 400, "invalid_target", ""},
		"two resources":                   {with(grant + "&resource=a&resource=b"), 400, "invalid_target", ""},
		"a tenant that has not granted":   {with(grant + "&tenant=" + w.another), 400, "unauthorized_client", "NotGranted"},
		"a tenant that there is not":      {with(grant + "&tenant=nobody"), 400, "unauthorized_client", "NotGranted"},
		"another method":                  {request{method: http.MethodGet, path: "/oauth2/token"}, 405, "invalid_request", ""},
		"another path":                    {request{method: http.MethodGet, path: "/oauth2/tokens"}, 404, "invalid_request", ""},
		"a cursor of somebody else":       {with("", "Authorization", basic(id, secret)).at("/v1/tenants?cursor=x"), 400, "invalid_request", ""},
		"a page of no tenants":            {with("", "Authorization", basic(id, secret)).at("/v1/tenants?limit=0"), 400, "invalid_request", ""},
		"the list without authentication": {request{method: http.MethodGet, path: "/v1/tenants"}, 401, "invalid_client", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			if test.request.header["Authorization"] == "" {
				delete(test.request.header, "Authorization")
			}
			got := w.ask(test.request)
			if got.Status != test.status || got.text("error") != test.code || got.text("reason") != test.reason {
				t.Errorf("got %d: %s; want %d, %s, %s", got.Status, got.Text, test.status, test.code, test.reason)
			}
			if got.text("error_description") == "" {
				t.Error("there is no description")
			}
			if got.Status == http.StatusUnauthorized && got.Header.Get("WWW-Authenticate") == "" {
				t.Error("there is no WWW-Authenticate")
			}
			if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Request-Id") == "" {
				t.Errorf("headers: %v", got.Header)
			}
		})
	}
	unknown, wrong := w.ask(with(grant, "Authorization", basic("nobody", secret))), w.ask(with(grant, "Authorization", basic(id, foreign)))
	if unknown.Text != wrong.Text {
		t.Errorf("an unknown client and a wrong secret read differently: %s; %s", unknown.Text, wrong.Text)
	}
}

// at is the request as a GET of the path.
func (r request) at(path string) request {
	r.method, r.path = http.MethodGet, path
	return r
}

func TestATokenCarriesWhatBothSidesAgreedOnAndNoMore(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	for sentence, test := range map[string]struct{ version, tenant, asked, given string }{
		"limited and the grant":           {"1.0.0", w.user, "", "assets:read assets:write"},
		"custom access and the grant":     {"1.1.0", w.user, "", "assets:read"},
		"narrowed by the request":         {"1.0.0", w.user, "assets:write", "assets:write"},
		"the host's own data needs none":  {"1.1.0", w.host, "", "assets:read timeseries:read"},
		"the host is who nobody is named": {"1.1.0", "", "", "assets:read timeseries:read"},
	} {
		got := w.ask(w.form(test.version, test.tenant, "scope", test.asked))
		if got.Status != http.StatusOK || got.text("scope") != test.given {
			t.Errorf("%s: %d %s, want %s", sentence, got.Status, got.Text, test.given)
		}
		if got.text("token_type") != "Bearer" || got.Body["expires_in"] != float64(900) {
			t.Errorf("%s: %s", sentence, got.Text)
		}
	}
}

func TestTheListOfTenantsHasEachOnceWhateverThePageIs(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	w.grant(w.another)
	id, secret := w.credentials("1.0.0")
	list := func(query string) response {
		return w.ask(request{
			method: http.MethodGet, path: "/v1/tenants?" + query, header: map[string]string{"Authorization": basic(id, secret)},
		})
	}
	w.eventually("three tenants", func() bool { return strings.Count(list("").Text, `"id"`) == 3 })
	var got []string
	for query := "limit=1"; query != ""; {
		page := list(query)
		tenants, _ := page.Body["tenants"].([]any)
		for _, tenant := range tenants {
			member, _ := tenant.(map[string]any)
			name, _ := member["id"].(string)
			got = append(got, name)
		}
		query = ""
		if cursor := page.text("next_cursor"); cursor != "" {
			query = "limit=1&cursor=" + cursor
		}
	}
	if len(got) == 0 || got[0] != w.host {
		t.Errorf("the host tenant is not the first: %v", got)
	}
	want := []string{w.another, w.host, w.user}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatIsPublishedCanBeKeptAndComparedFromEverywhere(t *testing.T) {
	t.Parallel()
	w := &tenancy{T: t, ctx: t.Context()}
	for _, path := range []string{
		"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/token_keys",
	} {
		got := w.ask(request{method: http.MethodGet, path: path})
		if got.Status != http.StatusOK || !strings.HasPrefix(got.Header.Get("Cache-Control"), "public, max-age=") ||
			got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, got.Status, got.Header)
		}
		again := w.ask(request{method: http.MethodGet, path: path, header: map[string]string{"If-None-Match": got.Header.Get("ETag")}})
		if again.Status != http.StatusNotModified {
			t.Errorf("%s with its ETag: %d", path, again.Status)
		}
		if strings.Contains(got.Text, `"d":`) || strings.Contains(got.Text, "PRIVATE") {
			t.Errorf("%s has a private key in it", path)
		}
	}
	metadata := w.ask(request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server"})
	if metadata.text("issuer") != running.Issuer {
		t.Errorf("issuer: %s", metadata.Text)
	}
	for _, member := range []string{"authorization_endpoint", "revocation_endpoint"} {
		if metadata.Body[member] != nil {
			t.Errorf("%s is listed and not served", member)
		}
	}
}
