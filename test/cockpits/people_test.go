package cockpits

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// The ClusterRoles: those of Countersign, and those that every cluster has.
const (
	rolePlatformOperator = "countersign-platform-operator"
	roleCatalogViewer    = "countersign-catalog-viewer"
	roleApplications     = "countersign-application-administrator"
	roleGrants           = "countersign-tenant-administrator"
	roleViewer           = "countersign-viewer"
	roleAdmin            = "admin"
	roleEdit             = "edit"
	roleView             = "view"
)

const (
	groupPlatformOperators = "platform-operators"
	pollInterval           = 20 * time.Millisecond
)

// rolesInNamespaces are those that somebody has in each tenant's namespace.
func rolesInNamespaces() []string {
	return []string{roleApplications, roleGrants, roleViewer, roleAdmin, roleEdit, roleView}
}

// user is a person: a client that acts as them, with what their groups may do and no more.
type user struct {
	client.Client
	name string
}

// newUser returns a client of a member of the groups. The API server adds system:authenticated, as to everybody.
func newUser(tb testing.TB, name string, groups ...string) user {
	tb.Helper()
	config := rest.CopyConfig(running.Admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: groups}
	own, err := client.New(config, client.Options{Scheme: cluster.Scheme(), Mapper: cluster.RESTMapper()})
	if err != nil {
		tb.Fatal(err)
	}
	return user{own, name}
}

// world is a part of the platform with names of its own, so that specs do not meet: every cluster-scoped name ends in its suffix.
type world struct {
	*testing.T
	ctx      context.Context
	suffix   string
	platform user
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		T: t, ctx: t.Context(), suffix: strings.ToLower(rand.Text()[:8]),
		platform: newUser(t, "olga", groupPlatformOperators),
	}
}

// name makes a name of this world's.
func (w *world) name(of string) string { return of + "-" + w.suffix }

// namespace makes a namespace, in which each role is bound to a group of its own, and returns when these rights hold.
func (w *world) namespace(of string) string {
	w.Helper()
	namespace := w.name(of)
	if err := cluster.Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		w.Fatal(err)
	}
	for _, role := range rolesInNamespaces() {
		if err := bind(w.ctx, namespace, role, groupSubject(groupOf(namespace, role))); err != nil {
			w.Fatal(err)
		}
	}
	// The authorizer learns of the bindings in their order: who has the last one has them all.
	last := authorizationv1.SubjectAccessReviewSpec{
		User: "anybody", Groups: []string{groupOf(namespace, roleView)},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "list", Group: v1alpha1.GroupName, Resource: "applications",
		},
	}
	w.eventually("the bindings of "+namespace+" hold", func() bool { return allowed(w.ctx, w, last) })
	return namespace
}

// as returns somebody who has the role in the namespace, by a RoleBinding to their group.
func (w *world) as(role, namespace string) user {
	w.Helper()
	return newUser(w, role+" of "+namespace, groupOf(namespace, role))
}

// tenant has the platform operator create a Tenant, with a namespace and people of its own.
func (w *world) tenant(of string, edits ...func(*v1alpha1.Tenant)) *v1alpha1.Tenant {
	w.Helper()
	namespace := w.namespace(of)
	tenant := &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: w.name(of)}, Spec: v1alpha1.TenantSpec{Namespace: namespace},
	}
	for _, edit := range edits {
		edit(tenant)
	}
	w.create(w.platform, tenant)
	return tenant
}

// hosting lets a tenant host.
func hosting(stage v1alpha1.HostingStage, levels ...string) func(*v1alpha1.Tenant) {
	return func(t *v1alpha1.Tenant) { t.Spec.Hosting = &v1alpha1.Hosting{Stage: stage, Levels: levels} }
}

func (w *world) create(by user, object client.Object) {
	w.Helper()
	if err := by.Create(w.ctx, object); err != nil {
		w.Fatalf("%s: %v", by.name, err)
	}
}

func (w *world) delete(by user, object client.Object) {
	w.Helper()
	if err := by.Delete(w.ctx, object); err != nil {
		w.Fatalf("%s: %v", by.name, err)
	}
}

// edit has somebody change an object as kubectl edit does.
func edit[T client.Object](w *world, by user, object T, change func(T)) {
	w.Helper()
	before := object.DeepCopyObject().(T) //nolint:forcetypeassert // a deep copy has the type of its original
	change(object)
	if err := by.Patch(w.ctx, object, client.MergeFrom(before)); err != nil {
		w.Fatalf("%s: %v", by.name, err)
	}
}

// tryEdit is edit for those who are refused: the object stays as it is.
func tryEdit[T client.Object](ctx context.Context, by client.Client, object T, change func(T), options ...client.PatchOption) error {
	changed := object.DeepCopyObject().(T) //nolint:forcetypeassert // a deep copy has the type of its original
	change(changed)
	return by.Patch(ctx, changed, client.MergeFrom(object), options...)
}

// condition waits until somebody reads in the object that the condition has the reason, and returns it.
func (w *world) condition(by user, object client.Object, conditions *[]metav1.Condition, kind v1alpha1.ConditionType,
	want v1alpha1.Reason,
) metav1.Condition {
	w.Helper()
	return w.found(by, object, conditions, kind, func(c metav1.Condition) bool { return c.Reason == string(want) })
}

// effective waits until somebody reads in the grant that a token can be had.
func (w *world) effective(by user, grant *v1alpha1.TenantGrant) {
	w.Helper()
	w.found(by, grant, &grant.Status.Conditions, v1alpha1.ConditionEffective, func(c metav1.Condition) bool {
		return c.Status == metav1.ConditionTrue
	})
}

func (w *world) found(by user, object client.Object, conditions *[]metav1.Condition, kind v1alpha1.ConditionType,
	wanted func(metav1.Condition) bool,
) metav1.Condition {
	w.Helper()
	var last *metav1.Condition
	limit := time.Now().Add(patience)
	for {
		if err := by.Get(w.ctx, client.ObjectKeyFromObject(object), object); err != nil {
			w.Fatalf("%s: %v", by.name, err)
		}
		last = meta.FindStatusCondition(*conditions, string(kind))
		if last != nil && last.ObservedGeneration == object.GetGeneration() && wanted(*last) {
			return *last
		}
		if time.Now().After(limit) {
			w.Fatalf("%s of the %T of %s is %v", kind, object, by.name, last)
		}
		time.Sleep(pollInterval)
	}
}

func (w *world) eventually(what string, ask func() bool) {
	w.Helper()
	limit := time.Now().Add(patience)
	for !ask() {
		if time.Now().After(limit) {
			w.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(pollInterval)
	}
}

func groupOf(namespace, role string) string { return namespace + ":" + role }

func groupSubject(group string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group}
}

func userSubject(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

// bind binds a ClusterRole in one namespace.
func bind(ctx context.Context, namespace, role string, subject rbacv1.Subject) error {
	return cluster.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: role + "-"}, RoleRef: clusterRole(role),
		Subjects: []rbacv1.Subject{subject},
	})
}

// bindCluster binds a ClusterRole everywhere.
func bindCluster(ctx context.Context, role string, subject rbacv1.Subject) error {
	return cluster.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: role + "-"}, RoleRef: clusterRole(role), Subjects: []rbacv1.Subject{subject},
	})
}

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

// allowed asks the API server's authorizer.
func allowed(ctx context.Context, tb testing.TB, spec authorizationv1.SubjectAccessReviewSpec) bool {
	tb.Helper()
	spec.Groups = append(spec.Groups, "system:authenticated")
	review := &authorizationv1.SubjectAccessReview{Spec: spec}
	if err := cluster.Create(ctx, review); err != nil {
		tb.Error(err)
		return false
	}
	return review.Status.Allowed
}
