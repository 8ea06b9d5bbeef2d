package flow

import (
	"crypto/rand"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

func TestALostStatusIsRebuiltAndAnEditedSecretIsReplaced(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
	old := w.form("1.0.0", w.user)
	before := w.object("1.0.0")
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := platform.Get(w.ctx, client.ObjectKeyFromObject(w.app), w.app); err != nil {
			return err
		}
		w.app.Status = v1alpha1.ApplicationStatus{}
		return platform.Status().Update(w.ctx, w.app)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.eventually("status has the verifier again", func() bool {
		if err := platform.Get(w.ctx, client.ObjectKeyFromObject(w.app), w.app); err != nil {
			t.Fatal(err)
		}
		versions := w.app.Status.Versions
		return len(versions) > 0 && len(versions[0].Verifiers) == 1 &&
			versions[0].Verifiers[0].ID == before.Annotations[v1alpha1.AnnotationCredentialID]
	})
	w.eventually("pods go on", func() bool { return w.status(old) == http.StatusOK })
	if now := w.object("1.0.0"); now.ResourceVersion != before.ResourceVersion {
		t.Error("the Secret was written")
	}

	foreign, err := credential.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	before.Data["CLIENT_SECRET"] = []byte(foreign.Reveal())
	if err := platform.Update(w.ctx, before); err != nil {
		t.Fatal(err)
	}
	w.eventually("it has a new credential, which works", func() bool {
		now := w.secret("1.0.0")["CLIENT_SECRET"]
		return now != foreign.Reveal() && w.status(w.form("1.0.0", w.user)) == http.StatusOK
	})
	if got := w.status(w.form("1.0.0", w.user, "client_secret", foreign.Reveal())); got != http.StatusUnauthorized {
		t.Errorf("what somebody wrote there: %d", got)
	}
	if got := w.status(old); got != http.StatusOK {
		t.Errorf("the old secret in its overlap: %d", got)
	}
}

// object returns a version's Secret.
func (w *tenancy) object(version string) *corev1.Secret {
	w.Helper()
	secret := &corev1.Secret{}
	if err := platform.Get(w.ctx, client.ObjectKey{Namespace: w.host, Name: "kpi." + version}, secret); err != nil {
		w.Fatal(err)
	}
	return secret
}
