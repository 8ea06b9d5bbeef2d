package flow

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// A secret works beside the one that took its place, until somebody revokes it; then an application that moved out of the
// cluster brings one of its own.
func TestASecretIsRotatedRevokedAndBroughtFromOutside(t *testing.T) {
	t.Parallel()
	w := newTenancy(t, v1alpha1.EnvironmentStandard)
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
	replaced := func(former string) func() bool {
		return func() bool {
			data := w.secret("1.0.0")
			return data != nil && data["CLIENT_SECRET"] != former
		}
	}
	_, first := w.credentials("1.0.0")
	withFirst := w.form("1.0.0", w.user)
	edit(func(a *v1alpha1.Application) {
		metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.AnnotationRotate, "1.0.0=friday")
	})
	w.eventually("the version has another secret", replaced(first))
	_, second := w.credentials("1.0.0")
	withSecond := w.form("1.0.0", w.user)
	w.eventually("it works", func() bool { return w.status(withSecond) == http.StatusOK })
	if got := w.status(withFirst); got != http.StatusOK {
		t.Errorf("the former one in its overlap: %d", got)
	}

	edit(func(a *v1alpha1.Application) {
		metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.AnnotationRotateAndRevoke, "1.0.0=leaked")
	})
	w.eventually("the version has a third secret", replaced(second))
	w.eventually("both former ones are refused", func() bool {
		return w.status(withFirst) == http.StatusUnauthorized && w.status(withSecond) == http.StatusUnauthorized
	})
	w.eventually("the third works", func() bool { return w.status(w.form("1.0.0", w.user)) == http.StatusOK })

	own, err := credential.NewSelfHosted(rand.Reader, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	withOwn := w.form("1.0.0", w.user, "client_secret", own.Secret.Reveal())
	if got := w.status(withOwn); got != http.StatusUnauthorized {
		t.Errorf("a secret that nobody knows: %d", got)
	}
	edit(func(a *v1alpha1.Application) {
		a.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{{
			SHA256: own.Secret.Hash().String(), ExpirationTime: metav1.NewTime(own.Expires),
		}}
	})
	w.eventually("the application's own secret works", func() bool { return w.status(withOwn) == http.StatusOK })
	w.eventually("no Secret is kept for it", func() bool { return w.secret("1.0.0") == nil })
}
