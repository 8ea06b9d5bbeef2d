package flow

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// scene is that of the document, with names of this test's own in place of the document's.
type scene struct {
	*tenancy
	names *strings.Replacer
}

func newScene(t *testing.T) scene {
	t.Helper()
	w := newTenancyOf(t, v1alpha1.EnvironmentStandard, "operator-co", "acme", "globex")
	s := scene{w, strings.NewReplacer("operator-co", w.host, "acme", w.user, "globex", w.another, "kpi-dashboard", w.app.Name)}
	grant := &v1alpha1.TenantGrant{}
	if err := platform.Get(w.ctx, client.ObjectKey{Namespace: w.user, Name: w.host + ".kpi"}, grant); err != nil {
		t.Fatal(err)
	}
	grant.Spec.Scopes = []v1alpha1.Scope{"assets:read", "timeseries:read"}
	if err := platform.Update(w.ctx, grant); err != nil {
		t.Fatal(err)
	}
	w.eventually("the grant's scopes are those of the document", func() bool {
		return w.ask(w.form("1.0.0", w.user)).text("scope") == "assets:read timeseries:read"
	})
	s.prepareIdentities()
	return s
}

// prepareIdentities makes the ServiceAccounts that authenticate without a secret: the application's, and the sample API's.
func (s scene) prepareIdentities() {
	s.Helper()
	letGatewayIntrospect(s.tenancy)
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "kpi", Namespace: s.host}})
	const accounts = `[{"op":"add","path":"/spec/versions/0/serviceAccounts","value":[{"name":"kpi"}]}]`
	if err := platform.Patch(s.ctx, s.app, client.RawPatch(types.JSONPatchType, []byte(accounts))); err != nil {
		s.Fatal(err)
	}
}

// letGatewayIntrospect makes a ServiceAccount of the sample API, which may introspect its tokens. Several tests need it.
func letGatewayIntrospect(w *tenancy) {
	w.Helper()
	const introspection = `{"spec":{"introspection":{"serviceAccounts":[{"namespace":"iot","name":"gateway"}]}}}`
	server := &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: "iot"}}
	for _, err := range []error{
		platform.Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "iot"}}),
		platform.Create(w.ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "gateway", Namespace: "iot"}}),
		platform.Patch(w.ctx, server, client.RawPatch(types.MergePatchType, []byte(introspection))),
	} {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			w.Fatal(err)
		}
	}
}

// environment is that of the document's shell: the variables of the Secret, and kubectl.
func (s scene) environment() []string {
	kubectl := running.Kubectl(s.ctx)
	environment := append(slices.Clone(kubectl.Env), "PATH="+filepath.Dir(kubectl.Path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, value := range s.secret("1.0.0") {
		environment = append(environment, name+"="+value)
	}
	return environment
}

// mark stands between what the commands print.
const mark = "\x1e"

// run runs the commands one after the other in one shell, and returns what each printed, and what each should have.
func (s scene) run(commands []command) (printed, wanted []string) {
	s.Helper()
	var script strings.Builder
	for i, command := range commands {
		fmt.Fprintf(&script, "%s\nprintf '%s'\n", s.names.Replace(command.text), mark)
		// The shell sets the variables of the answer, too.
		fmt.Fprintf(&script, "cat <<WANTED_%d\n%sWANTED_%d\nprintf '%s'\n", i, s.names.Replace(command.want), i, mark)
	}
	shell := exec.CommandContext(s.ctx, "bash", "-u", "-o", "pipefail", "-c", script.String())
	shell.Env = s.environment()
	output, err := shell.Output()
	if err != nil {
		s.Fatalf("running the commands: %v: %s", err, output)
	}
	for i, text := range strings.Split(strings.TrimSuffix(string(output), mark), mark) {
		if i%2 == 0 {
			printed = append(printed, text)
		} else {
			wanted = append(wanted, text)
		}
	}
	return printed, wanted
}

func TestEveryCommandOfTheAPIDocumentPrintsWhatStandsThere(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test did not run, for it needs %s: install it, or run the others with hack/test.sh -skip=APIDocument", program)
		}
	}
	s := newScene(t)
	commands := readCommands(t, repository("docs", "api.md"))
	if len(commands) < 30 {
		t.Fatalf("found %d commands only: does the test still read the document?", len(commands))
	}
	printed, wanted := s.run(commands)
	if len(printed) != len(commands) {
		t.Fatalf("%d commands printed %d times", len(commands), len(printed))
	}
	for i, command := range commands {
		if err := compare(wanted[i], printed[i]); err != nil {
			t.Errorf("docs/api.md:%d: %s\n%v", command.line, command.text, err)
		}
	}
}

func TestTheAPIDocumentHasEveryEndpointWithAllThatIsToBeSaidOfIt(t *testing.T) {
	t.Parallel()
	w := &tenancy{T: t, ctx: t.Context()}
	text, err := os.ReadFile(repository("docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := readCommands(t, repository("docs", "api.md"))
	described, _ := w.ask(request{method: http.MethodGet, path: "/openapi.json"}).Body["paths"].(map[string]any)
	if len(described) < 10 {
		t.Fatalf("/openapi.json describes %d paths only", len(described))
	}
	for path, item := range described {
		methods, _ := item.(map[string]any)
		for method := range methods {
			endpoint := strings.ToUpper(method) + " " + path
			_, section, found := strings.Cut(string(text), "\n## "+endpoint+"\n")
			if !found {
				t.Errorf("docs/api.md has no heading %q", "## "+endpoint)
				continue
			}
			section, _, _ = strings.Cut(section, "\n## ")
			for _, part := range []string{"**Who**", "**Parameters**", "**Answer**", "**Errors**", "**Limits**"} {
				if !strings.Contains(section, part) {
					t.Errorf("docs/api.md, %s: there is no %s", endpoint, part)
				}
			}
			works := slices.ContainsFunc(commands, func(c command) bool {
				return c.section == endpoint && strings.Contains(c.text, "curl -i ") && strings.HasPrefix(c.want, "HTTP/1.1 200 OK")
			})
			if !works {
				t.Errorf("docs/api.md, %s: there is no curl that is answered with 200", endpoint)
			}
		}
	}
}
