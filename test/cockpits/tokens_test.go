package cockpits

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// catalogue is what the platform operator publishes for a world: one API, and levels on its scopes.
type catalogue struct {
	server           *v1alpha1.ResourceServer
	limited, broader *v1alpha1.AccessLevel
}

// catalogue has the platform operator publish an API and two levels. The broader one also has a scope that the API does not know.
func (w *world) catalogue() catalogue {
	w.Helper()
	c := catalogue{
		server: &v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")},
			Spec: v1alpha1.ResourceServerSpec{
				Audience: "https://" + w.name("iot") + ".example.com",
				Scopes:   []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read", "timeseries:write"},
			},
		},
		limited: w.level("limited", "assets:read", "timeseries:read"),
		broader: w.level("broader", "assets:read", "assets:write", "timeseries:read", "billing:read"),
	}
	w.create(w.platform, c.server)
	w.create(w.platform, c.limited)
	w.create(w.platform, c.broader)
	return c
}

func (w *world) level(of string, scopes ...v1alpha1.Scope) *v1alpha1.AccessLevel {
	return &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name(of)}, Spec: v1alpha1.AccessLevelSpec{Scopes: scopes}}
}

// application is one of the host's, with a version for each access, 1.0.0 and up.
func (c catalogue) application(host *v1alpha1.Tenant, access ...*v1alpha1.Access) *v1alpha1.Application {
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: host.Spec.Namespace, Name: "kpi"},
		Spec:       v1alpha1.ApplicationSpec{ResourceServers: []string{c.server.Name}},
	}
	for i := range access {
		version := v1alpha1.VersionName(string(rune('1'+i)) + ".0.0")
		app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{Version: version, Access: access[i]})
	}
	return app
}

func atLevel(level *v1alpha1.AccessLevel) *v1alpha1.Access {
	return &v1alpha1.Access{Level: level.Name}
}

func scopes(scopes ...v1alpha1.Scope) *v1alpha1.Access { return &v1alpha1.Access{Scopes: scopes} }

func offerTo(tenants ...*v1alpha1.Tenant) *v1alpha1.Offer {
	offer := &v1alpha1.Offer{}
	for _, tenant := range tenants {
		offer.Tenants = append(offer.Tenants, v1alpha1.TenantName(tenant.Name))
	}
	return offer
}

// grantOf is the tenant's consent to the application.
func grantOf(tenant, host *v1alpha1.Tenant, app *v1alpha1.Application, scopes ...v1alpha1.Scope) *v1alpha1.TenantGrant {
	return &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant.Spec.Namespace, Name: host.Name + "." + app.Name},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(tenant.Name),
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(host.Name), Name: app.Name, UID: app.UID,
			},
			Scopes: scopes,
		},
	}
}

// pod is what a version's pods have in their environment.
type pod struct {
	w           *world
	environment map[string]string
}

// deploy waits for a version's Secret, as somebody who may read Secrets there, until its credentials are believed.
func (w *world) deploy(by user, app *v1alpha1.Application, version string) pod {
	w.Helper()
	p := pod{w, map[string]string{}}
	w.eventually("there is a Secret for "+version, func() bool {
		secret := &corev1.Secret{}
		err := by.Get(w.ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Name + "." + version}, secret)
		if client.IgnoreNotFound(err) != nil {
			w.Fatalf("%s: %v", by.name, err)
		}
		for name, value := range secret.Data {
			p.environment[name] = string(value)
		}
		return err == nil
	})
	w.eventually("the credentials of "+version+" are believed", func() bool { return p.ask("").short() != "invalid_client" })
	return p
}

// answer is the token server's.
type answer struct {
	text   string
	status int
	body   struct {
		AccessToken string `json:"access_token"`
		Scope       string
		Error       string
		Reason      string
	}
}

// short is the scopes of a token, or why there is none.
func (a answer) short() string {
	switch {
	case a.status == http.StatusOK:
		return a.body.Scope
	case a.body.Reason != "":
		return a.body.Reason
	}
	return a.body.Error
}

// ask asks for a token for the tenant; for the host itself where that is empty.
func (p pod) ask(tenant string) answer {
	p.w.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if tenant != "" {
		form.Set("tenant", tenant)
	}
	request, err := http.NewRequestWithContext(p.w.ctx, http.MethodPost, p.environment["TOKEN_URL"], strings.NewReader(form.Encode()))
	if err != nil {
		p.w.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(p.environment["CLIENT_ID"], p.environment["CLIENT_SECRET"])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.w.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.w.Fatal(err)
	}
	a := answer{text: string(text), status: response.StatusCode}
	if err := json.Unmarshal(text, &a.body); err != nil {
		p.w.Fatalf("%v: %s", err, text)
	}
	return a
}

// gets fails where the answer for the tenant is not this at once: the scopes of a token, or why there is none.
func (p pod) gets(tenant, want string) {
	p.w.Helper()
	if got := p.ask(tenant); got.short() != want {
		p.w.Errorf("for %q: got %s, want %s", tenant, got.text, want)
	}
}

// getsSoon waits until a change has come to the token server.
func (p pod) getsSoon(tenant, want string) {
	p.w.Helper()
	var got answer
	limit := time.Now().Add(patience)
	for got = p.ask(tenant); got.short() != want; got = p.ask(tenant) {
		if time.Now().After(limit) {
			p.w.Fatalf("for %q: got %s, want %s", tenant, got.text, want)
		}
		time.Sleep(time.Millisecond)
	}
}

// ends is the exp claim of the answer's token.
func (a answer) ends(w *world) time.Time {
	w.Helper()
	parts := strings.Split(a.body.AccessToken, ".")
	if len(parts) != 3 {
		w.Fatalf("no token: %s", a.text)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		w.Fatal(err)
	}
	var claims struct{ Exp int64 }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Exp == 0 {
		w.Fatalf("no exp: %s (%v)", payload, err)
	}
	return time.Unix(claims.Exp, 0)
}
