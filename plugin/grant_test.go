package plugin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
)

// consented is what the present grant lists.
func (w *world) consented() string {
	w.t.Helper()
	grant := w.readGrant()
	if grant == nil {
		return "no grant"
	}
	scopes := make([]string, 0, len(grant.Spec.Scopes))
	for _, scope := range grant.Spec.Scopes {
		scopes = append(scopes, string(scope))
	}
	return strings.Join(scopes, ",")
}

func TestGrantFillsInTenantUIDAndWhatTheVersionsNeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme)), plugin.Done, `
tenantgrant.countersign.dev/host.kpi created
  tenant acme lets host/kpi (UID <uid>) have assets:read,assets:write,timeseries:read
  versions: all, later ones too; expires: never
`)
	grant := w.readGrant()
	if string(grant.Spec.Tenant) != w.acme.Name || grant.Spec.Application.UID != w.app.UID {
		t.Errorf("%+v", grant.Spec)
	}
	if got := w.run(viewer, "why", w.host.Name+"/kpi", w.acme.Name); got.status != plugin.Done {
		t.Errorf("no token can be had with it: %s", got.out)
	}
}

func TestGrantTakesWhatFlagsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--scope=assets:read", "--version=1.1.0", "--expires=24h",
		"--state=Suspended")
	has(t, got.out, "have assets:read\n", "versions: 1.1.0; expires: 2030-06-02T12:00:00Z", "it is Suspended")
	spec := w.readGrant().Spec
	if !slices.Equal(spec.Versions, []v1alpha1.VersionName{"1.1.0"}) || spec.State != v1alpha1.StateSuspended ||
		!spec.ExpirationTime.Time.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("%+v", spec)
	}
}

func TestGrantWritesOutALevelAndOneVersionsNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(flags ...string) answer {
		return w.run(both, append([]string{"grant", w.host.Name + "/kpi", in(w.acme), "--dry-run=client"}, flags...)...)
	}
	has(t, run("--version=1.1.0").out, "created (dry run)", "have assets:read\n")
	has(t, run("--level="+w.name("limited")).out, "have assets:read,assets:write,timeseries:read\n")
	has(t, run("--level=other").err, "no offered version has the level other")
	if w.readGrant() != nil {
		t.Error("a dry run has written")
	}
}

func TestADryRunPrintsWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--dry-run=client", "-o", "yaml"), plugin.Done, `
apiVersion: countersign.dev/v1alpha1
kind: TenantGrant
metadata:
  name: host.kpi
  namespace: ns-acme
spec:
  application:
    hostTenant: host
    name: kpi
    uid: <uid>
  scopes:
  - assets:read
  - assets:write
  - timeseries:read
  tenant: acme
`)
	got := w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--dry-run=server", "-o", "name")
	same(t, got, plugin.Done, "tenantgrant.countersign.dev/host.kpi\n")
	if w.readGrant() != nil {
		t.Error("a dry run has written")
	}
	has(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--dry-run=server", "--scope=A B", "--expires=2031-01-01T00:00:00Z",
		"--uid", string(w.app.UID), "--version=V1").err, "error: creating TenantGrant ns-acme/host.kpi:", "spec.versions")
}

func TestAGrantThatIsThereChangesByFlagsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	run := func(flags ...string) answer {
		return w.run(both, append([]string{"grant", w.host.Name + "/kpi", in(w.acme)}, flags...)...)
	}
	got := run()
	if got.status != plugin.Failed || w.consented() != "assets:read" {
		t.Errorf("%d, and consented is %s", got.status, w.consented())
	}
	has(t, got.err, "is there already, and the offered versions that it covers could use more than it lists: assets:write,timeseries:read",
		"kubectl countersign grant host/kpi -n ns-acme --scope assets:read,assets:write,timeseries:read")

	got = run("--scope=assets:write,timeseries:read", "--expires=2031-01-01T00:00:00Z")
	has(t, got.out, "updated", "scopes added: assets:write,timeseries:read", "scopes taken out: assets:read",
		"expires: never -> 2031-01-01T00:00:00Z")
	if w.consented() != "assets:write,timeseries:read" {
		t.Errorf("consented is %s", w.consented())
	}
	has(t, run("--state=Suspended", "--expires=never").out, "state: Active -> Suspended", "expires: 2031-01-01T00:00:00Z -> never")
	has(t, run("--state=Suspended").out, "unchanged")
	has(t, run("--version=1.0.0").out, "versions: all, later ones too -> 1.0.0")
	has(t, run("--version=*").out, "versions: 1.0.0 -> all, later ones too")
	has(t, run("--level="+w.name("limited")).out, "scopes added: assets:read")
	has(t, run().out, "unchanged")
	has(t, run("--tenant=other").err, "which nothing can change")
}

func TestAnEarlierApplicationsGrantIsMovedOnByItsUIDAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read", "assets:write", "timeseries:read")
	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.Application.UID = "00000000-0000-0000-0000-000000000000" })
	got := w.run(both, "grant", w.host.Name+"/kpi", in(w.acme))
	const todo = "kubectl countersign grant host/kpi -n ns-acme --uid <uid> --scope assets:read,assets:write,timeseries:read; or withdraw"
	has(t, got.err, "is for an earlier application of that name", "(ApplicationReplaced)", todo)
	for _, flag := range []string{"--version=1.0.0", "--level=" + w.name("limited"), "--scope=assets:read,assets:write,timeseries:read"} {
		got := w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), flag)
		has(t, got.err, "is for an earlier application of that name", todo)
		if got.status != plugin.Failed || got.out != "" {
			t.Errorf("%s: %d: %s", flag, got.status, got.out)
		}
	}
	has(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--state=Suspended").out, "state: Active -> Suspended")
	has(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--uid", string(w.app.UID)).out,
		"uid: 00000000-0000-0000-0000-000000000000 -> <uid>")
}

func TestAGrantIsWrittenIntoTheNamespaceOfItsTenantAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind("default", both, "countersign-tenant-administrator")
	w.bind(w.host.Spec.Namespace, tenantAdmin, "countersign-tenant-administrator")
	for _, flags := range [][]string{nil, {"--uid", string(w.app.UID), "--scope=assets:read"}} {
		for _, namespace := range []string{"default", w.host.Spec.Namespace} {
			got := w.run(both, append([]string{
				"grant", w.host.Name + "/kpi", "--namespace", namespace, "--tenant", w.acme.Name,
				"--dry-run=client",
			}, flags...)...)
			if namespace == "default" {
				has(t, got.err, "the grants of tenant acme are in its namespace ns-acme, and mean nothing in default: --namespace ns-acme")
			}
			if got.status != plugin.Failed {
				t.Errorf("in %s: %s", namespace, got.out)
			}
		}
	}
	w.grant("assets:read")
	has(t, w.run(tenantAdmin, "grant", w.host.Name+"/other", in(w.acme), "--tenant=globex", "--scope=a", "--uid", string(w.app.UID)).err,
		"namespace ns-acme is tenant acme's, as TenantGrant host.kpi says")
}

func TestVersionsThatAreNotOnOfferAreNotConsentedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(flags ...string) answer {
		return w.run(both, append([]string{"grant", w.host.Name + "/kpi", in(w.acme)}, flags...)...)
	}
	const want = "error: version 9.9 is not on offer: on offer is 1.0.0,1.1.0. To consent to what is yet to come"
	has(t, run("--version=9.9").err, want)
	has(t, run("--version=1.0.0,9.9").err, want)
	if w.readGrant() != nil {
		t.Fatal("it was written")
	}
	w.grant("assets:read")
	has(t, run("--version=9.9").err, want)
	has(t, run("--version=9.9", "--level="+w.name("limited")).err, want)
	if versions := w.readGrant().Spec.Versions; len(versions) > 0 {
		t.Errorf("the grant covers %v", versions)
	}
	got := w.run(tenantAdmin, "grant", w.host.Name+"/kpi", in(w.acme), "--version=9.9")
	has(t, got.err, "Could not compare with what is on offer: could not look")
	has(t, got.out, "versions: all, later ones too -> 9.9")
	has(t, run().err, "the grant covers version 9.9 alone, and on offer is 1.0.0,1.1.0")

	has(t, run("--version=1.1.0").out, "versions: 9.9 -> 1.1.0")
	same(t, run("-o", "name"), plugin.Done, "tenantgrant.countersign.dev/host.kpi\n") // the versions that it does not cover need more
	has(t, run("--level="+w.name("limited")).err, "no offered version that the grant covers (1.1.0) has the level limited")
}

func TestAGrantThatIsBeingDeletedIsNotChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read")
	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Finalizers = []string{"example.com/hold"} })
	if err := admin.Delete(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--state=Active", "--scope=assets:write"} {
		got := w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), flag)
		has(t, got.err, "TenantGrant ns-acme/host.kpi is being deleted since 20", "held by finalizers (example.com/hold)", "grant anew")
		if got.status != plugin.Failed {
			t.Errorf("%s: %s", flag, got.out)
		}
	}
}

func TestWithAUIDNothingIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(flags ...string) answer {
		return w.run(tenantAdmin, append([]string{"grant", w.host.Name + "/kpi", in(w.acme), "--uid", string(w.app.UID)}, flags...)...)
	}
	has(t, run().err, "write the scopes out (--scope)")
	has(t, run("--scope=assets:read").err, "nothing says which tenant namespace ns-acme is: name it by --tenant")
	has(t, run("--scope=assets:read", "--tenant", w.acme.Name).out, "created", "tenant acme lets host/kpi")
	if err := admin.Delete(t.Context(), w.readGrant()); err != nil {
		t.Fatal(err)
	}
	w.create(&v1alpha1.TenantGrant{ObjectMeta: metav1.ObjectMeta{
		Namespace: w.acme.Spec.Namespace, Name: w.host.Name + ".another",
	}, Spec: v1alpha1.TenantGrantSpec{
		Tenant: v1alpha1.TenantName(w.acme.Name), Scopes: []v1alpha1.Scope{"a"},
		Application: v1alpha1.ApplicationReference{HostTenant: v1alpha1.TenantName(w.host.Name), Name: "another", UID: w.app.UID},
	}})
	has(t, run("--scope=assets:read").out, "tenant acme lets host/kpi")
}

func TestGrantSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := func(user string, flags ...string) string {
		return w.run(user, append([]string{"grant", w.host.Name + "/kpi", in(w.acme)}, flags...)...).err
	}
	has(t, w.run(both, "grant", "kpi", in(w.acme)).err, "must be <host tenant>/<application>")
	has(t, w.run(both, "grant", w.host.Name+"/secret", in(w.acme)).err,
		"no application secret of tenant host is offered to this tenant")
	has(t, grant(tenantAdmin), "could not look: needs list on tenants", "--token-server", "--uid")
	has(t, grant(editor, "--uid", string(w.app.UID), "--scope=a", "--tenant=acme"), "tenantgrants.countersign.dev", "is forbidden")
	has(t, grant(both, "--expires=yesterday"), "neither a time")
	has(t, grant(both, "--uid=kpi", "--scope=assets:read"), "--uid kpi is no UID: it is metadata.uid of the Application")
	has(t, w.run(both, "grant").err, "0 arguments, want 1: kubectl countersign grant <host>/<application>")
	has(t, grant(both, "--expires=2029-01-01T00:00:00Z"), "has passed")
	has(t, grant(both, "--state=Paused"), "use Active or Suspended")
	has(t, grant(both, "--dry-run=maybe"), "use client, server or none")
	if w.readGrant() != nil {
		t.Error("something was written all the same")
	}
	edit(w, w.app, func(a *v1alpha1.Application) { a.Spec.Versions = nil })
	has(t, grant(both), "there is nothing to consent to yet")
}

func TestWithdrawDeletesOrSuspends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	run := func(user string, flags ...string) answer {
		return w.run(user, append([]string{"withdraw", w.host.Name + "/kpi", in(w.acme)}, flags...)...)
	}
	has(t, run(editor).err, "withdrawing TenantGrant ns-acme/host.kpi", "is forbidden")
	same(t, run(tenantAdmin, "--suspend"), plugin.Done, "tenantgrant.countersign.dev/host.kpi suspended\n")
	if state := w.readGrant().Spec.State; state != v1alpha1.StateSuspended {
		t.Errorf("its state is %s", state)
	}
	same(t, run(tenantAdmin), plugin.Done, "tenantgrant.countersign.dev/host.kpi deleted\n")
	if w.readGrant() != nil {
		t.Error("it is still there")
	}
	for _, flag := range []string{"--suspend=false", "--suspend"} {
		has(t, run(tenantAdmin, flag).err, "namespace ns-acme has no TenantGrant host.kpi")
	}
}
