package cockpits

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

func TestAccessIsGrantedToEachVersionWithinTheHostsCeilingAndTheAPIsCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.catalogue()
	host := w.tenant("host", hosting(v1alpha1.HostingProduction, c.limited.Name))
	// Two people: who grants access cannot read the Secrets, and who deploys the pods cannot grant access.
	administrator, deployer := w.as(roleApplications, host.Spec.Namespace), w.as(roleEdit, host.Spec.Namespace)

	app := c.application(host,
		atLevel(c.limited),
		scopes("assets:read"),
		scopes("assets:read", "assets:write", "timeseries:write"),
		atLevel(c.broader),
		scopes("assets:write"),
		nil,
	)
	w.create(administrator, app)
	w.condition(administrator, app, &app.Status.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	for version, want := range map[string]string{
		"1.0.0": "assets:read timeseries:read", // the level
		"2.0.0": "assets:read",                 // custom access, each version its own
		"3.0.0": "assets:read",                 // custom access beyond the ceiling
		"4.0.0": "assets:read timeseries:read", // a level beyond the ceiling
		"5.0.0": "NothingInCommon",             // nothing of it within the ceiling
	} {
		w.deploy(deployer, app, version).gets("", want)
	}
	effective := meta.FindStatusCondition(app.Status.Versions[5].Conditions, string(v1alpha1.ConditionEffective))
	if effective.Reason != string(v1alpha1.ReasonAccessNotGranted) || !strings.Contains(effective.Message, "spec.versions[6.0.0].access") {
		t.Errorf("of the version without access is said: %s: %s", effective.Reason, effective.Message)
	}
	none := client.ObjectKey{Namespace: app.Namespace, Name: "kpi.6.0.0"}
	if err := deployer.Get(w.ctx, none, &corev1.Secret{}); !apierrors.IsNotFound(err) {
		t.Errorf("the version without access has a Secret (%v)", err)
	}

	// The platform raises the ceiling: what versions were given and the API knows can be had now, and nothing that it does not.
	edit(w, w.platform, host, hosting(v1alpha1.HostingProduction, c.limited.Name, c.broader.Name))
	w.deploy(deployer, app, "4.0.0").getsSoon("", "assets:read assets:write timeseries:read")
	w.deploy(deployer, app, "3.0.0").gets("", "assets:read assets:write")
	w.deploy(deployer, app, "1.0.0").gets("", "assets:read timeseries:read")
	w.deploy(deployer, app, "2.0.0").gets("", "assets:read")

	// The version that waited gets access, and with it credentials.
	edit(w, administrator, app, func(a *v1alpha1.Application) { a.Spec.Versions[5].Access = scopes("assets:write") })
	w.deploy(deployer, app, "6.0.0").gets("", "assets:write")
}

func TestALevelThatIsEditedOrDeletedTakesEffectAtOnceAndWidensNoGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.catalogue()
	// The ceiling is a level of its own: what is seen here is the level that the versions name.
	host := w.tenant("host", hosting(v1alpha1.HostingProduction, c.broader.Name))
	tenant := w.tenant("user")
	administrator, deployer := w.as(roleApplications, host.Spec.Namespace), w.as(roleEdit, host.Spec.Namespace)

	first := c.application(host, atLevel(c.limited), atLevel(c.limited), scopes("assets:read"))
	first.Spec.Offer = offerTo(tenant)
	w.create(administrator, first)
	second := c.application(host, atLevel(c.limited))
	second.Name = "report"
	w.create(administrator, second)
	w.create(w.as(roleGrants, tenant.Spec.Namespace), grantOf(tenant, host, first, "assets:read", "timeseries:read"))
	byLevel := []pod{w.deploy(deployer, first, "1.0.0"), w.deploy(deployer, first, "2.0.0"), w.deploy(deployer, second, "1.0.0")}
	custom := w.deploy(deployer, first, "3.0.0")
	becomes := func(own, foreign string) {
		t.Helper()
		for _, pod := range byLevel {
			pod.getsSoon("", own)
		}
		byLevel[0].gets(tenant.Name, foreign)
		byLevel[1].gets(tenant.Name, foreign)
		custom.gets("", "assets:read")
		custom.gets(tenant.Name, "assets:read")
	}
	w.eventually("the grant is seen", func() bool { got := custom.ask(tenant.Name); return got.short() == "assets:read" })
	becomes("assets:read timeseries:read", "assets:read timeseries:read")

	edit(w, w.platform, c.limited, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = append(l.Spec.Scopes, "assets:write") })
	becomes("assets:read assets:write timeseries:read", "assets:read timeseries:read")

	edit(w, w.platform, c.limited, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = []v1alpha1.Scope{"timeseries:read"} })
	becomes("timeseries:read", "timeseries:read")

	w.delete(w.platform, c.limited)
	becomes("AccessLevelNotFound", "AccessLevelNotFound")
	told := w.condition(administrator, second, &second.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonAccessLevelNotFound)
	if !strings.Contains(told.Message, c.limited.Name) {
		t.Errorf("of the level that is gone is said %q", told.Message)
	}

	// The level that is the ceiling is deleted: nothing is within it any more.
	w.delete(w.platform, c.broader)
	custom.getsSoon("", "NothingInCommon")
	custom.gets(tenant.Name, "NothingInCommon")
}
