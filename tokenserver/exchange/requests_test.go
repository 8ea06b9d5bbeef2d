package exchange_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
)

const (
	hubPath  = "/api/technicaltokenmanager/v3"
	wideOpen = 1000
	version2 = "1.1.0"
)

// client is who asks.
type client struct{ version, id, secret string }

func first() client {
	return client{tokenservertest.Version, tokenservertest.ClientID(), tokenservertest.Secret()}
}

// second is another client of the same application, which twoVersions adds.
func second() client {
	uid := "b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77"
	id := credential.ClientID(tokenservertest.Host, tokenservertest.App, version2, uid)
	return client{version2, id, tokenservertest.NewSecret(3).Reveal()}
}

// impostor has the first client's id and a secret of the right form.
func impostor() client {
	return client{tokenservertest.Version, tokenservertest.ClientID(), tokenservertest.WrongSecret()}
}

func twoVersions(o *tokenservertest.Objects) {
	spec := o.App.Spec.Versions[0]
	spec.Version = version2
	o.App.Spec.Versions = append(o.App.Spec.Versions, spec)
	o.App.Status.Versions = append(o.App.Status.Versions, v1alpha1.ApplicationVersionStatus{
		Version: version2,
		Verifiers: []v1alpha1.Verifier{{
			ID: "7f3a000000000002", SHA256: tokenservertest.NewSecret(3).Hash().String(),
			IssueTime: metav1.NewTime(tokenservertest.Epoch()),
		}},
	})
}

// limited is a World with those limits.
func limited(t *testing.T, config limit.Config, edits ...func(*tokenservertest.Objects)) *tokenservertest.World {
	t.Helper()
	w := tokenservertest.New(t, edits...)
	w.Restart(func(d *tokenserver.Deps) { d.Limits = limit.New(config, w.Clock) })
	return w
}

// standard asks for a token on the standard face. The parameters are pairs of name and value.
func (c client) standard(parameters ...string) *http.Request {
	form := url.Values{"grant_type": {"client_credentials"}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	return r
}

// hub asks for a token on the other face.
func (c client) hub(tenant string) *http.Request {
	return c.json("/oauth/token", map[string]any{
		"appName": tokenservertest.App, "appVersion": c.version, "hostTenant": tokenservertest.Host, "userTenant": tenant,
	})
}

// batch asks for several.
func (c client) batch(tenants ...string) *http.Request {
	return c.json("/oauthTokens", map[string]any{
		"appName": tokenservertest.App, "appVersion": c.version, "hostTenantId": tokenservertest.Host, "userTenantIds": tenants,
	})
}

func (c client) json(path string, body map[string]any) *http.Request {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings alone
	}
	r := httptest.NewRequest(http.MethodPost, hubPath+path, strings.NewReader(string(encoded)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-SPACE-AUTH-KEY", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.id+":"+c.secret)))
	return r
}

func (c client) tenants() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/tenants", nil)
	r.SetBasicAuth(c.id, c.secret)
	return r
}

func userTenants(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, hubPath+"/userTenants", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func from(address string, r *http.Request) *http.Request {
	r.RemoteAddr = address + ":1234"
	return r
}
