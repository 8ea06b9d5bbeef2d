package cockpits

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

var update = flag.Bool("update", false, "write what the authorizer says into docs/security.md instead of comparing it")

// What is asked of the authorizer. A RoleBinding gives nothing on the kinds that are in no namespace.
var (
	verbsThatRead  = []string{"get", "list", "watch"}
	verbsThatWrite = []string{"create", "update", "patch", "delete", "deletecollection"}
	applications   = resource{v1alpha1.GroupName, "applications", "", "", true}
	kinds          = []resource{
		{v1alpha1.GroupName, "tenants", "", "", false},
		{v1alpha1.GroupName, "resourceservers", "", "", false},
		{v1alpha1.GroupName, "accesslevels", "", "", false},
		applications,
		{v1alpha1.GroupName, "tenantgrants", "", "", true},
	}
	// What else decides about applications and consents: who is the application, and who makes people what they are.
	neighbours = []resource{
		{"", "secrets", "", "", true},
		{"", "pods", "", "", true},
		{"", "serviceaccounts", "token", "", true},
		{"", "serviceaccounts", "token", "countersign-tenant", true}, // as which a tenant asks what is on offer to it
		{rbacv1.GroupName, "rolebindings", "", "", true},
	}
)

type resource struct {
	group, name, subresource string
	// object is the one that is asked about; empty for any.
	object     string
	namespaced bool
}

func (r resource) String() string {
	text := r.name
	if r.subresource != "" {
		text += "/" + r.subresource
	}
	if r.object != "" {
		text += " of " + r.object
	}
	return text
}

func (r resource) status() resource { r.subresource = "status"; return r }

// subject is somebody with one role: a row.
type subject struct{ title, user string }

const (
	matrixBegin = "<!-- begin: `make generate-roles` writes what stands here -->\n"
	matrixEnd   = "<!-- end -->\n"
)

// The two tables of docs/security.md are what the authorizer of a real API server says of somebody who has just that role, after
// kube-controller-manager put the roles of Countersign into those that every cluster has.
func TestTheTablesOfTheSecurityDocumentAreWhatTheAuthorizerSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	namespace, elsewhere := w.namespace("roles"), w.namespace("elsewhere")
	local, global := w.bindings(namespace)
	for _, b := range []*binding{&local, &global} {
		b.ask(w, slices.Concat(kinds, statuses(), neighbours))
		b.checkWrites(w)
	}
	local.checkNothing(w, elsewhere)
	text := matrixBegin + local.table() + "\n" + global.table() + matrixEnd

	document := readSecurityDocument(w)
	before, rest, begins := strings.Cut(document, matrixBegin)
	_, after, ends := strings.Cut(rest, matrixEnd)
	if !begins || !ends {
		t.Fatalf("docs/security.md has no section between %q and %q", matrixBegin, matrixEnd)
	}
	if *update {
		if err := os.WriteFile(securityDocument(), []byte(before+text+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if difference := cmp.Diff(strings.Split(document, "\n"), strings.Split(before+text+after, "\n")); difference != "" {
		t.Errorf("docs/security.md says otherwise (-) than the authorizer (+); if that is right, run 'make generate-roles':\n%s", difference)
	}
}

func securityDocument() string { return filepath.Join(root, "docs", "security.md") }

func readSecurityDocument(w *world) string {
	w.Helper()
	document, err := os.ReadFile(securityDocument())
	if err != nil {
		w.Fatal(err)
	}
	return string(document)
}

// checkWrites holds what must be so whatever the document says: only the administrators of each kind write it, and of its status
// nobody but the operator can do anything.
func (b *binding) checkWrites(w *world) {
	w.Helper()
	writers := map[string][]string{
		"tenants": {rolePlatformOperator}, "resourceservers": {rolePlatformOperator}, "accesslevels": {rolePlatformOperator},
		"applications": {roleApplications, roleAdmin}, "tenantgrants": {roleGrants, roleAdmin},
	}
	for q, may := range b.said {
		want := slices.Contains(writers[q.resource.name], q.subject.title) && (q.resource.namespaced || b.namespace == "")
		switch {
		case slices.Contains(kinds, q.resource) && slices.Contains(verbsThatWrite, q.verb) && may != want:
			w.Errorf("%s, %s: may %s %s: %v", q.subject.title, b.title, q.verb, q.resource, may)
		case q.resource.subresource == "status" && may && q.subject.user != serviceAccount("operator"):
			w.Errorf("%s, %s: may %s %s", q.subject.title, b.title, q.verb, q.resource)
		}
	}
}

// serviceAccount is the user that a program of config/ is.
func serviceAccount(program string) string {
	return "system:serviceaccount:" + stack.Namespace + ":countersign-" + program
}

func statuses() []resource {
	all := make([]resource, 0, len(kinds))
	for _, kind := range kinds {
		all = append(all, kind.status())
	}
	return all
}

// binding is a way in which some are bound to their roles, and what the authorizer says of them.
type binding struct {
	title string
	// namespace is where it is asked; empty: everywhere.
	namespace string
	subjects  []subject
	said      map[question]bool
}

// bindings makes somebody for each role, and returns when what they may do holds. The two programs are bound by config/rbac.
func (w *world) bindings(namespace string) (local, global binding) {
	w.Helper()
	local = binding{title: "bound by a RoleBinding, in that namespace", namespace: namespace}
	global = binding{title: "bound by a ClusterRoleBinding, everywhere"}
	for _, role := range append(rolesInNamespaces(), roleCatalogViewer, rolePlatformOperator) {
		somebody := subject{role, w.name("local-" + role)}
		local.subjects = append(local.subjects, somebody)
		if err := bind(w.ctx, namespace, role, userSubject(somebody.user)); err != nil {
			w.Fatal(err)
		}
	}
	for _, role := range []string{rolePlatformOperator, roleCatalogViewer, roleViewer, roleView} {
		somebody := subject{role, w.name("global-" + role)}
		global.subjects = append(global.subjects, somebody)
		if err := bindCluster(w.ctx, role, userSubject(somebody.user)); err != nil {
			w.Fatal(err)
		}
	}
	for _, b := range []*binding{&local, &global} {
		last := b.subjects[len(b.subjects)-1]
		w.eventually("the bindings hold", func() bool { return allowed(w.ctx, w, review(last.user, b.namespace, applications, "list")) })
	}
	for _, program := range []string{"operator", "tokenserver"} {
		global.subjects = append(global.subjects, subject{"countersign-" + program, serviceAccount(program)})
	}
	return local, global
}

// question is one cell's one verb.
type question struct {
	subject  subject
	resource resource
	verb     string
}

func review(user, namespace string, of resource, verb string) authorizationv1.SubjectAccessReviewSpec {
	if !of.namespaced {
		namespace = ""
	}
	return authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: verb, Group: of.group, Resource: of.name, Subresource: of.subresource, Name: of.object,
	}}
}

// ask asks the authorizer whether each subject may do each verb on each resource.
func (b *binding) ask(w *world, resources []resource) {
	w.Helper()
	var questions []question
	for _, somebody := range b.subjects {
		for _, resource := range resources {
			for _, verb := range slices.Concat(verbsThatRead, verbsThatWrite) {
				questions = append(questions, question{somebody, resource, verb})
			}
		}
	}
	answers := make([]bool, len(questions))
	var group errgroup.Group
	group.SetLimit(8)
	for i, q := range questions {
		group.Go(func() error {
			answers[i] = allowed(w.ctx, w, review(q.subject.user, b.namespace, q.resource, q.verb))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		w.Fatal(err)
	}
	b.said = map[question]bool{}
	for i, q := range questions {
		b.said[q] = answers[i]
	}
}

// checkNothing fails where a RoleBinding reaches beyond its namespace.
func (b *binding) checkNothing(w *world, elsewhere string) {
	w.Helper()
	there := binding{namespace: elsewhere, subjects: b.subjects}
	there.ask(w, slices.Concat(kinds, neighbours))
	for q, may := range there.said {
		if may {
			w.Errorf("%s, bound in one namespace, may %s %s in another", q.subject.title, q.verb, q.resource)
		}
	}
}

// table is a row for each subject and a column for each kind; the kinds' statuses share one.
func (b *binding) table() string {
	var text strings.Builder
	line := func(cells ...string) { fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	headings := []string{b.title}
	for _, kind := range kinds {
		headings = append(headings, "`"+kind.String()+"`")
	}
	headings = append(headings, "`*/status` of the five")
	for _, neighbour := range neighbours {
		headings = append(headings, "`"+neighbour.String()+"`")
	}
	line(headings...)
	text.WriteString(strings.Repeat("|---", len(headings)) + "|\n")
	for _, somebody := range b.subjects {
		cells := []string{"`" + somebody.title + "`"}
		for _, kind := range kinds {
			cells = append(cells, cell(b.said, somebody, kind))
		}
		cells = append(cells, statusCell(b.said, somebody))
		for _, neighbour := range neighbours {
			cells = append(cells, cell(b.said, somebody, neighbour))
		}
		line(cells...)
	}
	return text.String()
}

// cell says read or write where all its verbs may be done, and the verbs where some may.
func cell(said map[question]bool, somebody subject, of resource) string {
	var words []string
	for _, group := range []struct {
		word  string
		verbs []string
	}{{"read", verbsThatRead}, {"write", verbsThatWrite}} {
		var may []string
		for _, verb := range group.verbs {
			if said[question{somebody, of, verb}] {
				may = append(may, verb)
			}
		}
		if len(may) == len(group.verbs) {
			may = []string{group.word}
		}
		words = append(words, may...)
	}
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}

func statusCell(said map[question]bool, somebody subject) string {
	var cells []string
	for _, kind := range kinds {
		cells = append(cells, cell(said, somebody, kind.status()))
	}
	if len(slices.Compact(slices.Clone(cells))) == 1 {
		return cells[0]
	}
	for i, kind := range kinds {
		cells[i] = kind.name + ": " + cells[i]
	}
	return strings.Join(cells, "; ")
}
