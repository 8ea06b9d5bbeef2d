// Package flow tries whole chains: YAML goes in, tokens come out, by the real programs with their real rights, a real API
// server and the clients that people use.
package flow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

// patience is how long a change may take to arrive, on a machine that has other things to do.
const patience = 20 * time.Second

var (
	running  *stack.Stack
	platform client.Client
	root     string
	// scratch is a directory that goes when the tests end.
	scratch string
)

func TestMain(m *testing.M) {
	code, err := withStack(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "flow:", err)
		code = 1
	}
	os.Exit(code)
}

// withStack runs all of Countersign, and ends it again.
func withStack(run func() int) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "countersign-flow-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if running, err = stack.Launch(context.Background(), stack.Config{Levels: true}); err != nil {
		return 0, err
	}
	root = running.Root()
	defer func() { err = errors.Join(err, running.Stop()) }()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return 0, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return 0, err
	}
	if platform, err = client.New(running.Admin, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	return run(), nil
}

// tenancy is a host with an application and two tenants, with names of their own, so that tests do not meet.
type tenancy struct {
	*testing.T
	ctx                 context.Context
	host, user, another string
	app                 *v1alpha1.Application
}

// newTenancy sets the scene: the application is offered to both tenants and user has granted it, another has not. It
// returns when the credentials of both versions work.
func newTenancy(t *testing.T, environment v1alpha1.EnvironmentType) *tenancy {
	t.Helper()
	suffix := "-" + strings.ToLower(rand.Text()[:8])
	w := &tenancy{T: t, ctx: t.Context(), host: "host" + suffix, user: "user" + suffix, another: "another" + suffix}
	for _, name := range []string{w.host, w.user, w.another} {
		w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		tenant := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TenantSpec{Namespace: name}}
		if name == w.host {
			tenant.Spec.Hosting = &v1alpha1.Hosting{
				Stage: v1alpha1.HostingProduction, Levels: []string{"limited", "read-write"},
			}
		}
		w.create(tenant)
	}
	w.app = w.register(environment)
	w.grant(w.user)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		w.eventually("the credentials of "+version+" work", func() bool {
			return w.secret(version) != nil && w.ask(w.form(version, w.user)).Status == http.StatusOK
		})
	}
	return w
}

func (w *tenancy) register(environment v1alpha1.EnvironmentType) *v1alpha1.Application {
	w.Helper()
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.host, Name: "kpi"},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Offer:           &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{v1alpha1.TenantName(w.user), v1alpha1.TenantName(w.another)}},
			Versions: []v1alpha1.ApplicationVersion{
				{Version: "1.0.0", Access: &v1alpha1.Access{Level: "limited"}},
				{Version: "1.1.0", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:read", "timeseries:read"}}},
			},
			CredentialPolicy: v1alpha1.CredentialPolicy{Environment: v1alpha1.Environment{Type: environment}},
		},
	}
	w.create(app)
	return app
}

func (w *tenancy) grant(tenant string) *v1alpha1.TenantGrant {
	w.Helper()
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: w.host + "." + w.app.Name},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(tenant),
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(w.host), Name: w.app.Name, UID: w.app.UID,
			},
			Scopes: []v1alpha1.Scope{"assets:read", "assets:write"},
		},
	}
	w.create(grant)
	return grant
}

func (w *tenancy) create(object client.Object) {
	w.Helper()
	if err := platform.Create(w.ctx, object); err != nil {
		w.Fatal(err)
	}
}

// secret returns the data of a version's Secret, or nil.
func (w *tenancy) secret(version string) map[string]string {
	w.Helper()
	secret := &corev1.Secret{}
	err := platform.Get(w.ctx, client.ObjectKey{Namespace: w.host, Name: "kpi." + version}, secret)
	if client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	if err != nil {
		return nil
	}
	data := map[string]string{}
	for name, value := range secret.Data {
		data[name] = string(value)
	}
	return data
}

// credentials returns client id and secret, whatever the variables are called.
func (w *tenancy) credentials(version string) (id, secret string) {
	w.Helper()
	data := w.secret(version)
	if data["CLIENT_ID"] != "" {
		return data["CLIENT_ID"], data["CLIENT_SECRET"]
	}
	return data["MDSP_KEY_STORE_CLIENT_ID"], data["MDSP_KEY_STORE_CLIENT_SECRET"]
}

func (w *tenancy) eventually(what string, ask func() bool) {
	w.Helper()
	limit := time.Now().Add(patience)
	for !ask() {
		if time.Now().After(limit) {
			w.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// request is what is sent to the token server.
type request struct {
	method, path, body string
	header             map[string]string
}

// response is what came back.
type response struct {
	Status int
	Header http.Header
	Body   map[string]any
	Text   string
}

func (r response) text(member string) string {
	text, _ := r.Body[member].(string)
	return text
}

func (w *tenancy) ask(r request) response {
	w.Helper()
	sent, err := http.NewRequestWithContext(w.ctx, r.method, running.Issuer+r.path, strings.NewReader(r.body))
	if err != nil {
		w.Fatal(err)
	}
	for name, value := range r.header {
		sent.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		w.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		w.Fatal(err)
	}
	answer := response{Status: got.StatusCode, Header: got.Header, Text: string(body)}
	_ = json.Unmarshal(body, &answer.Body) // not every answer is JSON
	return answer
}

// form is a request of the standard face with client_secret_post.
func (w *tenancy) form(version, tenant string, more ...string) request {
	w.Helper()
	id, secret := w.credentials(version)
	values := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "tenant": {tenant},
	}
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return request{
		method: http.MethodPost, path: "/oauth2/token", body: values.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	}
}

func repository(elements ...string) string {
	return filepath.Join(append([]string{root}, elements...)...)
}
