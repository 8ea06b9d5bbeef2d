package house_test

import (
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

// levels are the access levels of the sample platform, by name.
func levels(t *testing.T) map[string]v1alpha1.AccessLevel {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "config", "levels", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]v1alpha1.AccessLevel{}
	for _, file := range files {
		switch name := filepath.Base(file); name {
		case "kustomization.yaml", "resourceserver.yaml":
		default:
			level := read[v1alpha1.AccessLevel](t, "levels/"+name, "AccessLevel")[0]
			found[level.Name] = level
		}
	}
	return found
}

func catalogue(t *testing.T) v1alpha1.ResourceServer {
	t.Helper()
	return read[v1alpha1.ResourceServer](t, "levels/resourceserver.yaml", "ResourceServer")[0]
}

func TestLevelsMeanWhatTheirDescriptionsSay(t *testing.T) {
	all, found := catalogue(t).Spec.Scopes, levels(t)
	for name, level := range found {
		for _, scope := range level.Spec.Scopes {
			if !slices.Contains(all, scope) {
				t.Errorf("%s has %s, which the sample API does not know", name, scope)
			}
		}
	}
	if got := found["read-write"].Spec.Scopes; len(got) != len(all) {
		t.Errorf("read-write has %d of %d scopes", len(got), len(all))
	}
	limited := found["limited"].Spec.Scopes
	if slices.Contains(limited, "timeseries:write") || !slices.Contains(limited, "assets:write") {
		t.Errorf("limited has %v", limited)
	}
	if got := found["data-contextualization"].Spec.Scopes; !slices.Equal(got,
		[]v1alpha1.Scope{"data-contextualization:read", "data-contextualization:write"}) {
		t.Errorf("data-contextualization has %v", got)
	}
}

func TestSamplesReferToWhatExists(t *testing.T) {
	found := levels(t)
	tenants := map[string]v1alpha1.Tenant{}
	for _, tenant := range read[v1alpha1.Tenant](t, "samples/tenants.yaml", "Tenant") {
		tenants[tenant.Name] = tenant
	}
	application := read[v1alpha1.Application](t, "samples/application.yaml", "Application")[0]
	grant := read[v1alpha1.TenantGrant](t, "samples/tenantgrant.yaml", "TenantGrant")[0]

	host := tenants[string(grant.Spec.Application.HostTenant)]
	if host.Spec.Hosting == nil || host.Spec.Namespace != application.Namespace {
		t.Fatalf("the host of the grant is %+v, and the application is in %s", host.Spec, application.Namespace)
	}
	for _, level := range host.Spec.Hosting.Levels {
		if _, ok := found[level]; !ok {
			t.Errorf("the host names the level %s", level)
		}
	}
	for _, version := range application.Spec.Versions {
		if level := version.Access.Level; level != "" && !slices.Contains(host.Spec.Hosting.Levels, level) {
			t.Errorf("version %s has the level %s, which its host does not", version.Version, level)
		}
	}
	if !slices.Equal(application.Spec.ResourceServers, []string{catalogue(t).Name}) {
		t.Errorf("the application names %v", application.Spec.ResourceServers)
	}
	for _, tenant := range application.Spec.Offer.Tenants {
		if _, ok := tenants[string(tenant)]; !ok {
			t.Errorf("the application is offered to %s", tenant)
		}
	}
	if giver := tenants[string(grant.Spec.Tenant)]; giver.Spec.Namespace != grant.Namespace {
		t.Errorf("the grant of %s is in %s", grant.Spec.Tenant, grant.Namespace)
	}
	if grant.Name != host.Name+"."+application.Name {
		t.Errorf("the grant is named %s", grant.Name)
	}
}

func TestTheServiceAccountsThatSamplesTrustAreAmongTheSamples(t *testing.T) {
	var there []types.NamespacedName
	for _, file := range []string{"samples/application.yaml", "samples/gateway.yaml"} {
		for _, account := range read[corev1.ServiceAccount](t, file, "ServiceAccount") {
			there = append(there, types.NamespacedName{Namespace: account.Namespace, Name: account.Name})
		}
	}
	var trusted []types.NamespacedName
	application := read[v1alpha1.Application](t, "samples/application.yaml", "Application")[0]
	for _, version := range application.Spec.Versions {
		for _, account := range version.ServiceAccounts {
			trusted = append(trusted, types.NamespacedName{Namespace: application.Namespace, Name: string(account.Name)})
		}
	}
	introspection := catalogue(t).Spec.Introspection
	if len(trusted) == 0 || introspection == nil {
		t.Fatalf("the samples show neither or one of the two: %v, %v", trusted, introspection)
	}
	for _, account := range introspection.ServiceAccounts {
		trusted = append(trusted, types.NamespacedName{Namespace: account.Namespace, Name: string(account.Name)})
	}
	for _, account := range trusted {
		if !slices.Contains(there, account) {
			t.Errorf("%s is trusted, and not among the samples", account)
		}
	}
}
