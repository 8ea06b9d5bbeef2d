package cockpits

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
)

func TestAnApplicationCannotFindOutWhichTenantsExist(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName) // offered to m.tenant, which has not answered
	suspended, another := m.world.tenant("suspended"), m.world.tenant("another")
	edit(m.world, m.platform, suspended, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
	edit(m.world, m.seller, m.app, func(a *v1alpha1.Application) {
		a.Spec.Offer.Tenants = append(a.Spec.Offer.Tenants, v1alpha1.TenantName(m.name("nobody")))
	})
	want := m.pod.ask(m.name("nowhere"))
	if want.short() != "NotGranted" {
		t.Fatal(want.text)
	}
	for sentence, tenant := range map[string]string{
		"one to which it is offered":           m.tenant.Name,
		"one to which it is not":               another.Name,
		"one that is suspended":                suspended.Name,
		"one that is offered and is no tenant": m.name("nobody"),
	} {
		if got := m.pod.ask(tenant); got.text != want.text || got.status != want.status {
			t.Errorf("%s: got %s, want %s", sentence, got.text, want.text)
		}
	}
	app := &v1alpha1.Application{}
	if err := m.seller.Get(m.ctx, client.ObjectKeyFromObject(m.app), app); err != nil {
		t.Fatal(err)
	}
	for _, condition := range app.Status.Conditions {
		if condition.Status != metav1.ConditionTrue {
			t.Errorf("that an offer names no tenant is told: %s", condition.Message)
		}
	}
}

func TestNobodyInATenantsNamespaceReadsTenantsOrOthersNamespaces(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	for _, role := range rolesInNamespaces() {
		somebody := m.as(role, m.tenant.Spec.Namespace)
		errs := []error{
			somebody.List(m.ctx, &v1alpha1.TenantList{}),
			somebody.List(m.ctx, &v1alpha1.ApplicationList{}),
			somebody.List(m.ctx, &v1alpha1.TenantGrantList{}),
			somebody.List(m.ctx, &v1alpha1.ApplicationList{}, client.InNamespace(m.host.Spec.Namespace)),
			somebody.List(m.ctx, &corev1.NamespaceList{}),
		}
		for i, err := range errs {
			if !apierrors.IsForbidden(err) {
				t.Errorf("who has %s lists, %d: %v", role, i, err)
			}
		}
		// What exists and what does not is refused in the same words.
		for there, not := range map[client.Object]client.Object{
			&v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: m.host.Name}}: &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: "x"}},
			&v1alpha1.Application{ObjectMeta: m.app.ObjectMeta}: &v1alpha1.Application{
				ObjectMeta: metav1.ObjectMeta{Namespace: m.host.Spec.Namespace, Name: "x"},
			},
		} {
			exists, absent := somebody.Get(m.ctx, client.ObjectKeyFromObject(there), there), somebody.Get(m.ctx, client.ObjectKeyFromObject(not), not)
			if !apierrors.IsForbidden(exists) || !apierrors.IsForbidden(absent) ||
				strings.ReplaceAll(exists.Error(), `"`+there.GetName()+`"`, "") != strings.ReplaceAll(absent.Error(), `"x"`, "") {
				t.Errorf("who has %s is told %v, and %v", role, exists, absent)
			}
		}
	}
}

func TestATenantCannotFindOutWhichApplicationsExistThatAreNotOfferedToIt(t *testing.T) {
	t.Parallel()
	m := newMarket(t, nil)
	told := func(host, name string) string {
		t.Helper()
		grant := grantOf(m.tenant, m.host, m.app, "assets:read")
		grant.Name = host + "." + name
		grant.Spec.Application.HostTenant, grant.Spec.Application.Name = v1alpha1.TenantName(host), name
		m.create(m.buyer, grant)
		condition := m.condition(m.buyer, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, v1alpha1.ReasonNotOffered)
		text := strings.ReplaceAll(condition.Message, " "+name+" ", " (name) ")
		for _, condition := range grant.Status.Conditions {
			if condition.Type != string(v1alpha1.ConditionEffective) && condition.Status != metav1.ConditionTrue {
				t.Errorf("%s is not True: %s", condition.Type, condition.Message)
			}
		}
		return strings.ReplaceAll(text, " "+host+" ", " (host) ")
	}
	suspended := m.world.tenant("suspended", func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
	exists := told(m.host.Name, m.app.Name)
	for sentence, got := range map[string]string{
		"there is no such application": told(m.host.Name, "nothing"),
		"there is no such tenant":      told(m.name("nobody"), m.app.Name),
		"the tenant hosts nothing":     told(m.world.tenant("idle").Name, m.app.Name),
		"the tenant is suspended":      told(suspended.Name, m.app.Name),
	} {
		if got != exists {
			t.Errorf("%s: %q, and where one exists that is not offered: %q", sentence, got, exists)
		}
	}
}

func TestTheCatalogueAndATenantsOwnEntryAreShownToWhomThePlatformChooses(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	somebody := m.as(roleAdmin, m.tenant.Spec.Namespace)
	catalogue := func() []error {
		return []error{
			somebody.List(m.ctx, &v1alpha1.AccessLevelList{}),
			somebody.List(m.ctx, &v1alpha1.ResourceServerList{}),
			somebody.Get(m.ctx, client.ObjectKey{Name: m.name("limited")}, &v1alpha1.AccessLevel{}),
		}
	}
	own := func() error {
		return somebody.Get(m.ctx, client.ObjectKeyFromObject(m.tenant), &v1alpha1.Tenant{})
	}
	for i, err := range append(catalogue(), own()) {
		if !apierrors.IsForbidden(err) {
			t.Errorf("by default, %d: %v", i, err)
		}
	}
	group := groupOf(m.tenant.Spec.Namespace, roleAdmin)
	if err := bindCluster(m.ctx, roleCatalogViewer, groupSubject(group)); err != nil {
		t.Fatal(err)
	}
	m.eventually("the catalogue is shown", func() bool { return errors.Join(catalogue()...) == nil })
	if err := own(); !apierrors.IsForbidden(err) {
		t.Errorf("the catalogue shows a Tenant: %v", err)
	}

	for _, object := range rolesForOneTenant(m, group) {
		m.create(user{cluster, "the cluster's administrator"}, object)
	}
	m.eventually("its own Tenant is shown", func() bool { return own() == nil })
	if err := somebody.Get(m.ctx, client.ObjectKeyFromObject(m.host), &v1alpha1.Tenant{}); !apierrors.IsForbidden(err) {
		t.Errorf("another's Tenant: %v", err)
	}
	if err := somebody.List(m.ctx, &v1alpha1.TenantList{}); !apierrors.IsForbidden(err) {
		t.Errorf("all Tenants: %v", err)
	}
}

func TestTheCommandThatShowsTheCatalogueToEverybodyWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, after, found := strings.Cut(readSecurityDocument(w), "\nkubectl create clusterrolebinding ")
	arguments, _, _ := strings.Cut(after, "\n")
	if !found {
		t.Fatal("docs/security.md has no such command")
	}
	// Not in earnest: others look at what is shown without it.
	command := append([]string{"create", "clusterrolebinding", "--dry-run=server"}, strings.Fields(arguments)...)
	if output, err := running.Kubectl(w.ctx, command...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

// rolesForOneTenant are the role and the binding that docs/security.md gives as an example, for this tenant and group.
func rolesForOneTenant(m *market, group string) []client.Object {
	m.Helper()
	_, after, _ := strings.Cut(readSecurityDocument(m.world), "```yaml\n")
	example, _, _ := strings.Cut(after, "```\n")
	example = strings.NewReplacer("acme-administrators", group, "acme", m.tenant.Name).Replace(example)
	role, binding, found := strings.Cut(example, "---\n")
	if !found {
		m.Fatalf("docs/security.md begins with another example: %s", example)
	}
	clusterRole, clusterBinding := &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}
	if err := errors.Join(yaml.UnmarshalStrict([]byte(role), clusterRole), yaml.UnmarshalStrict([]byte(binding), clusterBinding)); err != nil {
		m.Fatal(err)
	}
	return []client.Object{clusterRole, clusterBinding}
}
