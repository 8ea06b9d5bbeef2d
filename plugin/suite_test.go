package plugin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin"
)

// admin writes the worlds; kubeconfig is its own, and every command is run by somebody else, whom it impersonates.
var (
	admin      client.Client
	config     *rest.Config
	kubeconfig string
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(runWithControlPlane(m))
}

func runWithControlPlane(m *testing.M) int {
	control := &envtest.Environment{CRDDirectoryPaths: []string{"../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	defer func() { _ = control.Stop() }() // also where it starts and then refuses the kinds
	started, err := control.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting a control plane:", err)
		return 1
	}
	config = started
	config.QPS = -1
	user, err := control.AddUser(envtest.User{Name: "root", Groups: []string{"system:masters"}}, config)
	if err == nil {
		kubeconfig, err = writeKubeconfig(user)
	}
	if err == nil {
		admin, err = newAdmin(control)
	}
	if err == nil {
		err = createRoles()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing a control plane:", err)
		return 1
	}
	defer func() { _ = os.Remove(kubeconfig) }()
	return m.Run()
}

func writeKubeconfig(user *envtest.AuthenticatedUser) (string, error) {
	data, err := user.KubeConfig()
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "kubeconfig")
	if err != nil {
		return "", err
	}
	defer file.Close()
	_, err = file.Write(data)
	return file.Name(), err
}

func newAdmin(control *envtest.Environment) (client.Client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		authenticationv1.AddToScheme, authorizationv1.AddToScheme, corev1.AddToScheme, rbacv1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.New(control.Config, client.Options{Scheme: scheme})
}

// createRoles creates the ClusterRoles of people, as they are installed.
func createRoles() error {
	data, err := os.ReadFile(filepath.Join("..", "config", "rbac", "users.yaml"))
	if err != nil {
		return err
	}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		role := &rbacv1.ClusterRole{}
		if err := yaml.Unmarshal([]byte(document), role); err != nil {
			return err
		}
		if role.Kind != "ClusterRole" {
			continue
		}
		if err := admin.Create(context.Background(), role); err != nil {
			return err
		}
	}
	return nil
}

// noon is when commands are run. Grants that are created are older by the API server's clock, which does not matter.
var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// Who runs commands in a world.
const (
	viewer      = "viewer"      // reads the whole cluster
	tenantAdmin = "tenantadmin" // consents in the namespace of acme, and reads nothing else
	appAdmin    = "appadmin"    // registers applications in the namespace of the host, and reads nothing else
	both        = "both"        // viewer and tenantadmin in one
	consenter   = "consenter"   // has the role countersign-tenant-administrator in the namespace of acme, and nothing else
	editor      = "editor"      // deploys pods in both namespaces: part of edit
)

// world is a host with an application and a tenant, with names of its own: every name ends in its suffix.
type world struct {
	t      *testing.T
	suffix string
	host   *v1alpha1.Tenant
	acme   *v1alpha1.Tenant
	app    *v1alpha1.Application
}

// newWorld creates a Production host whose application kpi has a version at a level and one with custom access, and is
// offered to acme, which has granted nothing.
func newWorld(t *testing.T) *world {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "w"}}
	w := &world{t: t}
	w.create(namespace)
	w.suffix = namespace.Name
	w.create(&v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")},
		Spec: v1alpha1.ResourceServerSpec{
			Audience: "https://" + w.name("iot") + ".example.com", Scopes: []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read"},
		},
	})
	w.create(&v1alpha1.AccessLevel{
		ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")},
		Spec: v1alpha1.AccessLevelSpec{
			DisplayName: "Limited", Description: "Reads all, writes assets.",
			Scopes: []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read"},
		},
	})
	w.host = w.tenant("host", &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{w.name("limited")}})
	w.acme = w.tenant("acme", nil)
	w.app = &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.host.Spec.Namespace, Name: "kpi"},
		Spec: v1alpha1.ApplicationSpec{
			DisplayName: "KPI Dashboard", ResourceServers: []string{w.name("iot")},
			Offer: &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{v1alpha1.TenantName(w.acme.Name)}},
			Versions: []v1alpha1.ApplicationVersion{
				{Version: "1.0.0", Access: &v1alpha1.Access{Level: w.name("limited")}},
				{Version: "1.1.0", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:read"}}},
			},
		},
	}
	w.create(w.app)
	w.bindUsers()
	return w
}

func (w *world) name(of string) string { return of + "-" + w.suffix }

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := admin.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tenant(name string, hosting *v1alpha1.Hosting) *v1alpha1.Tenant {
	w.t.Helper()
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.name("ns-" + name)}})
	tenant := &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: w.name(name)},
		Spec:       v1alpha1.TenantSpec{Namespace: w.name("ns-" + name), Hosting: hosting},
	}
	w.create(tenant)
	return tenant
}

// bindUsers binds the users to ClusterRoles. Part of edit is system:aggregate-to-edit, which edit itself becomes only where
// kube-controller-manager runs.
func (w *world) bindUsers() {
	w.t.Helper()
	host, acme := w.host.Spec.Namespace, w.acme.Spec.Namespace
	for _, user := range []string{viewer, both} {
		w.create(&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: w.name(user)}, RoleRef: role("countersign-viewer"), Subjects: w.user(user),
		})
	}
	for _, binding := range []struct{ namespace, user, role string }{
		{acme, tenantAdmin, "countersign-tenant-administrator"},
		{acme, tenantAdmin, "system:aggregate-to-edit"},
		{acme, both, "countersign-tenant-administrator"},
		{acme, consenter, "countersign-tenant-administrator"},
		{host, appAdmin, "countersign-application-administrator"},
		{host, editor, "system:aggregate-to-edit"},
		{acme, editor, "system:aggregate-to-edit"},
	} {
		w.bind(binding.namespace, binding.user, binding.role)
	}
}

// bind gives a user a ClusterRole in a namespace.
func (w *world) bind(namespace, user, name string) {
	w.t.Helper()
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user + "." + strings.ReplaceAll(name, ":", ".")},
		RoleRef:    role(name), Subjects: w.user(user),
	})
}

func role(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func (w *world) user(name string) []rbacv1.Subject {
	return []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: w.name(name)}}
}

// grant creates acme's grant for the application.
func (w *world) grant(scopes ...v1alpha1.Scope) *v1alpha1.TenantGrant {
	w.t.Helper()
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.acme.Spec.Namespace, Name: w.host.Name + ".kpi"},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(w.acme.Name), Scopes: scopes,
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(w.host.Name), Name: "kpi", UID: w.app.UID,
			},
		},
	}
	w.create(grant)
	return grant
}

// readGrant returns acme's grant as it stands, or nil.
func (w *world) readGrant() *v1alpha1.TenantGrant {
	w.t.Helper()
	grant := &v1alpha1.TenantGrant{}
	err := admin.Get(w.t.Context(), client.ObjectKey{Namespace: w.acme.Spec.Namespace, Name: w.host.Name + ".kpi"}, grant)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return grant
}

// edit changes an object and writes it.
func edit[O client.Object](w *world, object O, change func(O)) {
	w.t.Helper()
	if err := admin.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		w.t.Fatal(err)
	}
	change(object)
	if err := admin.Update(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

// say writes a condition Effective as the operator does.
func (w *world) say(grant *v1alpha1.TenantGrant, status metav1.ConditionStatus, reason v1alpha1.Reason, message string) {
	w.t.Helper()
	grant.Status.Conditions = []metav1.Condition{{
		Type: string(v1alpha1.ConditionEffective), Status: status, Reason: string(reason), Message: message,
		ObservedGeneration: grant.Generation, LastTransitionTime: metav1.NewTime(noon),
	}}
	if err := admin.Status().Update(w.t.Context(), grant); err != nil {
		w.t.Fatal(err)
	}
}

// answer is what a command did.
type answer struct {
	status   int
	out, err string
}

// run runs a command as one of the world's users.
func (w *world) run(user string, args ...string) answer {
	w.t.Helper()
	return w.runTo(&bytes.Buffer{}, user, args...)
}

// writer is where a command prints, and what can be read of it afterwards.
type writer interface {
	Write(text []byte) (int, error)
	String() string
}

func (w *world) runTo(out writer, user string, args ...string) answer {
	w.t.Helper()
	var errOut bytes.Buffer
	status := plugin.Run(w.t.Context(), plugin.Options{
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: &errOut},
		Version:   "test", Clock: clocktesting.NewFakePassiveClock(noon), Rand: rand.Reader,
	}, append([]string{"--kubeconfig=" + kubeconfig, "--as=" + w.name(user)}, args...))
	return answer{status, w.plain(out.String()), w.plain(errOut.String())}
}

// plain takes out of a text what differs from one world to the next.
func (w *world) plain(text string) string {
	text = strings.ReplaceAll(text, string(w.app.UID), "<uid>")
	return strings.ReplaceAll(text, "-"+w.suffix, "")
}

// in is the flag that names the namespace of a tenant.
func in(tenant *v1alpha1.Tenant) string { return "--namespace=" + tenant.Spec.Namespace }
