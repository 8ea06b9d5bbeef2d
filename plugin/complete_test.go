package plugin_test

import (
	"testing"

	"countersign.dev/plugin"
)

// completed is what a shell offers behind these words.
func (w *world) completed(user string, words ...string) string {
	w.t.Helper()
	return w.run(user, append([]string{"__complete"}, words...)...).out
}

func TestShellsCompleteWhatTheAskerMaySee(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("assets:read")
	has(t, w.completed(appAdmin, "why", in(w.host), ""), "kpi\nkpi@1.0.0\nkpi@1.1.0\n:4\n")
	has(t, w.completed(viewer, "why", in(w.host), "kpi", ""), "acme\n", "host\n")
	has(t, w.completed(tenantAdmin, "withdraw", in(w.acme), ""), "host/kpi\n:4\n")
	has(t, w.completed(viewer, "applications", "--for", ""), "acme\n")
	has(t, w.completed(viewer, "grant", "--state", ""), "Active\nSuspended\n:4\n")
	has(t, w.completed(viewer, "tenants", "-o", ""), "wide\njson\nyaml\n:4\n")
	if got := w.completed("nobody", "why", in(w.host), ""); got != ":4\n" {
		t.Errorf("nobody is offered %q", got)
	}
}

func TestWhatIsTypedWrongIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for sentence, c := range map[string]struct {
		args []string
		want string
	}{
		"no such command":     {[]string{"wy"}, `unknown command "wy"`},
		"an argument missing": {[]string{"why", "kpi"}, "1 arguments, want 2: kubectl countersign why [host/]<application>[@version] <tenant>"},
		"no such output":      {[]string{"why", "kpi", "acme", "-o", "xml"}, "--output xml is not known: use one of json, yaml"},
		"no such flag":        {[]string{"grant", "a/b", "--forever"}, "unknown flag: --forever"},
		"two kinds of scopes": {[]string{"grant", "a/b", "--scope=a", "--level=b"}, "none of the others can be"},
	} {
		got := w.run(viewer, c.args...)
		if got.status != plugin.Failed {
			t.Errorf("%s: exit status %d", sentence, got.status)
		}
		has(t, got.err, "error: ", c.want)
	}
}
