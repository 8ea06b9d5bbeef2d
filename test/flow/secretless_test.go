package flow

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// serviceAccount creates a ServiceAccount.
func (w *tenancy) serviceAccount(namespace, name string) *corev1.ServiceAccount {
	w.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	w.create(account)
	return account
}

// pod creates a pod of the ServiceAccount. There is no node for it; tokens can be bound to it all the same.
func (w *tenancy) pod(account *corev1.ServiceAccount) *corev1.Pod {
	w.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, GenerateName: account.Name + "-"},
		Spec: corev1.PodSpec{
			ServiceAccountName: account.Name, Containers: []corev1.Container{{Name: "main", Image: "registry.example.com/kpi"}},
		},
	}
	w.create(pod)
	return pod
}

// projected returns a token as a kubelet projects it into the pod; without a pod, as kubectl create token does.
func (w *tenancy) projected(account *corev1.ServiceAccount, pod *corev1.Pod, seconds int64, audiences ...string) string {
	w.Helper()
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &seconds},
	}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{
			Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID,
		}
	}
	if err := platform.SubResource("token").Create(w.ctx, account, request); err != nil {
		w.Fatal(err)
	}
	return request.Status.Token
}

// asserting is a request of the standard face with the token of a ServiceAccount.
func (w *tenancy) asserting(version, tenant, token string) request {
	w.Helper()
	id, _ := w.credentials(version)
	values := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "tenant": {tenant},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {token},
	}
	return request{
		method: http.MethodPost, path: "/oauth2/token", body: values.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	}
}

// log returns what the token server has logged.
func (w *tenancy) log() string {
	w.Helper()
	text, err := os.ReadFile(running.TokenServerLog())
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func introspecting(token, bearer string) request {
	return request{
		method: http.MethodPost, path: "/oauth2/introspect", body: url.Values{"token": {token}}.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer " + bearer},
	}
}

// list has the version list the ServiceAccount, or none.
func (w *tenancy) list(version string, names ...string) {
	w.Helper()
	before := client.MergeFrom(w.app.DeepCopy())
	for i := range w.app.Spec.Versions {
		if string(w.app.Spec.Versions[i].Version) != version {
			continue
		}
		w.app.Spec.Versions[i].ServiceAccounts = nil
		for _, name := range names {
			w.app.Spec.Versions[i].ServiceAccounts = append(w.app.Spec.Versions[i].ServiceAccounts,
				v1alpha1.LocalServiceAccount{Name: v1alpha1.ServiceAccountName(name)})
		}
	}
	if err := platform.Patch(w.ctx, w.app, before); err != nil {
		w.Fatal(err)
	}
}

// gateway is a resource server of its own, that the application knows, and a token of the ServiceAccount that may introspect.
func (w *tenancy) gateway() (audience, bearer string) {
	w.Helper()
	name := "files-" + w.host
	account := w.serviceAccount(w.another, "gateway")
	server := &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ResourceServerSpec{
			Audience: "https://" + name + ".example.com", Scopes: []v1alpha1.Scope{"assets:read", "assets:write"},
			Introspection: &v1alpha1.Introspection{ServiceAccounts: []v1alpha1.NamespacedServiceAccount{
				{Namespace: account.Namespace, Name: v1alpha1.ServiceAccountName(account.Name)},
			}},
		},
	}
	w.create(server)
	before := client.MergeFrom(w.app.DeepCopy())
	w.app.Spec.ResourceServers = append(w.app.Spec.ResourceServers, name)
	if err := platform.Patch(w.ctx, w.app, before); err != nil {
		w.Fatal(err)
	}
	return server.Spec.Audience, w.projected(account, w.pod(account), 3600, running.Issuer)
}

func TestAPodGetsATokenWithoutASecretAndAnAPIAsksWhatItIsWorth(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	audience, bearer := w.gateway()
	account := w.serviceAccount(w.host, "kpi")
	pod := w.pod(account)
	assertion := w.projected(account, pod, 3600, running.Issuer)
	w.list("1.0.0", account.Name)

	ask := w.asserting("1.0.0", w.user, assertion)
	ask.body += "&audience=" + url.QueryEscape(audience)
	var issued response
	w.eventually("the pod gets a token", func() bool { issued = w.ask(ask); return issued.Status == http.StatusOK })
	if issued.text("scope") != "assets:read assets:write" {
		t.Errorf("got %s", issued.Text)
	}
	w.eventually("the audit line names the pod", func() bool {
		return strings.Contains(w.log(), `"pod":"`+pod.Name+`","pod_uid":"`+string(pod.UID)+`"`)
	})

	token := issued.text("access_token")
	var worth response
	w.eventually("the token is active", func() bool { worth = w.ask(introspecting(token, bearer)); return worth.Body["active"] == true })
	id, _ := w.credentials("1.0.0")
	for member, want := range map[string]any{
		"active": true, "scope": "assets:read assets:write", "client_id": id, "sub": id, "token_type": "Bearer", "aud": audience,
		"iss": running.Issuer, "tenant": w.user, "host_tenant": w.host, "app": "kpi", "app_version": "1.0.0",
		"credential_id": "sa:kpi",
	} {
		if worth.Body[member] != want {
			t.Errorf("%s is %v, want %v", member, worth.Body[member], want)
		}
	}

	// The list of tenants has no form: the token stands where the secret would.
	list := request{method: http.MethodGet, path: "/v1/tenants", header: map[string]string{"Authorization": basic(id, assertion)}}
	if got := w.ask(list); got.Status != http.StatusOK || !strings.Contains(got.Text, `"`+w.user+`"`) {
		t.Errorf("the list of tenants: %d %s", got.Status, got.Text)
	}

	w.list("1.0.0")
	w.eventually("the pod is refused once its ServiceAccount is not listed", func() bool {
		return w.ask(ask).Status == http.StatusUnauthorized
	})
	if got := w.ask(introspecting(token, bearer)); got.Status != http.StatusOK || got.Text != `{"active":false}` {
		t.Errorf("the token that it has: %d %s", got.Status, got.Text)
	}
	if got := w.ask(w.form("1.0.0", w.user)); got.Status != http.StatusOK {
		t.Errorf("the client secret: %d %s", got.Status, got.Text)
	}
}

func TestNoOtherTokenOfTheClusterIsTheClient(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	kpi, other := w.serviceAccount(w.host, "kpi"), w.serviceAccount(w.host, "other")
	foreign := w.serviceAccount(w.user, "kpi")
	everybody := &corev1.ServiceAccount{}
	w.eventually("there is the ServiceAccount default", func() bool {
		return platform.Get(w.ctx, client.ObjectKey{Namespace: w.host, Name: "default"}, everybody) == nil
	})
	w.list("1.0.0", kpi.Name)
	good := w.projected(kpi, nil, 600, running.Issuer)
	w.eventually("a token that is bound to no pod is taken", func() bool {
		return w.ask(w.asserting("1.0.0", w.user, good)).Status == http.StatusOK
	})
	for sentence, ask := range map[string]request{
		"the API server's own audience":       w.asserting("1.0.0", w.user, w.projected(kpi, nil, 600)),
		"another audience":                    w.asserting("1.0.0", w.user, w.projected(kpi, nil, 600, "https://other.example.com")),
		"our audience and another":            w.asserting("1.0.0", w.user, w.projected(kpi, nil, 600, running.Issuer, "https://other.example.com")),
		"a life of two hours":                 w.asserting("1.0.0", w.user, w.projected(kpi, nil, 7200, running.Issuer)),
		"a ServiceAccount that is not listed": w.asserting("1.0.0", w.user, w.projected(other, nil, 600, running.Issuer)),
		"one of its name in another place":    w.asserting("1.0.0", w.user, w.projected(foreign, nil, 600, running.Issuer)),
		"the ServiceAccount default":          w.asserting("1.0.0", w.user, w.projected(everybody, nil, 600, running.Issuer)),
		"the other version's client id":       w.asserting("1.1.0", w.user, good),
	} {
		if got := w.ask(ask); got.Status != http.StatusUnauthorized || got.text("error") != "invalid_client" {
			t.Errorf("%s: got %d %s", sentence, got.Status, got.Text)
		}
	}
}

func TestIntrospectionIsForTheResourceServerWhoseTokenItIs(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	audience, bearer := w.gateway()
	var own response
	w.eventually("a token for the gateway", func() bool {
		own = w.ask(w.form("1.0.0", w.user, "audience", audience))
		return own.Status == http.StatusOK && w.ask(introspecting(own.text("access_token"), bearer)).Body["active"] == true
	})
	others := w.ask(w.form("1.0.0", w.user))
	if got := w.ask(introspecting(others.text("access_token"), bearer)); got.Text != `{"active":false}` {
		t.Errorf("a token for another API: %d %s", got.Status, got.Text)
	}
	stranger := w.serviceAccount(w.another, "stranger")
	id, secret := w.credentials("1.0.0")
	for sentence, authorization := range map[string]string{
		"nobody":                              "",
		"a ServiceAccount that is not listed": "Bearer " + w.projected(stranger, nil, 600, running.Issuer),
		"an application's token":              "Bearer " + own.text("access_token"),
		"an application's credentials":        basic(id, secret),
	} {
		ask := introspecting(own.text("access_token"), "")
		ask.header["Authorization"] = authorization
		got := w.ask(ask)
		if got.Status != http.StatusUnauthorized || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: got %d %s, %v", sentence, got.Status, got.Text, got.Header)
		}
	}
	grant := &v1alpha1.TenantGrant{}
	if err := platform.Get(w.ctx, client.ObjectKey{Namespace: w.user, Name: w.host + ".kpi"}, grant); err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(grant.DeepCopy())
	grant.Spec.Scopes = []v1alpha1.Scope{"assets:write"}
	if err := platform.Patch(w.ctx, grant, before); err != nil {
		t.Fatal(err)
	}
	w.eventually("the token is worth what the grant says today", func() bool {
		return w.ask(introspecting(own.text("access_token"), bearer)).text("scope") == "assets:write"
	})
	if err := platform.Delete(w.ctx, grant); err != nil {
		t.Fatal(err)
	}
	w.eventually("the token is worth nothing without the grant", func() bool {
		return w.ask(introspecting(own.text("access_token"), bearer)).Text == `{"active":false}`
	})
}
