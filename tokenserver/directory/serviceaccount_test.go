package directory

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

// runner is the ServiceAccount that secretless lists.
var runner = types.NamespacedName{Namespace: "tenant-operator-co", Name: "runner"}

// secretless is the scenario's application, whose version lists runner and another ServiceAccount.
func secretless() *v1alpha1.Application {
	app := newApp("kpi", appUID, newSecret(1))
	app.Spec.Versions[0].ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: "canary"}, {Name: "runner"}}
	return app
}

func TestAServiceAccountThatAVersionListsIsItsClient(t *testing.T) {
	w := scenario(t)
	w.apply(secretless())
	got, ok := w.AuthenticateServiceAccount(kpi, runner)
	want := Client{ID: kpi, Host: "operator-co", Version: "1.0.0", CredentialID: "sa:runner"}
	if !ok || !cmp.Equal(got, want, cmpopts.IgnoreFields(Client{}, "Application")) {
		t.Errorf("got %+v, %v", got, ok)
	}
	if d := w.Decide(got, "acme", "", nil); !d.Granted() {
		t.Errorf("the decision is %s", d.Reason)
	}
	if _, ok := w.Client(kpi, "sa:runner"); !ok {
		t.Error("a token of its does not stand")
	}
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok {
		t.Error("the client secret does not work beside it")
	}
}

func TestNoOtherServiceAccountIsTheClient(t *testing.T) {
	w := scenario(t)
	app := secretless()
	app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{
		Version: "1.1.0", ServiceAccounts: []v1alpha1.LocalServiceAccount{{Name: "next"}},
	})
	w.apply(app)
	for sentence, c := range map[string]struct {
		id      string
		account types.NamespacedName
	}{
		"of another namespace":       {kpi, types.NamespacedName{Namespace: "tenant-acme", Name: "runner"}},
		"of no namespace":            {kpi, types.NamespacedName{Name: "runner"}},
		"that no version lists":      {kpi, types.NamespacedName{Namespace: runner.Namespace, Name: "other"}},
		"that another version lists": {kpi, types.NamespacedName{Namespace: runner.Namespace, Name: "next"}},
		"without a name":             {kpi, types.NamespacedName{Namespace: runner.Namespace}},
		"with another version's id":  {clientID("kpi", "1.1.0", appUID), runner},
		"with an unknown client id":  {clientID("other", "1.0.0", appUID), runner},
		"with no client id":          {"", runner},
	} {
		if got, ok := w.AuthenticateServiceAccount(c.id, c.account); ok || got != (Client{}) {
			t.Errorf("a ServiceAccount %s: got %+v", sentence, got)
		}
	}
}

func TestWhatEndsTheCredentialOfAServiceAccount(t *testing.T) {
	for sentence, edit := range map[string]func(*v1alpha1.Application){
		"it is listed no more": func(app *v1alpha1.Application) {
			app.Spec.Versions[0].ServiceAccounts = app.Spec.Versions[0].ServiceAccounts[:1]
		},
		"it moved to another version": func(app *v1alpha1.Application) {
			app.Spec.Versions[0].ServiceAccounts = nil
			app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{
				Version: "1.1.0", ServiceAccounts: []v1alpha1.LocalServiceAccount{{Name: "runner"}},
			})
		},
		"the version is gone":               func(app *v1alpha1.Application) { app.Spec.Versions = nil },
		"the application was created again": func(app *v1alpha1.Application) { app.UID = laterUID },
		"the application is in another's":   func(app *v1alpha1.Application) { app.Namespace = "tenant-acme" },
		"the application is being deleted":  func(app *v1alpha1.Application) { app.DeletionTimestamp = &metav1.Time{Time: epoch} },
		"a verifier says that it is its own": func(app *v1alpha1.Application) {
			app.Spec.Versions[0].ServiceAccounts = nil
			app.Status.Versions[0].Verifiers[0].ID = "sa:runner"
		},
	} {
		w := scenario(t)
		w.apply(secretless())
		edited := secretless()
		edit(edited)
		if edited.Namespace != runner.Namespace {
			w.remove(secretless())
		}
		w.apply(edited)
		if got, ok := w.AuthenticateServiceAccount(kpi, runner); ok {
			t.Errorf("%s: it authenticates as %+v", sentence, got)
		}
		if got, ok := w.Client(kpi, "sa:runner"); ok {
			t.Errorf("%s: its token stands as %+v", sentence, got)
		}
	}
}

func TestWhoMayIntrospectForWhichResourceServer(t *testing.T) {
	w := scenario(t)
	asked := func(name string) []string {
		names := []string{}
		for _, server := range w.IntrospectedBy(types.NamespacedName{Namespace: "iot", Name: name}) {
			names = append(names, server.Name)
		}
		slices.Sort(names)
		return names
	}
	for _, step := range []struct {
		sentence        string
		event           func()
		gateway, worker []string
	}{
		{"nobody at first", func() {}, []string{}, []string{}},
		{"one", func() { w.apply(newIntrospected("iot", audience, "gateway")) }, []string{"iot"}, []string{}},
		{
			"one for two", func() { w.apply(newIntrospected("files", audience+"/files", "gateway", "worker")) },
			[]string{"files", "iot"}, []string{"files"},
		},
		{
			"neither of two with one audience", func() { w.apply(newIntrospected("twin", audience, "worker")) },
			[]string{"files"}, []string{"files"},
		},
		{
			"both once they differ", func() { w.apply(newIntrospected("twin", audience+"/twin", "worker")) },
			[]string{"files", "iot"}, []string{"files", "twin"},
		},
		{"one is taken out", func() { w.apply(newIntrospected("files", audience+"/files", "worker")) }, []string{"iot"}, []string{"files", "twin"}},
		{"the list is gone", func() { w.apply(newServer("files", audience+"/files")) }, []string{"iot"}, []string{"twin"}},
		{"the resource server is gone", func() { w.remove(newServer("iot", audience)) }, []string{}, []string{"twin"}},
	} {
		step.event()
		if got := asked("gateway"); !slices.Equal(got, step.gateway) {
			t.Errorf("%s: gateway introspects for %v, want %v", step.sentence, got, step.gateway)
		}
		if got := asked("worker"); !slices.Equal(got, step.worker) {
			t.Errorf("%s: worker introspects for %v, want %v", step.sentence, got, step.worker)
		}
	}
	if got := w.IntrospectedBy(types.NamespacedName{Namespace: "other", Name: "worker"}); got != nil {
		t.Errorf("a worker of another namespace introspects for %v", got)
	}
}
