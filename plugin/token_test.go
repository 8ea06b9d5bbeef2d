package plugin_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/environment"
	"countersign.dev/plugin"
	"countersign.dev/tokenserver/tokenservertest"
)

// operating is who may read Secrets and Applications of the host: who has edit, of which view is a part.
const operating = editor

// secretOf creates the Secret of a version, as the operator does, with what differs in its annotations, and says in status that
// it is there.
func (w *world) secretOf(version v1alpha1.VersionName, name string, data map[string]string, differs ...map[string]string) *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.host.Spec.Namespace, Name: name, Annotations: map[string]string{
			v1alpha1.AnnotationApplication: "kpi", v1alpha1.AnnotationApplicationUID: string(w.app.UID),
			v1alpha1.AnnotationVersion: string(version), v1alpha1.AnnotationSecretName: name,
		}},
		Type: v1alpha1.SecretTypeCredentials, StringData: data,
	}
	for _, annotations := range differs {
		maps.Copy(secret.Annotations, annotations)
	}
	w.create(secret)
	w.keptIn(version, name)
	return secret
}

// keptIn writes the status of a version whose credentials are in that Secret.
func (w *world) keptIn(version v1alpha1.VersionName, secret string) {
	w.t.Helper()
	if err := admin.Get(w.t.Context(), client.ObjectKeyFromObject(w.app), w.app); err != nil {
		w.t.Fatal(err)
	}
	w.app.Status.Versions = append(w.app.Status.Versions, v1alpha1.ApplicationVersionStatus{Version: version, SecretName: secret})
	if err := admin.Status().Update(w.t.Context(), w.app); err != nil {
		w.t.Fatal(err)
	}
}

// newOperated returns a world in which operating may look at Applications.
func newOperated(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.bind(w.host.Spec.Namespace, operating, "countersign-viewer")
	for range 1000 { // the authorizer hears of a binding a moment after it is there
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: w.name(operating), ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: w.host.Spec.Namespace, Verb: "get", Group: v1alpha1.GroupVersion.Group, Resource: "applications",
			},
		}}
		if w.create(review); review.Status.Allowed {
			return w
		}
	}
	t.Fatal("the binding has no effect")
	return nil
}

func TestTokenAsksAsTheApplicationWouldAndDecodes(t *testing.T) {
	t.Parallel()
	w := newOperated(t)
	url := tokenServer(t)
	w.secretOf("1.0.0", "kpi.1.0.0", map[string]string{
		"CLIENT_ID": tokenservertest.ClientID(), "CLIENT_SECRET": tokenservertest.Secret(), "TOKEN_URL": url + "/oauth2/token",
	})
	run := func(flags ...string) answer {
		return w.run(operating, append([]string{"token", "kpi@1.0.0", in(w.host)}, flags...)...)
	}
	got := run("--tenant", tokenservertest.Tenant, "--scope=assets:read")
	var claims map[string]any
	if err := json.Unmarshal([]byte(got.out), &claims); err != nil {
		t.Fatalf("%v: %s%s", err, got.out, got.err)
	}
	if claims["tenant"] != tokenservertest.Tenant || claims["scope"] != "assets:read" || claims["iss"] != tokenservertest.Issuer {
		t.Errorf("%v", claims)
	}
	has(t, got.err, "Valid for 15m0s. Decoded, not verified")

	raw := run("--raw")
	if strings.Count(raw.out, ".") != 2 || strings.Count(raw.out, "\n") != 1 || raw.err != "" {
		t.Errorf("raw is %q, beside %q", raw.out, raw.err)
	}
	refused := run("--tenant=other")
	has(t, refused.err, "unauthorized_client (NotGranted)", "'kubectl countersign why kpi@1.0.0 other -n ns-host' shows the whole chain")
	for _, printed := range []answer{got, raw, refused} {
		if strings.Contains(printed.out+printed.err, "csk_") {
			t.Errorf("a secret was printed: %s%s", printed.out, printed.err)
		}
	}
	if strings.Contains(got.out+got.err, "eyJ") {
		t.Errorf("a token was printed: %s%s", got.out, got.err)
	}
}

func TestTokenFindsCredentialsUnderWhateverNames(t *testing.T) {
	t.Parallel()
	url, id, secret := tokenServer(t), tokenservertest.ClientID(), tokenservertest.Secret()
	for _, of := range []v1alpha1.Environment{
		{Type: v1alpha1.EnvironmentStandard},
		{Type: v1alpha1.EnvironmentInsightsHub},
		{Type: v1alpha1.EnvironmentCustom, Keys: &v1alpha1.EnvironmentKeys{ClientID: "MY_ID", ClientSecret: "MY_SECRET"}},
		{Type: v1alpha1.EnvironmentCustom, Keys: &v1alpha1.EnvironmentKeys{ClientID: "CLIENT_SECRET", ClientSecret: "CLIENT_ID", TokenURL: "WHERE"}},
	} {
		w := newOperated(t)
		edit(w, w.app, func(a *v1alpha1.Application) { a.Spec.CredentialPolicy.Environment = of })
		data, url, flags := map[string]string{}, url, []string{"token", "kpi@1.0.0", in(w.host)}
		for _, variable := range environment.Of(of) {
			data[variable.Name] = map[environment.Fact]string{
				environment.ClientID: id, environment.ClientSecret: secret, environment.TokenURL: url + "/oauth2/token",
			}[variable.Fact]
		}
		w.secretOf("1.0.0", "kpi.1.0.0", data)
		if of.Type == v1alpha1.EnvironmentInsightsHub || of.Keys != nil && of.Keys.TokenURL == "" {
			has(t, w.run(operating, flags...).err, "the Secret names no token server")
			flags = append(flags, "--token-server", url)
		}
		if got := w.run(operating, flags...); got.status != plugin.Done {
			t.Errorf("%+v: %s", of, got.err)
		}
	}
}

// A version's Secret can have any name, that which another version's would have had by default among them.
func TestTokenIsThatOfTheVersionWhateverItsSecretIsCalled(t *testing.T) {
	t.Parallel()
	w := newOperated(t)
	edit(w, w.app, func(a *v1alpha1.Application) {
		a.Spec.Versions[0].SecretName, a.Spec.Versions[1].SecretName = "kpi-blue", "kpi.1.0.0"
	})
	url := tokenServer(t) + "/oauth2/token"
	mine := map[string]string{"CLIENT_ID": tokenservertest.ClientID(), "CLIENT_SECRET": tokenservertest.Secret(), "TOKEN_URL": url}
	others := map[string]string{"CLIENT_ID": "other", "CLIENT_SECRET": "other", "TOKEN_URL": url}
	w.secretOf("1.1.0", "kpi.1.0.0", others)
	has(t, w.run(operating, "token", "kpi@1.0.0", in(w.host)).err, "version 1.0.0 has no Secret with credentials yet", "Application ns-host/kpi")
	w.secretOf("1.0.0", "kpi-blue", mine)
	if got := w.run(operating, "token", "kpi@1.0.0", in(w.host)); got.status != plugin.Done {
		t.Error(got.err)
	}
	has(t, w.run(operating, "token", "kpi@1.1.0", in(w.host)).err, "invalid_client")
}

func TestTokenTakesNoOtherSecretForTheVersions(t *testing.T) {
	t.Parallel()
	data := map[string]string{"CLIENT_ID": "a", "CLIENT_SECRET": "b", "TOKEN_URL": "https://elsewhere.example.com/oauth2/token"}
	for annotation, says := range map[string]string{
		v1alpha1.AnnotationApplication:    "another",
		v1alpha1.AnnotationApplicationUID: "b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77",
		v1alpha1.AnnotationVersion:        "1.1.0",
		v1alpha1.AnnotationBindingVersion: "1.0.0",
		v1alpha1.AnnotationSecretName:     "kpi-blue",
	} {
		w := newOperated(t)
		w.secretOf("1.0.0", "kpi.1.0.0", data, map[string]string{annotation: says})
		has(t, w.run(operating, "token", "kpi@1.0.0", in(w.host)).err,
			"the Secret ns-host/kpi.1.0.0 is not that of version 1.0.0 of this Application, by its annotation "+annotation)
	}
}

func TestTokenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newOperated(t)
	run := func(user, application string) string { return w.run(user, "token", application, in(w.host)).err }
	has(t, run(operating, "kpi"), "name application and version")
	has(t, run(operating, "nothing@1.0.0"), "looking for Application ns-host/nothing", "not found")
	has(t, run(operating, "kpi@3"), "has no version 3 in spec.versions")
	has(t, run(operating, "kpi@1.0.0"), "version 1.0.0 has no Secret with credentials yet")
	has(t, run(tenantAdmin, "kpi@1.0.0"), "looking for Application ns-host/kpi", "is forbidden", "--namespace names another")
	w.keptIn("1.0.0", "kpi.1.0.0")
	has(t, run(operating, "kpi@1.0.0"), "there is no Secret ns-host/kpi.1.0.0")
	has(t, run(appAdmin, "kpi@1.0.0"), "needs get on secrets, which makes one the application", "is forbidden")
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.host.Spec.Namespace, Name: "kpi.1.0.0"}, Type: "Opaque"}
	w.create(foreign)
	has(t, run(operating, "kpi@1.0.0"), `is of type "Opaque": it is not Countersign's`)
	w.secretOf("1.1.0", "kpi.1.1.0", map[string]string{"MY_ID": "a", "MY_SECRET": "b"})
	has(t, run(operating, "kpi@1.1.0"), "ns-host/kpi.1.1.0 has no client id and secret under the names that Application ns-host/kpi gives them")
	edit(w, w.app, func(a *v1alpha1.Application) {
		a.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{{
			SHA256: strings.Repeat("0", 64), ExpirationTime: metav1.NewTime(noon.AddDate(1, 0, 0)),
		}}
	})
	has(t, run(operating, "kpi@1.0.0"), "version 1.0.0 brings client secrets of its own")
}
