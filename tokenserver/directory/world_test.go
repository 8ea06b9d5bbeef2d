package directory

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	audience = "https://api.example.com"
	appUID   = types.UID("b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77")
	laterUID = types.UID("0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001")
)

// tb is what testing's and ginkgo's and rapid's T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is a Directory that is fed by hand, as its watches would feed it.
type world struct {
	*Directory
	tb    tb
	clock *clocktesting.FakeClock
}

func newWorld(tb tb) *world {
	clock := clocktesting.NewFakeClock(epoch)
	return &world{
		Directory: New(Deps{Clock: clock, Log: slog.New(slog.DiscardHandler)}),
		tb:        tb,
		clock:     clock,
	}
}

// scenario is a world in which acme granted operator-co's application kpi, version 1.0.0, what the level limited stands for.
func scenario(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.apply(
		newTenant("operator-co", "tenant-operator-co"), newTenant("acme", "tenant-acme"), newServer("iot", audience),
		newLevel("limited", "assets:read", "timeseries:read"), newApp("kpi", appUID, newSecret(1)), newGrant("acme", "kpi", appUID),
	)
	return w
}

func (w *world) store(object runtime.Object) cache.ReflectorStore {
	w.tb.Helper()
	for i, kind := range []any{
		&v1alpha1.Tenant{}, &v1alpha1.ResourceServer{}, &v1alpha1.AccessLevel{}, &v1alpha1.Application{}, &v1alpha1.TenantGrant{},
	} {
		if sameType(kind, object) {
			return w.feeds[i].store
		}
	}
	w.tb.Fatalf("no store for a %T", object)
	return nil
}

// apply delivers the objects in the form in which a watch delivers them.
func (w *world) apply(objects ...runtime.Object) {
	w.tb.Helper()
	for _, object := range objects {
		if err := w.store(object).Update(raw(w.tb, object)); err != nil {
			w.tb.Fatalf("delivering: %v", err)
		}
	}
}

func (w *world) remove(objects ...runtime.Object) {
	w.tb.Helper()
	for _, object := range objects {
		if err := w.store(object).Delete(raw(w.tb, object)); err != nil {
			w.tb.Fatalf("delivering: %v", err)
		}
	}
}

func raw(tb tb, object runtime.Object) *unstructured.Unstructured {
	tb.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		tb.Fatalf("converting: %v", err)
	}
	return &unstructured.Unstructured{Object: content}
}

// newSecret returns one and the same secret for a seed.
func newSecret(seed byte) credential.Secret {
	secret, err := credential.New(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		panic(err)
	}
	return secret
}

func newTenant(name, namespace string) *v1alpha1.Tenant {
	return &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.TenantSpec{
			Namespace: namespace,
			Hosting:   &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}},
		},
	}
}

func newServer(name, audience string) *v1alpha1.ResourceServer {
	return &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ResourceServerSpec{
			Audience: audience, Scopes: []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read"},
		},
	}
}

// introspection is for ServiceAccounts of the namespace iot.
func introspection(names ...string) *v1alpha1.Introspection {
	introspection := &v1alpha1.Introspection{}
	for _, name := range names {
		introspection.ServiceAccounts = append(introspection.ServiceAccounts,
			v1alpha1.NamespacedServiceAccount{Namespace: "iot", Name: v1alpha1.ServiceAccountName(name)})
	}
	return introspection
}

func newIntrospected(name, audience string, accounts ...string) *v1alpha1.ResourceServer {
	server := newServer(name, audience)
	server.Spec.Introspection = introspection(accounts...)
	return server
}

func newLevel(name string, scopes ...v1alpha1.Scope) *v1alpha1.AccessLevel {
	return &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.AccessLevelSpec{Scopes: scopes}}
}

// newApp returns an application of operator-co with version 1.0.0, whose status lists the secrets' hashes as s1, s2, ….
func newApp(name string, uid types.UID, secrets ...credential.Secret) *v1alpha1.Application {
	return newAppVersion(name, "1.0.0", uid, secrets...)
}

func newAppVersion(name, version string, uid types.UID, secrets ...credential.Secret) *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-operator-co", UID: uid},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Offer:           &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}},
			Versions: []v1alpha1.ApplicationVersion{
				{Version: v1alpha1.VersionName(version), Access: &v1alpha1.Access{Level: "limited"}},
			},
		},
		Status: v1alpha1.ApplicationStatus{Versions: []v1alpha1.ApplicationVersionStatus{newStatus(version, secrets...)}},
	}
}

func newStatus(version string, secrets ...credential.Secret) v1alpha1.ApplicationVersionStatus {
	status := v1alpha1.ApplicationVersionStatus{Version: v1alpha1.VersionName(version)}
	for i, secret := range secrets {
		status.Verifiers = append(status.Verifiers, v1alpha1.Verifier{
			ID: "s" + string(rune('1'+i)), SHA256: secret.Hash().String(), IssueTime: metav1.NewTime(epoch),
		})
	}
	return status
}

// newGrant returns the consent of a tenant to an application of operator-co.
func newGrant(tenant, app string, uid types.UID) *v1alpha1.TenantGrant {
	return &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Name: "operator-co." + app, Namespace: "tenant-" + tenant, UID: types.UID("grant-of-" + tenant)},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant:      v1alpha1.TenantName(tenant),
			Application: v1alpha1.ApplicationReference{HostTenant: "operator-co", Name: app, UID: uid},
			Scopes:      []v1alpha1.Scope{"assets:read", "assets:write"},
		},
	}
}

func clientID(app, version string, uid types.UID) string {
	return credential.ClientID("operator-co", app, version, string(uid))
}
