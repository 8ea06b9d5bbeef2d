package flow

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// status asks for a token with credentials that were taken earlier.
func (w *tenancy) status(r request) int {
	w.Helper()
	return w.ask(r).Status
}

func TestEachSideWithdrawsAloneAndAtOnce(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	old, current := w.form("1.0.0", w.user), w.form("1.1.0", w.user)

	edit := func(change func(*v1alpha1.Application)) {
		t.Helper()
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			if err := platform.Get(w.ctx, client.ObjectKeyFromObject(w.app), w.app); err != nil {
				return err
			}
			change(w.app)
			return platform.Update(w.ctx, w.app)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	edit(func(a *v1alpha1.Application) { a.Spec.Versions = a.Spec.Versions[1:] })
	w.eventually("the removed version is refused", func() bool { return w.status(old) == http.StatusUnauthorized })
	if got := w.status(current); got != http.StatusOK {
		t.Errorf("the other version: %d", got)
	}
	edit(func(a *v1alpha1.Application) { a.Spec.Offer = nil })
	w.eventually("nothing is offered any more", func() bool { return w.ask(current).text("reason") == "NotOffered" })
	edit(func(a *v1alpha1.Application) {
		a.Spec.Offer = &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}}
	})
	w.eventually("all is offered again", func() bool { return w.status(current) == http.StatusOK })

	grant := &v1alpha1.TenantGrant{ObjectMeta: metav1.ObjectMeta{Namespace: w.user, Name: w.host + ".kpi"}}
	if err := platform.Delete(w.ctx, grant); err != nil {
		t.Fatal(err)
	}
	w.eventually("the grant is withdrawn", func() bool { return w.ask(current).text("reason") == "NotGranted" })

	own := w.form("1.1.0", "")
	edit(func(a *v1alpha1.Application) { a.Finalizers = []string{"example.com/hold"} })
	if err := platform.Delete(w.ctx, w.app); err != nil {
		t.Fatal(err)
	}
	w.eventually("a deleted application is refused although a finalizer holds it", func() bool {
		return w.status(own) == http.StatusUnauthorized
	})
	w.eventually("its Secret is gone", func() bool { return w.secret("1.1.0") == nil })
	edit(func(a *v1alpha1.Application) { a.Finalizers = nil })

	w.eventually("it is gone", func() bool {
		return apierrors.IsNotFound(platform.Get(w.ctx, client.ObjectKeyFromObject(w.app), w.app))
	})
	w.app = w.register(v1alpha1.EnvironmentStandard)
	w.eventually("one that is created again has credentials", func() bool { return w.secret("1.1.0") != nil })
	if got := w.status(own); got != http.StatusUnauthorized {
		t.Errorf("the old credentials with the new application: %d", got)
	}
	w.app.UID = "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"
	w.grant(w.user)
	w.eventually("a grant for another UID grants nothing", func() bool {
		return w.ask(w.form("1.1.0", w.user)).text("reason") == "NotGranted"
	})
}

func TestADeletedSecretIsReplacedAndTheOldOneStillWorks(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	old, before := w.form("1.0.0", w.user), w.secret("1.0.0")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.host, Name: "kpi.1.0.0"}}
	if err := platform.Delete(w.ctx, secret); err != nil {
		t.Fatal(err)
	}
	w.eventually("there is another Secret", func() bool {
		data := w.secret("1.0.0")
		return data != nil && data["CLIENT_SECRET"] != before["CLIENT_SECRET"]
	})
	w.eventually("its credentials work", func() bool { return w.status(w.form("1.0.0", w.user)) == http.StatusOK })
	if got := w.status(old); got != http.StatusOK {
		t.Errorf("the old credentials within their overlap: %d", got)
	}
}

func TestKubectlRefusesUnknownFieldsAndSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	for sentence, test := range map[string]struct{ manifest, want string }{
		"an unknown field": {`
apiVersion: countersign.dev/v1alpha1
kind: AccessLevel
metadata: {name: misspelt}
spec: {scope: [a], scopes: [a]}
`, `unknown field "spec.scope"`},
		"a grant of another name": {`
apiVersion: countersign.dev/v1alpha1
kind: TenantGrant
metadata: {name: wrong, namespace: ` + w.user + `}
spec:
  tenant: ` + w.user + `
  application: {hostTenant: ` + w.host + `, name: kpi, uid: ` + string(w.app.UID) + `}
  scopes: [assets:read]
`, w.host + ".kpi"},
	} {
		apply := running.Kubectl(w.ctx, "apply", "-f", "-")
		apply.Stdin = strings.NewReader(test.manifest)
		if output, err := apply.CombinedOutput(); err == nil || !strings.Contains(string(output), test.want) {
			t.Errorf("%s: %v: %s", sentence, err, output)
		}
	}
}

// config/samples is applied in earnest by the test of docs/api.md, for what is in a namespace needs that to be there; kubectl
// is strict unless told otherwise.
func TestEveryManifestIsAcceptedStrictly(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"config/default", "config/tls", "config/levels"} {
		args := []string{"apply", "--server-side", "--validate=strict", "--dry-run=server", "--force-conflicts", "-k", repository(dir)}
		if output, err := running.Kubectl(t.Context(), args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", dir, err, output)
		}
	}
}

func TestTheTokenServersIdentityReadsNoSecretAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	config, err := clientcmd.BuildConfigFromFlags("", running.TokenServerKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	own, err := client.New(config, client.Options{Scheme: platform.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	for sentence, err := range map[string]error{
		"get":    own.Get(w.ctx, client.ObjectKey{Namespace: w.host, Name: "kpi.1.0.0"}, &corev1.Secret{}),
		"list":   own.List(w.ctx, &corev1.SecretList{}),
		"status": own.Status().Update(w.ctx, w.app),
		"spec":   own.Update(w.ctx, w.app),
		"create": own.Create(w.ctx, &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: "own"}}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, want Forbidden", sentence, err)
		}
	}
}

func TestWhatIsLinkedIntoThePrograms(t *testing.T) {
	t.Parallel()
	for program, foreign := range map[string][]string{
		"./cmd/tokenserver":         {"countersign.dev/controllers", "countersign.dev/plugin", "github.com/spf13/cobra", "k8s.io/cli-runtime"},
		"./cmd/operator":            {"countersign.dev/tokenserver", "countersign.dev/plugin", "github.com/spf13/cobra", "k8s.io/cli-runtime", "github.com/golang-jwt/"},
		"./cmd/kubectl-countersign": {"countersign.dev/controllers", "countersign.dev/tokenserver", "github.com/golang-jwt/"},
		"./cmd/injector":            {"countersign.dev/access", "countersign.dev/controllers", "countersign.dev/plugin", "countersign.dev/internal/credential", "countersign.dev/tokenserver"},
	} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
		list.Dir, list.Env = root, os.Environ()
		output, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(output), "countersign.dev/api/v1alpha1") {
			t.Fatalf("%s: the list is not what it should be: %s", program, output)
		}
		for dependency := range strings.Lines(string(output)) {
			for _, prefix := range foreign {
				if strings.HasPrefix(dependency, prefix) {
					t.Errorf("%s has %s in it", program, dependency)
				}
			}
		}
	}
}
