package plugin_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
	"countersign.dev/plugin"
)

func (w *world) annotation(name string) string {
	w.t.Helper()
	app := &v1alpha1.Application{}
	if err := admin.Get(w.t.Context(), client.ObjectKeyFromObject(w.app), app); err != nil {
		w.t.Fatal(err)
	}
	return app.Annotations[name]
}

func TestRotateWritesANewWordForAllOrForOneVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issued(true, nil, "a1", "b1")
	const rotate, revoke = v1alpha1.AnnotationRotate, "countersign.dev/rotate-and-revoke"
	rotated := func(command, application string) string {
		got := w.run(appAdmin, command, application, in(w.host))
		if got.status != plugin.Done {
			t.Fatal(got.err)
		}
		has(t, got.out, "application.countersign.dev/kpi annotated: countersign.dev/"+command+"=")
		return w.annotation("countersign.dev/" + command)
	}
	first := rotated("rotate", "kpi")
	if second := rotated("rotate", "kpi"); first == second || len(second) != 16 || strings.ContainsAny(second, ",=") {
		t.Errorf("the words are %q and %q", first, second)
	}
	all := w.annotation(rotate)
	one := rotated("rotate", "kpi@1.0.0")
	if !strings.HasPrefix(one, all+",1.0.0=") {
		t.Errorf("what was asked for all is gone: %q", one)
	}
	both := rotated("rotate", "kpi@1.1.0")
	if !strings.HasPrefix(both, one+",1.1.0=") {
		t.Errorf("what was asked for 1.0.0 is gone: %q", both)
	}
	again := rotated("rotate", "kpi@1.0.0")
	if strings.Count(again, "1.0.0=") != 1 || !strings.Contains(again, ",1.1.0=") || again == both {
		t.Errorf("there is not one new word for 1.0.0: %q", again)
	}
	if w.annotation(revoke) != "" {
		t.Error("rotate revokes")
	}
	if leaked := rotated("rotate-and-revoke", "kpi@1.0.0"); !strings.HasPrefix(leaked, "1.0.0=") {
		t.Errorf("got %q", leaked)
	}
}

func TestRotateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.run(appAdmin, "rotate", "kpi", in(w.host)).err, "version 1.0.0 has no credentials yet", "Application ns-host/kpi say why")
	w.issued(true, nil, "a1", "b1")
	has(t, w.run(editor, "rotate", "kpi", in(w.host)).err, "looking for Application ns-host/kpi", "is forbidden")
	has(t, w.run(viewer, "rotate", "kpi", in(w.host)).err, "annotating Application ns-host/kpi", "is forbidden")
	has(t, w.run(appAdmin, "rotate", "kpi@3", in(w.host)).err, "has no version 3 in spec.versions")
	has(t, w.run(appAdmin, "rotate", "host/kpi", in(w.host)).err, "needs list on tenants", "name the application without its host")
	has(t, w.run(appAdmin, "rotate", "nothing", in(w.host)).err, "not found")
	if w.annotation(v1alpha1.AnnotationRotate) != "" {
		t.Error("something was written all the same")
	}
}

func TestWhatTheOperatorCannotRotateIsNotAskedOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issued(true, nil, "a1", "b1")
	edit(w, w.app, func(a *v1alpha1.Application) {
		a.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{{
			SHA256: strings.Repeat("0", 64), ExpirationTime: metav1.NewTime(noon.AddDate(1, 0, 0)),
		}}
	})
	run := func(command, application string) answer { return w.run(appAdmin, command, application, in(w.host)) }
	for _, command := range []string{"rotate", "rotate-and-revoke"} {
		got := run(command, "kpi@1.0.0")
		if got.status != plugin.Failed || w.annotation("countersign.dev/"+command) != "" {
			t.Errorf("%s: %d, annotated with %q", command, got.status, w.annotation("countersign.dev/"+command))
		}
		has(t, got.err, "'kubectl countersign credentials new'", "taking an entry out", "spec.versions[1.0.0].verifiers")
	}
	got := run("rotate", "kpi")
	has(t, got.out, "annotated")
	has(t, got.err, "Not rotated: version 1.0.0 brings client secrets of its own")

	edit(w, w.app, func(a *v1alpha1.Application) { a.Spec.Versions[1].Access = nil })
	got = run("rotate", "kpi")
	has(t, got.err, "version 1.0.0 brings", "version 1.1.0 has no access")
	if got.status != plugin.Failed || got.out != "" {
		t.Errorf("%d: %s", got.status, got.out)
	}
}

func TestAnAnnotationThatTheOperatorDoesNotActOnIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issued(true, nil, "a1", "b1")
	for _, unreadable := range []string{"now!", "=x", "1.1.0", "a,b", "1.1.0=a,1.1.0=b", "a,,b", strings.Repeat("a", 65)} {
		edit(w, w.app, func(a *v1alpha1.Application) {
			a.Annotations = map[string]string{v1alpha1.AnnotationRotate: unreadable}
		})
		got := w.run(appAdmin, "rotate", "kpi@1.0.0", in(w.host))
		has(t, got.err, "which the operator does not act on: it is replaced")
		if words := w.annotation(v1alpha1.AnnotationRotate); !strings.HasPrefix(words, "1.0.0=") || strings.Contains(words, ",") {
			t.Errorf("%q became %q", unreadable, words)
		}
	}
}

// acting does, once the annotation is written, what the operator would.
type acting struct {
	bytes.Buffer
	act func()
}

func (a *acting) Write(text []byte) (int, error) {
	if act := a.act; act != nil && strings.Contains(string(text), "annotated") {
		a.act = nil
		act()
	}
	return a.Buffer.Write(text)
}

// issued writes a status with one newest credential a version.
func (w *world) issued(delivered bool, conditions []metav1.Condition, ids ...string) {
	w.t.Helper()
	app := &v1alpha1.Application{}
	if err := admin.Get(w.t.Context(), client.ObjectKeyFromObject(w.app), app); err != nil {
		w.t.Fatal(err)
	}
	app.Status.Versions = nil
	for i, id := range ids {
		version := string(app.Spec.Versions[i].Version)
		verifier := v1alpha1.Verifier{ID: id, SHA256: strings.Repeat("0", 64), IssueTime: metav1.NewTime(noon)}
		if delivered {
			verifier.DeliveryTime = &metav1.Time{Time: noon}
		}
		app.Status.Versions = append(app.Status.Versions, v1alpha1.ApplicationVersionStatus{
			Version: v1alpha1.VersionName(version), SecretName: "kpi." + version, Verifiers: []v1alpha1.Verifier{verifier},
			Conditions: conditions,
		})
	}
	if err := admin.Status().Update(w.t.Context(), app); err != nil {
		w.t.Fatal(err)
	}
}

func TestRotateWaitsUntilTheNewCredentialsStandInTheSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issued(true, nil, "a1", "b1")
	out := &acting{act: func() { w.issued(true, nil, "a2", "b2") }}
	got := w.runTo(out, appAdmin, "rotate", "kpi", in(w.host), "--wait")
	if got.status != plugin.Done {
		t.Error(got.err)
	}
	has(t, got.out, "version 1.0.0: credential a2 is in Secret kpi.1.0.0\n", "version 1.1.0: credential b2 is in Secret kpi.1.1.0\n")
}

func TestRotateSaysWhatARotationWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issued(true, nil, "a1", "b1")
	pending := []metav1.Condition{{
		Type: "RotationPending", Status: metav1.ConditionTrue, Reason: "OverlapNotEnded", Message: "until an overlap has ended",
		LastTransitionTime: metav1.NewTime(noon),
	}}
	out := &acting{act: func() { w.issued(false, pending, "a2", "b2") }} // written, and not yet delivered
	got := w.runTo(out, appAdmin, "rotate", "kpi@1.0.0", in(w.host), "--wait", "--timeout=1s")
	if got.status != plugin.Failed {
		t.Errorf("%d: %s", got.status, got.out)
	}
	has(t, got.err, "version 1.0.0: OverlapNotEnded: until an overlap has ended", "error: not done yet: version 1.0.0. The request stands")
}

func TestNewCredentialsAreASecretAndWhatTheServerKnowsItBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.run("nobody", "credentials", "new", "-o", "json", "--expires-in=48h")
	var made struct {
		ClientSecret string
		Verifier     struct{ SHA256, ExpirationTime string }
	}
	if err := json.Unmarshal([]byte(got.out), &made); err != nil {
		t.Fatalf("%v: %s%s", err, got.out, got.err)
	}
	secret, err := credential.Parse(made.ClientSecret)
	if err != nil || secret.Hash().String() != made.Verifier.SHA256 || made.Verifier.ExpirationTime != "2030-06-03T12:00:00Z" {
		t.Errorf("%+v: %v", made, err)
	}
	text := w.run("nobody", "credentials", "new").out
	if strings.Count(text, "csk_") != 1 {
		t.Errorf("the secret is shown %d times", strings.Count(text, "csk_"))
	}
	has(t, text, "verifiers:\n- sha256: ", "\n  expirationTime: 2030-08-30T12:00:00Z\n")
	for _, short := range []string{"-1h0m0s", "0s", "59s"} {
		has(t, w.run("nobody", "credentials", "new", "--expires-in="+short).err, "--expires-in "+short+" is over before")
	}
}
