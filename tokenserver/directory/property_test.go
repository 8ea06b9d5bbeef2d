package directory

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// The few names that random objects have, so that they meet.
var (
	someTenants    = []string{"operator-co", "acme", "globex"}
	someNamespaces = []string{"tenant-operator-co", "tenant-acme"}
	someApps       = []string{"kpi", "kpi-1"}
	someVersions   = []string{"0", "1-0"}
	someUIDs       = []types.UID{appUID, laterUID, collidingUID0, collidingUID1_0}
	someAccounts   = []string{"runner", "canary"}
	someStates     = []v1alpha1.State{"", v1alpha1.StateActive, v1alpha1.StateSuspended}
)

func drawMeta(t *rapid.T, meta *metav1.ObjectMeta) {
	meta.UID = rapid.SampledFrom(someUIDs).Draw(t, "uid")
	if rapid.IntRange(0, 4).Draw(t, "deleting") == 0 {
		meta.DeletionTimestamp = &metav1.Time{Time: epoch}
	}
}

func drawTenant(t *rapid.T) runtime.Object {
	tenant := newTenant(rapid.SampledFrom(someTenants).Draw(t, "tenant"), rapid.SampledFrom(someNamespaces).Draw(t, "namespace"))
	tenant.Spec.State = rapid.SampledFrom(someStates).Draw(t, "state")
	drawMeta(t, &tenant.ObjectMeta)
	return tenant
}

func drawServer(t *rapid.T) runtime.Object {
	server := newServer(rapid.SampledFrom([]string{"iot", "twin"}).Draw(t, "server"),
		rapid.SampledFrom([]string{audience, audience + "/2"}).Draw(t, "audience"))
	if accounts := rapid.SliceOfNDistinct(rapid.SampledFrom(someAccounts), 0, 2, rapid.ID).Draw(t, "introspectors"); len(accounts) > 0 {
		server.Spec.Introspection = introspection(accounts...)
	}
	drawMeta(t, &server.ObjectMeta)
	return server
}

func drawLevel(t *rapid.T) runtime.Object {
	level := newLevel("limited", rapid.SampledFrom([]v1alpha1.Scope{"assets:read", "assets:write"}).Draw(t, "scope"))
	drawMeta(t, &level.ObjectMeta)
	return level
}

func drawApplication(t *rapid.T) runtime.Object {
	app := newApp(rapid.SampledFrom(someApps).Draw(t, "app"), "")
	app.Namespace = rapid.SampledFrom(someNamespaces).Draw(t, "namespace")
	app.Spec.Versions, app.Status.Versions = nil, nil
	for _, name := range someVersions {
		if rapid.Bool().Draw(t, "listed") {
			listed := v1alpha1.ApplicationVersion{
				Version: v1alpha1.VersionName(name), Access: &v1alpha1.Access{Level: "limited"},
			}
			for _, account := range rapid.SliceOfNDistinct(rapid.SampledFrom(someAccounts), 0, 2, rapid.ID).Draw(t, "accounts") {
				listed.ServiceAccounts = append(listed.ServiceAccounts,
					v1alpha1.LocalServiceAccount{Name: v1alpha1.ServiceAccountName(account)})
			}
			app.Spec.Versions = append(app.Spec.Versions, listed)
		}
		seeds := rapid.SliceOfN(rapid.ByteRange(1, 3), 0, 2).Draw(t, "secrets")
		secrets := make([]credential.Secret, 0, len(seeds))
		for _, seed := range seeds {
			secrets = append(secrets, newSecret(seed))
		}
		app.Status.Versions = append(app.Status.Versions, newStatus(name, secrets...))
	}
	drawMeta(t, &app.ObjectMeta)
	return app
}

func drawGrant(t *rapid.T) runtime.Object {
	grant := newGrant(rapid.SampledFrom(someTenants).Draw(t, "tenant"), rapid.SampledFrom(someApps).Draw(t, "app"),
		rapid.SampledFrom(someUIDs).Draw(t, "application"))
	grant.Namespace = rapid.SampledFrom(someNamespaces).Draw(t, "namespace")
	grant.Spec.State = rapid.SampledFrom(someStates).Draw(t, "state")
	drawMeta(t, &grant.ObjectMeta)
	return grant
}

// cluster is what there is, by kind and key: what a watch is told of.
type cluster []map[types.NamespacedName]runtime.Object

func (c cluster) list(tb tb, kind int) []any {
	objects := []any{}
	for _, object := range c[kind] {
		objects = append(objects, raw(tb, object))
	}
	return objects
}

// drawEvent changes the cluster or not, and delivers what its watch would.
func drawEvent(t *rapid.T, w *world, there cluster) {
	draws := []func(*rapid.T) runtime.Object{drawTenant, drawServer, drawLevel, drawApplication, drawGrant}
	kind := rapid.IntRange(0, len(draws)-1).Draw(t, "kind")
	object := draws[kind](t)
	meta := raw(t, object)
	store, key := w.feeds[kind].store, keyOf(meta)
	switch rapid.SampledFrom([]string{"write", "write", "write", "again", "delete", "list"}).Draw(t, "event") {
	case "write":
		there[kind][key] = object
		deliver := store.Update
		if rapid.Bool().Draw(t, "as new") {
			deliver = store.Add
		}
		must(t, deliver(meta))
	case "again":
		if same, ok := there[kind][key]; ok {
			must(t, store.Update(raw(t, same)))
		}
	case "delete":
		delete(there[kind], key)
		must(t, store.Delete(meta))
	case "list":
		// A list comes when events were missed: half of what there was is gone.
		for key := range there[kind] {
			if len(key.Name)%2 == rapid.IntRange(0, 1).Draw(t, "gone") {
				delete(there[kind], key)
			}
		}
		must(t, store.Replace(there.list(t, kind), "1"))
	}
}

func must(tb tb, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("delivering: %v", err)
	}
}

// answers asks the world everything that can be asked of the few names.
func answers(w *world) map[string]any {
	said := map[string]any{}
	for _, host := range someTenants {
		for _, app := range someApps {
			for _, version := range someVersions {
				for _, uid := range someUIDs {
					id := credential.ClientID(host, app, version, string(uid))
					for seed := byte(1); seed <= 3; seed++ {
						said[fmt.Sprint(id, seed)] = answersTo(w, id, newSecret(seed))
					}
					for _, account := range someAccounts {
						for _, namespace := range someNamespaces {
							_, ok := w.AuthenticateServiceAccount(id, types.NamespacedName{Namespace: namespace, Name: account})
							said[fmt.Sprint(id, namespace, account)] = ok
						}
					}
				}
			}
		}
	}
	for _, account := range someAccounts {
		servers := []string{}
		for _, server := range w.IntrospectedBy(types.NamespacedName{Namespace: "iot", Name: account}) {
			servers = append(servers, server.Name)
		}
		slices.Sort(servers)
		said["introspected by "+account] = servers
	}
	return said
}

func answersTo(w *world, id string, secret credential.Secret) any {
	client, ok := w.Authenticate(id, secret.Reveal())
	if !ok {
		return "refused"
	}
	reasons := map[string]v1alpha1.Reason{}
	for _, tenant := range someTenants {
		decision := w.Decide(client, tenant, "", nil)
		reasons[tenant] = decision.Reason
	}
	_, stands := w.Client(id, client.CredentialID)
	return []any{client.Host, client.Application.UID, client.Version, client.CredentialID, stands, reasons, w.Tenants(client)}
}

// entriesOf lists all that the tables hold: nothing of what is gone may be left in them.
func entriesOf(w *world) []string {
	held := []string{}
	for key := range w.applications.byKey.all() {
		held = append(held, "application "+key.String())
	}
	for app := range w.applications.byUID.from(&application{facts: &access.Application{}}) {
		key := types.NamespacedName{Namespace: app.facts.Namespace, Name: app.facts.Name}
		held = append(held, fmt.Sprint("ordered ", key, app.facts.UID, app == w.applications.byKey.get(key)))
	}
	for suffix, keys := range w.applications.bySuffix.values.all() {
		for _, key := range keys {
			held = append(held, fmt.Sprint("version ", suffix, key))
		}
	}
	for key := range w.grants.keys() {
		held = append(held, "grant "+key.String())
	}
	for name, named := range w.grants.byName.all() {
		held = append(held, fmt.Sprint("grants ", name, named.len()))
		for grant := range w.grants.from(name, "") {
			held = append(held, fmt.Sprint("ordered ", name, grant.UID, grant == w.Grant(grant.Namespace, name)))
		}
	}
	for namespace, tenants := range w.tenants.byClaim.values.all() {
		for _, tenant := range tenants {
			held = append(held, fmt.Sprint("claim ", namespace, tenant.Name, tenant == w.Tenant(tenant.Name)))
		}
	}
	for audience, servers := range w.servers.byClaim.values.all() {
		for _, server := range servers {
			held = append(held, fmt.Sprint("claim ", audience, server.Name, server == w.ResourceServer(server.Name)))
		}
	}
	for account, servers := range w.servers.byIntrospector.values.all() {
		for _, server := range servers {
			held = append(held, fmt.Sprint("introspector ", account, server.Name, server == w.ResourceServer(server.Name)))
		}
	}
	for name := range w.tenants.byName.all() {
		held = append(held, "tenant "+name)
	}
	for name := range w.levels.byName.all() {
		held = append(held, "level "+name)
	}
	slices.Sort(held)
	return held
}

func TestAfterAnyEventsTheDirectoryIsTheOneThatAListOfWhatIsLeftMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, there := newWorld(t), make(cluster, 5)
		for kind := range there {
			there[kind] = map[types.NamespacedName]runtime.Object{}
		}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			drawEvent(t, w, there)
		}
		rebuilt := newWorld(t)
		for kind, feed := range rebuilt.feeds {
			must(t, feed.store.Replace(there.list(t, kind), "1"))
		}
		if diff := cmp.Diff(entriesOf(rebuilt), entriesOf(w)); diff != "" {
			t.Fatalf("entries: -rebuilt +got:\n%s", diff)
		}
		if diff := cmp.Diff(answers(rebuilt), answers(w)); diff != "" {
			t.Fatalf("answers: -rebuilt +got:\n%s", diff)
		}
	})
}

// TestReadersSeeAnUnchangedClientWhileEverythingIsWritten delivers the same objects over and over, alone and in lists, beside
// others that come and go. A reader that finds nothing, or a conflict, saw a write half done.
func TestReadersSeeAnUnchangedClientWhileEverythingIsWritten(t *testing.T) {
	w := scenario(t)
	client := w.kpi()
	objects := []runtime.Object{
		newTenant("operator-co", "tenant-operator-co"), newIntrospected("iot", audience, "runner"),
		newLevel("limited", "assets:read"), newApp("kpi", appUID, newSecret(1)), newGrant("acme", "kpi", appUID),
	}
	w.apply(objects[1])
	passing := []runtime.Object{
		newTenant("passing", "tenant-passing"), newIntrospected("passing", audience+"/2", "runner"), newLevel("passing", "assets:write"),
		newApp("passing", laterUID, newSecret(2)), newGrant("passing", "kpi", appUID),
	}
	acme := newTenant("acme", "tenant-acme")
	var writers, readers sync.WaitGroup
	for kind := range objects {
		store := w.feeds[kind].store
		lasting := []any{raw(t, objects[kind])}
		if kind == 0 {
			lasting = append(lasting, raw(t, acme))
		}
		writers.Go(func() {
			for range 300 {
				for _, err := range []error{
					store.Add(raw(t, passing[kind])), store.Update(lasting[0]), store.Delete(raw(t, passing[kind])),
					store.Replace(append(slices.Clone(lasting), raw(t, passing[kind])), "1"), store.Replace(slices.Clone(lasting), "2"),
				} {
					if err != nil {
						t.Error(err)
					}
				}
				w.feeds[kind].view.listed(w.clock.Now(), "2")
			}
		})
	}
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok || got.CredentialID != "s1" {
					t.Errorf("a reader was refused: %+v", got)
					return
				}
				if d := w.Decide(client, "acme", "", nil); !d.Granted() {
					t.Errorf("a reader got %s at %s", d.Reason, d.Object)
					return
				}
				if got := w.IntrospectedBy(types.NamespacedName{Namespace: "iot", Name: "runner"}); len(got) < 1 {
					t.Errorf("a reader may introspect for %v", got)
					return
				}
				if got := w.Tenants(client); len(got) < 2 || w.Age() < 0 {
					t.Errorf("a reader got the tenants %v", got)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if left := slices.Collect(maps.Keys(maps.Collect(w.tenants.byName.all()))); len(left) != 2 {
		t.Errorf("the tenants that are left: %v", left)
	}
}
