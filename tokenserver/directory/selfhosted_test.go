package directory

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// newStated is what a self-hosted version says of its secret.
func newStated(secret credential.Secret, end time.Time) v1alpha1.SelfHostedVerifier {
	return v1alpha1.SelfHostedVerifier{SHA256: secret.Hash().String(), ExpirationTime: metav1.NewTime(end)}
}

// selfHosted is the scenario with two secrets in the spec of kpi, and the operator's in the status.
func selfHosted(t *testing.T) (*world, *v1alpha1.Application) {
	t.Helper()
	w, app := scenario(t), newApp("kpi", appUID, newSecret(1))
	app.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{
		newStated(newSecret(2), epoch.Add(time.Hour)), newStated(newSecret(3), epoch.Add(2*time.Hour)),
	}
	w.apply(app)
	return w, app
}

func TestASelfHostedVersionAuthenticatesByEachSecretOfItsSpecUntilTheSecondInWhichThatEnds(t *testing.T) {
	w, _ := selfHosted(t)
	id := credential.SelfHostedID(newSecret(2).Hash())
	for seed, want := range map[byte]string{1: "s1", 2: id, 3: credential.SelfHostedID(newSecret(3).Hash())} {
		got, ok := w.Authenticate(kpi, newSecret(seed).Reveal())
		if !ok || got.CredentialID != want {
			t.Errorf("secret %d: got %q, %v, want %q", seed, got.CredentialID, ok, want)
		}
		if again, ok := w.Client(kpi, want); !ok || again != got {
			t.Errorf("by the id %q: got %+v, %v", want, again, ok)
		}
	}
	w.clock.SetTime(epoch.Add(time.Hour - time.Second))
	if _, ok := w.Authenticate(kpi, newSecret(2).Reveal()); !ok {
		t.Error("it is refused before its end")
	}
	w.clock.SetTime(epoch.Add(time.Hour))
	if _, ok := w.Authenticate(kpi, newSecret(2).Reveal()); ok {
		t.Error("it authenticates after its end")
	}
	if _, ok := w.Client(kpi, id); ok {
		t.Error("a token's credential stands after its end")
	}
	if _, ok := w.Authenticate(kpi, newSecret(3).Reveal()); !ok {
		t.Error("the other one ended with it")
	}
}

func TestWhatEndsASelfHostedCredential(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.Application){
		"its entry is taken out":       func(app *v1alpha1.Application) { app.Spec.Versions[0].Verifiers = app.Spec.Versions[0].Verifiers[1:] },
		"its version is taken out":     func(app *v1alpha1.Application) { app.Spec.Versions = nil },
		"its version has another name": func(app *v1alpha1.Application) { app.Spec.Versions[0].Version = "1.1.0" },
		"the application is another":   func(app *v1alpha1.Application) { app.UID = laterUID },
		"it has no end":                func(app *v1alpha1.Application) { app.Spec.Versions[0].Verifiers[0].ExpirationTime = metav1.Time{} },
		"its hash cannot be read":      func(app *v1alpha1.Application) { app.Spec.Versions[0].Verifiers[0].SHA256 = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			w, app := selfHosted(t)
			edit(app)
			w.apply(app)
			if got, ok := w.Authenticate(kpi, newSecret(2).Reveal()); ok {
				t.Errorf("it authenticates as %+v", got)
			}
			if _, ok := w.Client(kpi, credential.SelfHostedID(newSecret(2).Hash())); ok {
				t.Error("a token's credential stands")
			}
		})
	}
}

func TestNoCredentialPosesAsAnother(t *testing.T) {
	w, app := selfHosted(t)
	app.Status.Versions[0].Verifiers[0].ID = credential.SelfHostedID(newSecret(9).Hash())
	w.apply(app)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("a verifier of the status authenticates under the id of one of the spec")
	}
	app.Spec.Versions[0].Verifiers[1].SHA256 = app.Spec.Versions[0].Verifiers[0].SHA256[:16] + newSecret(3).Hash().String()[16:]
	w.apply(app)
	if got := w.identify(versionKey{keyOf(app), "1.0.0"}); len(got.version.verifiers) != 1 {
		t.Errorf("two credentials have one id: %v", got.version.verifiers)
	}
}

func TestAFullVersionIsLookedAtInFull(t *testing.T) {
	w, app := selfHosted(t)
	verifiers := app.Status.Versions[0].Verifiers
	for i := range maxIssued {
		verifiers = append(verifiers, v1alpha1.Verifier{ID: fmt.Sprint("x", i), SHA256: newSecret(byte(10 + i)).Hash().String()})
	}
	app.Status.Versions[0].Verifiers = verifiers[1:]
	w.apply(app)
	for _, seed := range []byte{2, 3, 10, 10 + maxIssued - 1} {
		if _, ok := w.Authenticate(kpi, newSecret(seed).Reveal()); !ok {
			t.Errorf("secret %d is refused", seed)
		}
	}
}
