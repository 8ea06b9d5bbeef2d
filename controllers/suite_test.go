package controllers

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
)

func TestControllersOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "controllers")
}

const issuer = "https://tokens.example.com"

var (
	config   *rest.Config
	platform client.WithWatch
	kubectl  interface {
		Run(arguments ...string) (stdout, stderr io.Reader, err error)
	}
	noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
)

var _ = BeforeSuite(func() {
	control := &envtest.Environment{CRDDirectoryPaths: []string{"../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	DeferCleanup(control.Stop) // also where it starts and then refuses the kinds
	started, err := control.Start()
	Expect(err).NotTo(HaveOccurred())
	config = started
	config.QPS = -1
	admin, err := control.AddUser(envtest.User{Name: "platform-operator", Groups: []string{"system:masters"}}, nil)
	Expect(err).NotTo(HaveOccurred())
	kubectl, err = admin.Kubectl()
	Expect(err).NotTo(HaveOccurred())

	scheme, err := Scheme()
	Expect(err).NotTo(HaveOccurred())
	platform, err = client.NewWithWatch(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

// world is a part of the cluster with names of its own, so that specs do not meet: every cluster-scoped name ends in its
// suffix. Its reconcilers have no cache, and its clock stands.
type world struct {
	ctx    context.Context
	suffix string
	deps   Deps
	clock  *clocktesting.FakePassiveClock
}

func newWorld() *world {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "w"}}
	Expect(platform.Create(context.Background(), namespace)).To(Succeed())
	w := &world{ctx: context.Background(), suffix: namespace.Name, clock: clocktesting.NewFakePassiveClock(noon)}
	w.deps = Deps{
		Client: withoutIndex(platform), Live: platform, Clock: w.clock, Rand: rand.Reader, Issuer: issuer,
		Events: events.NewFakeRecorder(1000),
	}
	DeferCleanup(w.clear)
	return w
}

// withoutIndex is the API server in the place of a cache: it lists an application's Secrets without the cache's index.
func withoutIndex(platform client.WithWatch) client.WithWatch {
	return interceptor.NewClient(platform, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*corev1.SecretList); ok {
				all := client.ListOptions{}
				all.ApplyOptions(opts)
				opts = []client.ListOption{client.InNamespace(all.Namespace)}
			}
			return c.List(ctx, list, opts...)
		},
	})
}

// name makes a name of this world's.
func (w *world) name(of string) string { return of + "-" + w.suffix }

// create creates the object.
func (w *world) create(object client.Object) {
	GinkgoHelper()
	Expect(platform.Create(w.ctx, object)).To(Succeed())
}

// clear removes what is cluster-scoped: another spec must not find it.
func (w *world) clear() {
	for _, list := range []client.ObjectList{&v1alpha1.TenantList{}, &v1alpha1.ResourceServerList{}, &v1alpha1.AccessLevelList{}} {
		Expect(platform.List(w.ctx, list)).To(Succeed())
		Expect(meta.EachListItem(list, func(item runtime.Object) error {
			if accessor, ok := item.(client.Object); ok && strings.HasSuffix(accessor.GetName(), w.suffix) {
				return client.IgnoreNotFound(platform.Delete(w.ctx, accessor))
			}
			return nil
		})).To(Succeed())
	}
}

// tenant creates a Tenant with a namespace of its own.
func (w *world) tenant(name string, stage v1alpha1.HostingStage, levels ...string) *v1alpha1.Tenant {
	GinkgoHelper()
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.name(name)}})
	tenant := &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: w.name(name)}, Spec: v1alpha1.TenantSpec{Namespace: w.name(name)},
	}
	if stage != "" {
		tenant.Spec.Hosting = &v1alpha1.Hosting{Stage: stage, Levels: levels}
	}
	w.create(tenant)
	return tenant
}

// namespaceOf is the namespace that speaks for the tenant.
func namespaceOf(tenant *v1alpha1.Tenant) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant.Spec.Namespace}}
}

// stage creates what a decision needs: a host, a user, a resource server and a level that the host may have.
func (w *world) stage() (host, user *v1alpha1.Tenant) {
	GinkgoHelper()
	w.create(&v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")},
		Spec: v1alpha1.ResourceServerSpec{
			Audience: "https://" + w.name("iot") + ".example.com",
			Scopes:   []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read"},
		},
	})
	w.create(&v1alpha1.AccessLevel{
		ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")},
		Spec:       v1alpha1.AccessLevelSpec{Scopes: []v1alpha1.Scope{"assets:read", "timeseries:read"}},
	})
	return w.tenant("host", v1alpha1.HostingProduction, w.name("limited")), w.tenant("user", "")
}

// application creates an Application of the host, with one version at the level limited, offered to the tenants.
func (w *world) application(host *v1alpha1.Tenant, offered ...*v1alpha1.Tenant) *v1alpha1.Application {
	GinkgoHelper()
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: host.Spec.Namespace, Name: "kpi"},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{w.name("iot")},
			Versions: []v1alpha1.ApplicationVersion{{
				Version: "1.0.0", Access: &v1alpha1.Access{Level: w.name("limited")},
			}},
		},
	}
	for _, tenant := range offered {
		if app.Spec.Offer == nil {
			app.Spec.Offer = &v1alpha1.Offer{}
		}
		app.Spec.Offer.Tenants = append(app.Spec.Offer.Tenants, v1alpha1.TenantName(tenant.Name))
	}
	w.create(app)
	return app
}

// grant creates the user's TenantGrant for the host's application of that name and UID.
func (w *world) grant(user, host *v1alpha1.Tenant, name string, uid types.UID) *v1alpha1.TenantGrant {
	GinkgoHelper()
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: user.Spec.Namespace, Name: host.Name + "." + name},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(user.Name),
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(host.Name), Name: name, UID: uid,
			},
			Scopes: []v1alpha1.Scope{"assets:read", "timeseries:read"},
		},
	}
	w.create(grant)
	return grant
}

// scene is a world in which the user granted the host's application kpi all that its version 1.0.0 has.
type scene struct {
	w          *world
	host, user *v1alpha1.Tenant
	app        *v1alpha1.Application
	grant      *v1alpha1.TenantGrant
}

func newScene() *scene {
	GinkgoHelper()
	s := &scene{w: newWorld()}
	s.host, s.user = s.w.stage()
	s.app = s.w.application(s.host, s.user)
	s.grant = s.w.grant(s.user, s.host, s.app.Name, s.app.UID)
	return s
}

// reconcile calls the kind's reconciler for the object, and reads the object again.
func (w *world) reconcile(object client.Object) reconcile.Result {
	GinkgoHelper()
	var reconciler reconcile.Reconciler
	switch object := object.(type) {
	case *v1alpha1.Tenant:
		reconciler = newTenants(w.deps)
	case *v1alpha1.ResourceServer:
		reconciler = newResourceServers(w.deps)
	case *v1alpha1.AccessLevel:
		reconciler = newAccessLevels(w.deps)
	case *v1alpha1.Application:
		reconciler = newApplications(w.deps)
	case *v1alpha1.TenantGrant:
		w.equip(object.Spec.Application)
		reconciler = &tenantGrants{w.deps}
	}
	key := client.ObjectKeyFromObject(object)
	result, err := reconciler.Reconcile(w.ctx, reconcile.Request{NamespacedName: key})
	Expect(err).NotTo(HaveOccurred())
	Expect(client.IgnoreNotFound(platform.Get(w.ctx, key, object))).To(Succeed())
	return result
}

// equip looks at the application first, as in a cluster: without credentials it can have no token. In this world a tenant's
// namespace has its name.
func (w *world) equip(of v1alpha1.ApplicationReference) {
	GinkgoHelper()
	key := client.ObjectKey{Namespace: string(of.HostTenant), Name: of.Name}
	_, err := newApplications(w.deps).Reconcile(w.ctx, reconcile.Request{NamespacedName: key})
	Expect(err).NotTo(HaveOccurred())
}

// edit changes the object and writes it: again where the running operator wrote in between.
func edit[O client.Object](w *world, o O, change func(O)) {
	GinkgoHelper()
	Expect(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := platform.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		change(o)
		return platform.Update(w.ctx, o)
	})).To(Succeed())
}

// said is a condition as reason and message.
func said(conditions []metav1.Condition, kind v1alpha1.ConditionType) (reason v1alpha1.Reason, message string) {
	GinkgoHelper()
	condition := meta.FindStatusCondition(conditions, string(kind))
	Expect(condition).NotTo(BeNil(), "condition %s", kind)
	want := metav1.ConditionFalse
	if (finding{reason: v1alpha1.Reason(condition.Reason)}).good() {
		want = metav1.ConditionTrue
	}
	Expect(condition.Status).To(Equal(want), condition.Reason)
	return v1alpha1.Reason(condition.Reason), condition.Message
}

func reasonOf(conditions []metav1.Condition, kind v1alpha1.ConditionType) v1alpha1.Reason {
	GinkgoHelper()
	reason, _ := said(conditions, kind)
	return reason
}
