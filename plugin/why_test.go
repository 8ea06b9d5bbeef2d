package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
)

// same holds what was printed against what people are to read.
func same(t *testing.T, got answer, status int, want string) {
	t.Helper()
	if got.status != status {
		t.Errorf("exit status %d, want %d; stderr: %s", got.status, status, got.err)
	}
	if difference := cmp.Diff(strings.TrimPrefix(want, "\n"), got.out); difference != "" {
		t.Errorf("printed otherwise (-want +got):\n%s", difference)
	}
}

// has fails the test where a text is not in what was printed.
func has(t *testing.T, printed string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not in:\n%s", want, printed)
		}
	}
}

func TestWhyPrintsEveryLinkAndBothSetsWhereTheVersionHasMoreThanTheGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	same(t, w.run(viewer, "why", w.host.Name+"/kpi@1.0.0", w.acme.Name), plugin.Done, `
host/kpi@1.0.0, for tenant acme: a token can be had (AccessExceedsGrant) with assets:read
  ✓ the application exists: <uid>
  ✓ its namespace speaks for one tenant, the host: ns-host
  ✓ the host is Active: Active
  ✓ the host hosts applications: Production
  ✓ the application was not handed over
  ✓ the application has the version: 1.0.0
  ✓ the version is Active: Active
  ✓ the version has access: limited (assets:read assets:write timeseries:read)
  ✓ the audience is one of the application's: https://iot.example.com
  ✓ the host is in Production: Production
  ✓ the user tenant exists: ns-acme
  ✓ the user tenant is Active: Active
  ✓ the application is offered to the user tenant: to acme by name
  ✓ the user tenant has a grant for the application: assets:read
  ✓ the grant is for this application and no earlier one: <uid>
  ✓ the grant is Active: Active
  ✓ the grant has not expired: none
  ✓ the grant covers the version: all
  ✓ a scope is left that all sides allow: assets:read
The version has more access than the grant lists, and tokens are narrowed to what both have:
  the version can have  assets:read assets:write timeseries:read
  the grant lists       assets:read
  missing in the grant  assets:write timeseries:read
`)
}

func TestWhyMarksTheBrokenLinkAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edit(w, w.grant("assets:read"), func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
	got := w.run(viewer, "why", "kpi@1.0.0", w.acme.Name, in(w.host))
	if got.status != plugin.NotGranted {
		t.Errorf("exit status %d", got.status)
	}
	has(t, got.out,
		"host/kpi@1.0.0, for tenant acme: no token can be had (GrantSuspended)\n",
		"  ✓ the grant is for this application and no earlier one: <uid>\n",
		"  ✗ the grant is Active: no (TenantGrant ns-acme/host.kpi, spec.state)\n",
		"  · the grant has not expired\n",
		"What to do: the grant is suspended: set its state to Active (TenantGrant ns-acme/host.kpi, spec.state)\n",
	)
}

func TestWhyShowsBothSetsThatHaveNothingInCommon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("timeseries:read")
	got := w.run(viewer, "why", "kpi@1.1.0", w.acme.Name, in(w.host))
	has(t, got.out, "no token can be had (NothingInCommon)", "  the version can have  assets:read\n",
		"  the grant lists       timeseries:read\n", "and the two have nothing in common:\n")
	if strings.Contains(got.out, "tokens are narrowed") {
		t.Errorf("there are no tokens: %s", got.out)
	}
}

func TestWhyBlamesNoGrantForWhatTheVersionCannotHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	edit(w, w.app, func(a *v1alpha1.Application) { a.Spec.Versions[1].Access.Scopes = []v1alpha1.Scope{"billing:read"} })
	for _, tenant := range []string{w.host.Name, w.acme.Name} {
		got := w.run(viewer, "why", "kpi@1.1.0", tenant, in(w.host))
		has(t, got.out, "(NothingInCommon)", "What to do: the host tenant's levels allow none of the version's scopes", "(Tenant host, spec.hosting.levels)")
		if _, todo, _ := strings.Cut(got.out, "What to do"); strings.Contains(todo, "grant lists") {
			t.Errorf("the grant is blamed: %s", todo)
		}
	}
}

func TestWhyDecidesOnEachVersionWhereNoneIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edit(w, w.grant("assets:read"), func(g *v1alpha1.TenantGrant) { g.Spec.Versions = []v1alpha1.VersionName{"1.1.0"} })
	got := w.run(viewer, "why", "kpi", w.acme.Name, in(w.host))
	has(t, got.out, "host/kpi@1.0.0, for tenant acme: no token can be had (VersionNotCovered)",
		"host/kpi@1.1.0, for tenant acme: a token can be had (Granted) with assets:read")
	if got.status != plugin.Done {
		t.Errorf("one version can have a token, and the exit status is %d", got.status)
	}
}

func TestWhyAnswersWhatIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	ask := func(flags ...string) answer {
		return w.run(viewer, append([]string{"why", "kpi@1.0.0", w.acme.Name, in(w.host)}, flags...)...)
	}
	if got := ask("--scope=assets:read"); got.status != plugin.Done {
		t.Errorf("%d: %s", got.status, got.out)
	}
	has(t, ask("--scope=assets:read,assets:write").out, "(InvalidScope)",
		"✗ the wanted scopes are among those: no: assets:write is not among assets:read",
		"What to do: assets:write cannot be had: ask for assets:read", "have assets:write added to spec.scopes of TenantGrant ns-acme/host.kpi")
	has(t, ask("--audience=https://elsewhere.example.com").out, "(AudienceNotAllowed)")
	has(t, w.run(viewer, "why", "kpi@1.0.0", w.host.Name, in(w.host)).out, "for tenant host: a token can be had (Granted)",
		"- the user tenant has a grant for the application: not needed for the host's own data")
}

func TestWhySaysWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for sentence, c := range map[string]struct {
		application, tenant, want string
		status                    int
	}{
		"no such application": {"nothing", w.acme.Name, "✗ the application exists: no", plugin.NotGranted},
		"no such version":     {"kpi@2.0.0", w.acme.Name, "(VersionNotFound)", plugin.NotGranted},
		"no such tenant":      {"kpi@1.0.0", "nobody", "(TenantNotFound)", plugin.NotGranted},
		"no such host":        {"nobody/kpi", w.acme.Name, "error: there is no Tenant nobody", plugin.Failed},
		"no name":             {"host/", w.acme.Name, `"host/" names no application`, plugin.Failed},
	} {
		got := w.run(viewer, "why", c.application, c.tenant, in(w.host))
		if got.status != c.status {
			t.Errorf("%s: exit status %d, want %d", sentence, got.status, c.status)
		}
		has(t, got.out+got.err, c.want)
	}
}

func TestWhyIsReadByProgramsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	got := w.run(viewer, "why", "kpi@1.0.0", w.acme.Name, in(w.host), "-o", "json")
	var report struct {
		Application, Tenant, Verdict string
		Versions                     []struct {
			Version, Reason   string
			Scopes, Exceeding []string
			Links             []struct{ State string }
		}
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatalf("%v: %s", err, got.out)
	}
	if report.Application != "host/kpi" || report.Verdict != "Yes" || len(report.Versions) != 1 {
		t.Fatalf("%+v", report)
	}
	if version := report.Versions[0]; version.Reason != "AccessExceedsGrant" || len(version.Exceeding) != 2 || len(version.Links) != 19 {
		t.Errorf("%+v", version)
	}
	has(t, w.run(viewer, "why", "kpi@1.0.0", w.acme.Name, in(w.host), "-o", "yaml").out, "verdict: \"Yes\"\n")
}

// The administrator of a tenant reads its own namespace alone: what the operator says there is the answer.
func TestATenantsAdministratorSeesItsGrantAndReadsTheRestFromTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read")
	w.say(grant, metav1.ConditionFalse, v1alpha1.ReasonNotOffered, "no application kpi is offered to it: ask its administrator")
	ask := func(application string) answer {
		return w.run(tenantAdmin, "why", w.host.Name+"/"+application, w.acme.Name, in(w.acme))
	}
	same(t, ask("kpi"), plugin.NotGranted, `
host/kpi, for tenant acme: no token can be had, as the operator says (NotOffered)
  ? the application exists: could not look: needs list on tenants
  ? its namespace speaks for one tenant, the host: could not look: needs list on tenants
  ? the host is Active: could not look: needs list on tenants
  ? the host hosts applications: could not look: needs list on tenants
  ? the application was not handed over: could not look: needs list on tenants
  ? the application has the version: could not look: needs list on tenants
  ? the version is Active: could not look: needs list on tenants
  ? the version has access: could not look: needs list on tenants
  ? the audience is one of the application's: could not look: needs list on tenants, list on resourceservers
  ? the host is in Production: could not look: needs list on tenants
  ? the user tenant exists: could not look: needs list on tenants
  ? the user tenant is Active: could not look: needs list on tenants
  ? the application is offered to the user tenant: could not look: needs list on tenants
  ✓ the user tenant has a grant for the application: assets:read
  ? the grant is for this application and no earlier one: could not look: needs list on tenants
  ✓ the grant is Active: Active
  ✓ the grant has not expired: none
  ✓ the grant covers the version: all
  ? a scope is left that all sides allow: could not look: needs list on tenants, list on accesslevels, list on resourceservers

What could not be looked at, the operator sees. It says:
  TenantGrant ns-acme/host.kpi: Effective=False, NotOffered: no application kpi is offered to it: ask its administrator
`)

	w.say(grant, metav1.ConditionTrue, v1alpha1.ReasonGranted, "tokens can be had by version 1.0.0 (assets:read)")
	if got := ask("kpi"); got.status != plugin.Done {
		t.Errorf("the operator says yes, and the exit status is %d", got.status)
	} else {
		has(t, got.out, "host/kpi, for tenant acme: a token can be had, as the operator says (Granted)\n")
	}
	if got := ask("kpi@1.1.0"); got.status != plugin.Failed || !strings.Contains(got.out, "not known: nothing is broken that you may look at") {
		t.Errorf("the operator says yes of another version, and the exit status is %d", got.status)
	}

	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.Scopes = append(g.Spec.Scopes, "assets:write") })
	got := ask("kpi")
	has(t, got.out, "Effective=True (before the object's last change), Granted")
	if got.status != plugin.Failed {
		t.Errorf("the operator has not seen the change, and the exit status is %d", got.status)
	}

	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
	got = ask("kpi")
	has(t, got.out, "no token can be had (GrantSuspended)", "✗ the grant is Active: no")
	if got.status != plugin.NotGranted {
		t.Errorf("what may be looked at says no, and the exit status is %d", got.status)
	}
}

func TestATenantsAdministratorIsToldThatThereIsNoGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.grant("assets:read")
	// Another grant says whose the namespace is.
	got := w.run(tenantAdmin, "why", w.host.Name+"/another", w.acme.Name, in(w.acme))
	has(t, got.out, "no token can be had (NotGranted)", "✗ the user tenant has a grant for the application: no")

	if err := admin.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	got = w.run(tenantAdmin, "why", w.host.Name+"/another", w.acme.Name, in(w.acme))
	if got.status != plugin.Failed || strings.Contains(got.out, "✗") {
		t.Errorf("nobody knows whose namespace this is, and the answer is %d: %s", got.status, got.out)
	}
}

// Whoever may not look is never told that something is not there.
func TestForbiddenIsNeverTakenForNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	edit(w, w.app, func(a *v1alpha1.Application) {
		a.Spec.Offer = &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"plan": "gold"}}}
	})
	got := w.run(appAdmin, "why", "kpi", w.acme.Name, in(w.host))
	if got.status != plugin.Failed || strings.Contains(got.out, "✗") {
		t.Errorf("exit status %d: %s", got.status, got.out)
	}
	has(t, got.out, "✓ the application exists", "✓ the version is Active", "? the version has access: could not look: needs list on accesslevels",
		"✓ the version has access: assets:read", "? the application is offered to the user tenant: could not look: needs list on tenants")

	for _, user := range []string{editor, "nobody"} {
		got := w.run(user, "why", "kpi", w.acme.Name, in(w.host))
		if got.status != plugin.Failed {
			t.Errorf("%s: exit status %d", user, got.status)
		}
		has(t, got.err, "error: could not look: needs get on applications in namespace ns-host", "host tenant>/kpi")
	}
}

func TestWhoMayReadItsApplicationAloneSeesWhatIsBrokenThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edit(w, w.app, func(a *v1alpha1.Application) {
		a.Spec.Versions[0].State, a.Spec.Versions[1].Access = v1alpha1.StateSuspended, nil
	})
	got := w.run(appAdmin, "why", "kpi", w.acme.Name, in(w.host))
	has(t, got.out, "kpi@1.0.0, for tenant acme: no token can be had (VersionSuspended)",
		"kpi@1.1.0, for tenant acme: no token can be had (AccessNotGranted)")
	if got.status != plugin.NotGranted {
		t.Errorf("exit status %d", got.status)
	}
}

// hosted writes the status of version 1.0.0 as the operator does.
func (w *world) hosted(status metav1.ConditionStatus, reason v1alpha1.Reason) {
	w.t.Helper()
	w.app.Status.HostTenant = w.host.Name
	w.app.Status.Versions = []v1alpha1.ApplicationVersionStatus{{Version: "1.0.0", Conditions: []metav1.Condition{{
		Type: string(v1alpha1.ConditionEffective), Status: status, Reason: string(reason), Message: "the operator saw it",
		ObservedGeneration: w.app.Generation, LastTransitionTime: metav1.NewTime(noon),
	}}}}
	if err := admin.Status().Update(w.t.Context(), w.app); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhoMayReadItsApplicationAloneReadsTheRestFromTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(application, tenant string) answer {
		return w.run(appAdmin, "why", application, tenant, in(w.host))
	}
	w.hosted(metav1.ConditionFalse, v1alpha1.ReasonTenantSuspended)
	got := ask(w.host.Name+"/kpi@1.0.0", w.acme.Name)
	has(t, got.out, "host/kpi@1.0.0, for tenant acme: no token can be had, as the operator says (TenantSuspended)", "✓ the application exists: <uid>",
		"Application ns-host/kpi, version 1.0.0: Effective=False for the host's own data, TenantSuspended: the operator saw it\n")
	if got.status != plugin.NotGranted {
		t.Errorf("what is refused for the host's own data is refused for all, and the exit status is %d", got.status)
	}
	if got := ask("kpi", w.acme.Name); got.status != plugin.Failed {
		t.Errorf("the operator says nothing of 1.1.0, and the exit status is %d", got.status)
	}
	has(t, ask("other/kpi@1.0.0", w.acme.Name).out, "? the application exists: could not look: needs list on tenants")

	w.hosted(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	if got := ask("kpi@1.0.0", w.host.Name); got.status != plugin.Done {
		t.Errorf("the host's own data can be had, and the exit status is %d", got.status)
	}
	if got := ask("kpi@1.0.0", w.acme.Name); got.status != plugin.Failed {
		t.Errorf("the operator says nothing of acme, and the exit status is %d", got.status)
	}
}
