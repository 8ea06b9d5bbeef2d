package flow

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scene is a shell in which somebody follows the document: it begins in a directory that looks like a clone of the repository
// in which `make dev` runs. Names are those of config/samples, which no other test applies.
type scene struct {
	*tenancy
	directory string
}

func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{&tenancy{T: t, ctx: t.Context()}, t.TempDir()}
	for name, target := range map[string]string{
		"config": repository("config"), "bin/k8s": filepath.Dir(running.Kubectl(s.ctx).Path), ".dev/kubeconfig": running.Kubeconfig,
	} {
		path := filepath.Join(s.directory, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// mark stands between what the commands print.
const mark = "\x1e"

// run runs what the document begins with, which has to work, and then the commands one after the other in the same shell, and
// returns what each printed, and what each should have.
func (s scene) run(beginning string, commands []command) (printed, wanted []string) {
	s.Helper()
	script := &strings.Builder{}
	fmt.Fprintf(script, "set -e\nexec 3>&1 1>&2\n%s\nexec 1>&3 3>&-\nset +e\n", beginning)
	for i, command := range commands {
		fmt.Fprintf(script, "%s\nprintf '%s'\n", command.text, mark)
		// The shell sets the variables of the answer, too.
		fmt.Fprintf(script, "cat <<WANTED_%d\n%sWANTED_%d\nprintf '%s'\n", i, command.want, i, mark)
	}
	shell := exec.CommandContext(s.ctx, "bash", "-u", "-o", "pipefail", "-c", script.String())
	shell.Dir, shell.Env = s.directory, []string{"HOME=" + s.directory, "PATH=" + os.Getenv("PATH")}
	output, err := shell.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			s.Logf("on standard error: %s", failed.Stderr)
		}
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
	printed, wanted := s.run(readBeginning(t, repository("docs", "api.md")), commands)
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
