package cockpits

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// deed is a request that changes something.
type deed struct {
	sentence string
	// namespace is where it is done.
	namespace string
	do        func(client.Client) error
}

func deedsOfAdministrators(m *market, grant *v1alpha1.TenantGrant) []deed {
	seller, buyer := m.host.Spec.Namespace, m.tenant.Spec.Namespace
	registered := m.app.DeepCopy()
	registered.ObjectMeta = metav1.ObjectMeta{Namespace: seller, Name: "another"}
	confirmed := grant.DeepCopy()
	confirmed.ObjectMeta = metav1.ObjectMeta{Namespace: buyer, Name: m.host.Name + ".another"}
	confirmed.Spec.Application.Name = "another"
	application := func(change func(*v1alpha1.Application)) func(client.Client) error {
		return func(c client.Client) error { return tryEdit(m.ctx, c, m.app, change) }
	}
	consent := func(change func(*v1alpha1.TenantGrant)) func(client.Client) error {
		return func(c client.Client) error { return tryEdit(m.ctx, c, grant, change) }
	}
	return []deed{
		{"register", seller, func(c client.Client) error { return c.Create(m.ctx, registered.DeepCopy()) }},
		{"register by server-side apply", seller, func(c client.Client) error {
			object := registered.DeepCopy()
			object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Application"))
			return c.Patch(m.ctx, object, client.Apply, client.FieldOwner("somebody")) //nolint:staticcheck // as kubectl apply --server-side sends it
		}},
		{"grant access to a version", seller, application(func(a *v1alpha1.Application) { a.Spec.Versions[0].Access = scopes("assets:write") })},
		{"offer", seller, application(func(a *v1alpha1.Application) { a.Spec.Offer = &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}} })},
		{"replace", seller, func(c client.Client) error {
			return retry.RetryOnConflict(retry.DefaultRetry, func() error { // the operator may write the status in between
				object := &v1alpha1.Application{}
				if err := c.Get(m.ctx, client.ObjectKeyFromObject(m.app), object); err != nil {
					return err
				}
				object.Spec.Offer = nil
				return c.Update(m.ctx, object)
			})
		}},
		{"suspend a version", seller, application(func(a *v1alpha1.Application) { a.Spec.Versions[0].State = v1alpha1.StateSuspended })},
		{"revoke", seller, func(c client.Client) error { return c.Delete(m.ctx, m.app) }},
		{"revoke all", seller, func(c client.Client) error {
			return c.DeleteAllOf(m.ctx, &v1alpha1.Application{}, client.InNamespace(seller))
		}},
		{"confirm", buyer, func(c client.Client) error { return c.Create(m.ctx, confirmed.DeepCopy()) }},
		{"confirm more", buyer, consent(func(g *v1alpha1.TenantGrant) { g.Spec.Scopes = append(g.Spec.Scopes, "assets:write") })},
		{"suspend a consent", buyer, consent(func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })},
		{"withdraw", buyer, func(c client.Client) error { return c.Delete(m.ctx, grant) }},
		{"withdraw all", buyer, func(c client.Client) error {
			return c.DeleteAllOf(m.ctx, &v1alpha1.TenantGrant{}, client.InNamespace(buyer))
		}},
	}
}

func TestWhoDeploysPodsCanNeitherRegisterNorGrantAccessNorOfferNorConfirm(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	grant := m.grant("assets:read")
	for _, deed := range deedsOfAdministrators(m, grant) {
		for _, role := range []string{roleEdit, roleView, roleViewer} {
			if err := deed.do(m.as(role, deed.namespace)); !apierrors.IsForbidden(err) {
				t.Errorf("%s: who has %s there: %v", deed.sentence, role, err)
			}
		}
		if err := deed.do(m.platform); !apierrors.IsForbidden(err) {
			t.Errorf("%s: the platform operator: %v", deed.sentence, err)
		}
		// The same requests pass where the administrator of the namespace sends them, whose rights come by aggregation.
		for _, role := range []string{roleAdmin, administratorOf(m, deed.namespace)} {
			if err := deed.do(client.NewDryRunClient(m.as(role, deed.namespace))); err != nil {
				t.Errorf("%s: who has %s there: %v", deed.sentence, role, err)
			}
		}
		elsewhere := m.host.Spec.Namespace
		if deed.namespace == elsewhere {
			elsewhere = m.tenant.Spec.Namespace
		}
		if err := deed.do(client.NewDryRunClient(m.as(roleAdmin, elsewhere))); !apierrors.IsForbidden(err) {
			t.Errorf("%s: the administrator of another namespace: %v", deed.sentence, err)
		}
	}
	m.pod.getsSoon(m.tenant.Name, "assets:read") // nothing of it was done
}

// administratorOf is the role of Countersign that is enough in the namespace.
func administratorOf(m *market, namespace string) string {
	if namespace == m.host.Spec.Namespace {
		return roleApplications
	}
	return roleGrants
}

func TestWhoReadsSecretsIsTheApplicationAndWhoGrantsAccessIsNot(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	key := client.ObjectKey{Namespace: m.host.Spec.Namespace, Name: "kpi.1.0.0"}
	can := map[string]bool{roleAdmin: true, roleEdit: true}
	for _, role := range rolesInNamespaces() {
		err := m.as(role, key.Namespace).Get(m.ctx, key, &corev1.Secret{})
		if (err == nil) != can[role] || err != nil && !apierrors.IsForbidden(err) {
			t.Errorf("who has %s reads the Secret: %v", role, err)
		}
	}
	if err := m.platform.Get(m.ctx, key, &corev1.Secret{}); !apierrors.IsForbidden(err) {
		t.Errorf("the platform operator reads the Secret: %v", err)
	}
}

func TestNobodyButTheOperatorWritesStatus(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	grant := m.grant("assets:read")
	server, level := &v1alpha1.ResourceServer{}, &v1alpha1.AccessLevel{}
	for name, object := range map[string]client.Object{m.name("iot"): server, m.name("limited"): level} {
		if err := m.platform.Get(m.ctx, client.ObjectKey{Name: name}, object); err != nil {
			t.Fatal(err)
		}
	}
	people := []user{m.platform, newUser(t, serviceAccount("tokenserver"))}
	for _, namespace := range []string{m.host.Spec.Namespace, m.tenant.Spec.Namespace} {
		for _, role := range rolesInNamespaces() {
			people = append(people, m.as(role, namespace))
		}
	}
	operator := newUser(t, serviceAccount("operator"))
	touch := []byte(`{"metadata":{"labels":{"sold":"yes"}},"spec":{"displayName":"else"},"status":{"conditions":[]}}`)
	for _, object := range []client.Object{m.host, m.app, grant, server, level} {
		writes := map[string]func(client.Client) error{
			"update": func(c client.Client) error { return c.Status().Update(m.ctx, copyOf(object)) },
			"patch": func(c client.Client) error {
				return c.Status().Patch(m.ctx, copyOf(object), client.RawPatch("application/merge-patch+json", touch))
			},
		}
		for verb, write := range writes {
			for _, somebody := range people {
				if err := write(somebody); !apierrors.IsForbidden(err) {
					t.Errorf("%s, %s of the status of a %T: %v", somebody.name, verb, object, err)
				}
			}
		}
		// The operator does, and changes nothing else thereby: no label, which could be a sale.
		written := copyOf(object)
		patch := client.RawPatch("application/merge-patch+json", touch)
		if err := client.NewDryRunClient(operator).Status().Patch(m.ctx, written, patch); err != nil {
			t.Errorf("the operator writes the status of a %T: %v", object, err)
		}
		if written.GetLabels()["sold"] != "" || written.GetGeneration() != object.GetGeneration() {
			t.Errorf("through the status of a %T the operator writes more: %v", object, written)
		}
	}
}

func copyOf(object client.Object) client.Object {
	return object.DeepCopyObject().(client.Object) //nolint:forcetypeassert // a deep copy has the type of its original
}

func TestAStatusThatComesWithAnObjectIsDropped(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	forged := []v1alpha1.ApplicationVersionStatus{{
		Version: "1.0.0", ClientID: "somebody-elses", Verifiers: []v1alpha1.Verifier{{
			ID: "forged", SHA256: "0000000000000000000000000000000000000000000000000000000000000000", IssueTime: metav1.Now(),
		}},
	}}
	app := m.app.DeepCopy()
	app.ObjectMeta, app.Status.Versions = metav1.ObjectMeta{Namespace: app.Namespace, Name: "forged"}, forged
	administrator := client.NewDryRunClient(m.as(roleAdmin, app.Namespace))
	if err := administrator.Create(m.ctx, app); err != nil || len(app.Status.Versions) > 0 {
		t.Errorf("created with a status: %v, %v", app.Status, err)
	}
	m.condition(m.seller, m.app, &m.app.Status.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	for verb, write := range map[string]func(*v1alpha1.Application) error{
		"update": func(a *v1alpha1.Application) error { return administrator.Update(m.ctx, a) },
		"patch":  func(a *v1alpha1.Application) error { return administrator.Patch(m.ctx, a, client.MergeFrom(m.app)) },
	} {
		written := m.app.DeepCopy()
		written.Status.Versions = forged
		if err := write(written); err != nil || cmp.Diff(written.Status, m.app.Status) != "" {
			t.Errorf("after an %s that has a status it is %v (%v)", verb, written.Status, err)
		}
	}
}

func TestNobodyHelpsThemselvesToMore(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	namespace := m.host.Spec.Namespace
	self := groupSubject("anybody")
	status := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "status"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"applications/status"}, Verbs: []string{"update"},
		}},
	}
	binding := func(role string) *rbacv1.RoleBinding {
		return &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "more-"}, RoleRef: clusterRole(role),
			Subjects: []rbacv1.Subject{self},
		}
	}
	for sentence, c := range map[string]struct {
		role   string
		object client.Object
	}{
		"an administrator makes a role that writes status":           {roleAdmin, status},
		"an administrator binds the operator's role":                 {roleAdmin, binding("countersign-operator")},
		"an administrator binds everything":                          {roleAdmin, binding("cluster-admin")},
		"who deploys binds the administrator's role":                 {roleEdit, binding(roleApplications)},
		"who administers applications binds a role that they have":   {roleApplications, binding(roleApplications)},
		"who administers consents binds the administrator's role":    {roleGrants, binding(roleAdmin)},
		"who administers applications binds the role for consenting": {roleApplications, binding(roleGrants)},
	} {
		if err := m.as(c.role, namespace).Create(m.ctx, c.object, client.DryRunAll); !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	// What an administrator of the namespace has, they may pass on.
	for _, role := range []string{roleApplications, roleGrants, roleViewer} {
		if err := m.as(roleAdmin, namespace).Create(m.ctx, binding(role), client.DryRunAll); err != nil {
			t.Errorf("an administrator passes %s on: %v", role, err)
		}
	}
}

func TestThePlatformOperatorSaysWhoTheTenantsAreAndNobodyElse(t *testing.T) {
	t.Parallel()
	m := newMarket(t, byName)
	changes := func(ctx context.Context, c client.Client) []error {
		tenant := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: m.name("more")}, Spec: v1alpha1.TenantSpec{Namespace: m.name("more")}}
		level, server := m.level("more", "assets:read"), &v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: m.name("more")},
			Spec:       v1alpha1.ResourceServerSpec{Audience: "https://more.example.com", Scopes: []v1alpha1.Scope{"assets:read"}},
		}
		return []error{
			c.Create(ctx, tenant), c.Create(ctx, level), c.Create(ctx, server),
			tryEdit(ctx, c, m.tenant, hosting(v1alpha1.HostingProduction, m.name("broader"))),
			tryEdit(ctx, c, m.level("broader"), func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = []v1alpha1.Scope{"billing:read"} }),
			c.Delete(ctx, m.tenant), c.Delete(ctx, m.level("broader")),
		}
	}
	for i, err := range changes(m.ctx, client.NewDryRunClient(m.platform)) {
		if err != nil {
			t.Errorf("change %d by the platform operator: %v", i, err)
		}
	}
	for _, role := range rolesInNamespaces() {
		errs := changes(m.ctx, client.NewDryRunClient(m.as(role, m.tenant.Spec.Namespace)))
		if slices.ContainsFunc(errs, func(err error) bool { return !apierrors.IsForbidden(err) }) {
			t.Errorf("who has %s in the tenant's namespace: %v", role, errs)
		}
	}
}
