package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
)

// columns are the lines of a table without its blanks, which depend on the length of names.
func columns(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestOffersAreListedByVersionInTheWordsOfTheLevels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hidden := w.app.DeepCopy()
	hidden.ObjectMeta = metav1.ObjectMeta{Namespace: w.host.Spec.Namespace, Name: "hidden"}
	hidden.Spec.Offer = nil
	w.create(hidden)
	got := w.run(viewer, "offers", in(w.acme))
	got.out = columns(got.out)
	same(t, got, plugin.Done, `
HOST APPLICATION VERSION ACCESS SCOPES
host kpi 1.0.0 Limited assets:read assets:write timeseries:read
host kpi 1.1.0 custom assets:read`)
	has(t, got.err, "On offer to tenant acme. To consent: kubectl countersign grant <host>/<application> -n ns-acme")
	has(t, columns(w.run(viewer, "offers", "--tenant", w.acme.Name, "-o", "wide").out),
		"host kpi 1.0.0 Limited assets:read assets:write timeseries:read KPI Dashboard <uid> Reads all, writes assets.")
	has(t, w.run(viewer, "offers", in(w.acme), "-o", "json").out, `"hostTenant": "host"`, `"displayName": "KPI Dashboard"`,
		`"displayName": "Limited"`, `"uid": "<uid>"`)
	has(t, w.run(viewer, "offers", "--tenant", w.host.Name).err, "Nothing is on offer to tenant host.")
	has(t, w.run(viewer, "offers", "--tenant", "nobody").err, "error: there is no accepted Tenant nobody")
}

func TestTenantsAreThoseThatATokenCanBeHadFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	globex := w.tenant("globex", nil)
	w.create(&v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: globex.Spec.Namespace, Name: w.host.Name + ".kpi"},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(globex.Name), Scopes: []v1alpha1.Scope{"assets:read"},
			Application: v1alpha1.ApplicationReference{HostTenant: v1alpha1.TenantName(w.host.Name), Name: "kpi", UID: w.app.UID},
		},
	})
	list := func(flags ...string) string {
		got := w.run(viewer, append([]string{"tenants", "kpi@1.0.0", in(w.host), "-o", "json"}, flags...)...)
		var rows []struct {
			Tenant, Reason, Since string
			Scopes                []string
		}
		if err := json.Unmarshal([]byte(got.out), &rows); err != nil {
			t.Fatalf("%v: %s%s", err, got.out, got.err)
		}
		var lines []string
		for _, row := range rows {
			since := "never"
			if row.Since != "" {
				since = "since its grant"
			}
			lines = append(lines, row.Tenant+" "+row.Reason+" "+strings.Join(row.Scopes, ",")+" "+since)
		}
		return strings.Join(lines, "\n")
	}
	const can = "acme AccessExceedsGrant assets:read since its grant\n"
	const own = "host Granted assets:read,assets:write,timeseries:read never"
	if got, want := list(), can+own; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got, want := list("--all"), can+"globex NotOffered  since its grant\n"+own; got != want {
		t.Errorf("with all, got:\n%s\nwant:\n%s", got, want)
	}
	edit(w, w.readGrant(), func(g *v1alpha1.TenantGrant) { g.Spec.ExpirationTime = &metav1.Time{Time: noon} })
	expired := columns(w.run(viewer, "tenants", w.host.Name+"/kpi@1.1.0", "--all").out)
	has(t, expired, "acme 1.1.0 GrantExpired 20", " 2030-06-01T12:00:00Z\n")
	edit(w, w.readGrant(), func(g *v1alpha1.TenantGrant) { g.Spec.ExpirationTime = nil })
	has(t, columns(w.run(viewer, "tenants", w.host.Name+"/kpi").out), "TENANT VERSION REASON SCOPES SINCE EXPIRES",
		"acme 1.1.0 Granted assets:read", "host 1.1.0 Granted assets:read <own data> never")
}

func TestTenantsAreNotListedInPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	got := w.run(appAdmin, "tenants", "kpi", in(w.host))
	if got.status != plugin.Failed || got.out != "" {
		t.Errorf("%d: %s", got.status, got.out)
	}
	const all = "list on tenants, list on tenantgrants in all namespaces, list on accesslevels, list on resourceservers"
	has(t, got.err, "needs "+all+" (API", "The namespace is ns-host", "GET /v1/tenants")
	has(t, w.run(editor, "tenants", "kpi", in(w.host)).err, "needs get on applications in namespace ns-host, list on tenants, list on accesslevels, "+
		"list on resourceservers, list on tenantgrants in all namespaces")
	got = w.run(viewer, "tenants", "kpi@3.0.0", in(w.host))
	has(t, got.err, "error: the Application ns-host/kpi has no version 3.0.0")
	has(t, w.run(viewer, "tenants", "nothing", in(w.host)).err, "namespace ns-host has no Application nothing")
}

func TestATenantsAdministratorSeesWhoActsOnItsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read")
	w.say(grant, metav1.ConditionTrue, v1alpha1.ReasonAccessExceedsGrant, "tokens can be had by version 1.0.0")
	for _, user := range []string{tenantAdmin, viewer} {
		got := w.run(user, "applications", in(w.acme))
		has(t, columns(got.out), "HOST APPLICATION REASON SCOPES SINCE EXPIRES", "host kpi AccessExceedsGrant assets:read 20", " never")
		if said := strings.Contains(got.err, "the operator wrote"); said != (user == tenantAdmin) {
			t.Errorf("%s is told: %s", user, got.err)
		}
	}
	has(t, w.run(viewer, "applications", "--for", w.acme.Name).out, "host", "kpi")

	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
	w.say(grant, metav1.ConditionFalse, v1alpha1.ReasonGrantSuspended, "the grant is suspended")
	for _, user := range []string{tenantAdmin, viewer} {
		if got := w.run(user, "applications", in(w.acme)); got.out != "" {
			t.Errorf("%s still sees %s", user, got.out)
		}
		has(t, columns(w.run(user, "applications", in(w.acme), "--all").out), "host kpi GrantSuspended assets:read")
	}
	has(t, w.run(editor, "applications", in(w.acme)).err, "error: could not look: needs list on tenantgrants in namespace ns-acme")
}

// Nobody's write ends a grant: the condition is older than the end.
func TestAnExpiredGrantIsNotListedWhateverItsConditionSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read")
	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.ExpirationTime = &metav1.Time{Time: noon} })
	w.say(grant, metav1.ConditionTrue, v1alpha1.ReasonGranted, "tokens can be had by version 1.0.0")
	has(t, columns(w.run(tenantAdmin, "applications", in(w.acme), "--all").out), "host kpi GrantExpired")
	if got := w.run(tenantAdmin, "applications", in(w.acme)); got.out != "" {
		t.Errorf("listed: %s", got.out)
	}
}

// A condition is about the object as it was: what the grant says since is not covered up by it.
func TestAConditionThatIsOlderThanTheGrantIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grant := w.grant("assets:read")
	list := func(flags ...string) string {
		return columns(w.run(tenantAdmin, append([]string{"applications", in(w.acme)}, flags...)...).out)
	}
	has(t, list(), "host kpi <not known yet> assets:read")
	w.say(grant, metav1.ConditionTrue, v1alpha1.ReasonGranted, "tokens can be had by version 1.0.0")
	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.Scopes = []v1alpha1.Scope{"assets:write"} })
	has(t, list(), "host kpi Granted (before the last change) assets:write")
	has(t, list("-o", "json"), `"effective": false`, `"unknown": true`)

	edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
	if got := list(); got != "" {
		t.Errorf("a suspended grant is listed: %s", got)
	}
	has(t, list("--all"), "host kpi GrantSuspended assets:write")

	edit(w, grant, func(g *v1alpha1.TenantGrant) {
		g.Spec.State, g.Finalizers = v1alpha1.StateActive, []string{"example.com/hold"}
	})
	w.say(grant, metav1.ConditionTrue, v1alpha1.ReasonGranted, "tokens can be had by version 1.0.0")
	if err := admin.Delete(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{tenantAdmin, viewer} {
		if got := w.run(user, "applications", in(w.acme)); got.out != "" {
			t.Errorf("%s sees a grant that is being deleted: %s", user, got.out)
		}
		has(t, w.run(user, "applications", in(w.acme), "--all", "-o", "wide").out, "NotGranted", "the grant is being deleted")
	}
}

func TestApplicationsOfATenantAreNotSoughtInAnothersNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fails := func(user, want string, flags ...string) {
		t.Helper()
		got := w.run(user, append([]string{"applications"}, flags...)...)
		if got.status != plugin.Failed || got.out != "" {
			t.Errorf("%v: %d: %s", flags, got.status, got.out)
		}
		has(t, got.err, want)
	}
	fails(tenantAdmin, "nothing says which tenant namespace ns-acme is", in(w.acme), "--for=globex")
	w.grant("assets:read")
	fails(tenantAdmin, "namespace ns-acme is tenant acme's: for tenant globex, name its namespace (--namespace)", in(w.acme), "--for=globex")
	fails(viewer, "namespace default speaks for no tenant: name the tenant's namespace (--namespace) or the tenant (--for)", "--namespace=default")
	fails(tenantAdmin, "Is namespace default that of your tenant (--namespace)?", "--namespace=default")
	has(t, w.run(tenantAdmin, "applications", in(w.acme), "--for", w.acme.Name).out, "kpi")
}

func TestAnApplicationThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	if err := admin.Delete(t.Context(), w.app); err != nil {
		t.Fatal(err)
	}
	has(t, w.run(viewer, "applications", in(w.acme), "--all", "-o", "wide").out, "ApplicationNotFound", "there is no Application ns-host/kpi")
	has(t, w.run(viewer, "why", w.host.Name+"/kpi", w.acme.Name).out, "What to do: there is no Application ns-host/kpi",
		"'kubectl get applications -n ns-host'")
}
