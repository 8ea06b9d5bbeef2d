package cockpits

import (
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2/clientcredentials"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

func TestATenantInDevelopmentTriesTheWholeExchangeOnItsOwnData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.catalogue()
	host := w.tenant("dev", hosting(v1alpha1.HostingDevelopment, c.limited.Name))
	developer := w.as(roleAdmin, host.Spec.Namespace)

	app := c.application(host, atLevel(c.limited))
	w.create(developer, app)
	w.condition(developer, app, &app.Status.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	environment := w.deploy(developer, app, "1.0.0").environment

	config := clientcredentials.Config{
		ClientID: environment["CLIENT_ID"], ClientSecret: environment["CLIENT_SECRET"], TokenURL: environment["TOKEN_URL"],
		EndpointParams: url.Values{"tenant": {host.Name}},
	}
	token, err := config.Token(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := oidc.NewProvider(w.ctx, environment["ISSUER"])
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: c.server.Spec.Audience}).Verify(w.ctx, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Tenant, Scope string }
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Tenant != host.Name || claims.Scope != "assets:read timeseries:read" {
		t.Errorf("the API is told %+v", claims)
	}
}

func TestADevelopmentHostReachesNoOtherTenantWhateverOffersAndGrantsExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.catalogue()
	host := w.tenant("dev", hosting(v1alpha1.HostingDevelopment, c.limited.Name))
	granted, offered := w.tenant("granted"), w.tenant("offered")
	developer := w.as(roleAdmin, host.Spec.Namespace)
	administrator := w.as(roleGrants, granted.Spec.Namespace)

	app := c.application(host, atLevel(c.limited))
	app.Spec.Offer = offerTo(granted, offered)
	w.create(developer, app)
	grant := grantOf(granted, host, app, "assets:read")
	w.create(administrator, grant)

	told := w.condition(administrator, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonDevelopmentStage)
	if !strings.Contains(told.Message, "platform operator") {
		t.Errorf("its administrator is told %q", told.Message)
	}
	pod := w.deploy(developer, app, "1.0.0")
	pod.gets("", "assets:read timeseries:read")
	for _, tenant := range []string{granted.Name, offered.Name, w.name("nobody")} {
		pod.gets(tenant, "DevelopmentStage")
	}

	// What is missing is the platform operator's word and nothing else.
	edit(w, w.platform, host, func(t *v1alpha1.Tenant) { t.Spec.Hosting.Stage = v1alpha1.HostingProduction })
	pod.getsSoon(granted.Name, "assets:read")
	pod.gets(offered.Name, "NotGranted")
	edit(w, w.platform, host, func(t *v1alpha1.Tenant) { t.Spec.Hosting.Stage = v1alpha1.HostingDevelopment })
	pod.getsSoon(granted.Name, "DevelopmentStage")
}

func TestATenantThatHostsNothingIsToldWhomToAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.catalogue()
	tenant := w.tenant("user")
	administrator := w.as(roleAdmin, tenant.Spec.Namespace)
	stranger := w.namespace("nobodys")

	for namespace, want := range map[string][]string{
		tenant.Spec.Namespace: {"platform operator", "spec.hosting", "Tenant " + tenant.Name},
		stranger:              {"platform operator", "spec.hosting", "spec.namespace " + stranger},
	} {
		app := c.application(tenant, atLevel(c.limited))
		app.Namespace = namespace
		by := w.as(roleAdmin, namespace)
		w.create(by, app)
		told := w.condition(by, app, &app.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonTenantNotHosting)
		for _, words := range want {
			if !strings.Contains(told.Message, words) {
				t.Errorf("in %s one is told %q, without %q", namespace, told.Message, words)
			}
		}
	}
	secrets := &corev1.SecretList{}
	if err := administrator.List(w.ctx, secrets, client.InNamespace(tenant.Spec.Namespace)); err != nil || len(secrets.Items) > 0 {
		t.Errorf("there are %d Secrets (%v)", len(secrets.Items), err)
	}

	// From the moment on that it hosts, the application that waits there has credentials.
	edit(w, w.platform, tenant, hosting(v1alpha1.HostingDevelopment, c.limited.Name))
	app := c.application(tenant)
	w.condition(administrator, app, &app.Status.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	w.deploy(administrator, app, "1.0.0").gets("", "assets:read timeseries:read")
}
