//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

// audience is that of config/levels.
const audience = "https://api.example.com"

// verify fails the test where the token is not what an API takes: signed by a published key, for the tenant that granted it.
func (s *scene) verify(got answer) {
	s.Helper()
	if got.Status != http.StatusOK {
		s.Fatalf("the application got %+v", got)
	}
	ctx := oidc.ClientContext(context.Background(), tokenServer.client)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		s.Fatal(err)
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: audience}).Verify(ctx, got.Body.AccessToken)
	if err != nil {
		s.Fatal(err)
	}
	var claims struct {
		Tenant string `json:"tenant"`
		Scope  string `json:"scope"`
	}
	if err := token.Claims(&claims); err != nil {
		s.Fatal(err)
	}
	if claims.Tenant != s.user || claims.Scope != "assets:read" {
		s.Errorf("the token is for %+v", claims)
	}
}

func TestAPodWithTheSecretAsItsEnvironmentGetsATokenUntilTheApplicationIsDeleted(t *testing.T) {
	s := newScene(t, nil)
	pod := s.start("app", nil, fromSecret(s.podSpec()))
	s.verify(s.token(pod))

	if err := platform.Delete(t.Context(), s.app); err != nil {
		t.Fatal(err)
	}
	deleted := time.Now()
	for s.token(pod).Status == http.StatusOK { // each token server hears of it by itself
		if time.Since(deleted) > 5*time.Second {
			t.Fatal("5 s after the deletion of the Application its pod gets tokens")
		}
		time.Sleep(50 * time.Millisecond) // no faster than a client may
	}
	for range 20 { // each asks one of the two
		if got := s.token(pod); got.Status != http.StatusUnauthorized || got.Body.Error != "invalid_client" {
			t.Fatalf("after the deletion of the Application its pod got %+v", got)
		}
	}
}

func TestAPodThatIsThereBeforeItsApplicationWaitsForItsCredentials(t *testing.T) {
	s := newTenants(t)
	s.create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: "early"}, Spec: fromSecret(s.podSpec())})
	eventually(t, "the pod waits for its Secret", func() error {
		pod := &corev1.Pod{}
		s.get("early", pod)
		for _, status := range pod.Status.ContainerStatuses {
			if waiting := status.State.Waiting; waiting != nil && waiting.Reason == "CreateContainerConfigError" {
				return nil
			}
		}
		return fmt.Errorf("it is %+v", pod.Status.ContainerStatuses)
	})
	s.register(nil)
	s.verify(s.token(s.ready("early")))
}

func TestAPodGetsATokenByItsServiceAccountAlone(t *testing.T) {
	s := newScene(t, func(version *v1alpha1.ApplicationVersion) {
		version.ServiceAccounts = []v1alpha1.LocalServiceAccount{{Name: "kpi"}}
	})
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: "kpi"}})
	pod := s.start("app", nil, s.projecting("kpi"))
	if secret, found := s.environment(pod)["CLIENT_SECRET"]; found {
		t.Fatalf("the pod has a client secret: %s", secret)
	}
	s.verify(s.token(pod))

	another := "another"
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: another}})
	pod = s.start("other", nil, s.projecting(another))
	if got := s.token(pod); got.Status != http.StatusUnauthorized {
		t.Errorf("a pod of a ServiceAccount that the version does not list got %+v", got)
	}
}

// projecting is a pod as in docs/secretless.md.
func (s *scene) projecting(account string) corev1.PodSpec {
	spec := s.podSpec()
	spec.ServiceAccountName = account
	container := &spec.Containers[0]
	container.Env = slices.Concat(container.Env, []corev1.EnvVar{
		{Name: "TOKEN_URL", Value: issuer + "/oauth2/token"},
		{Name: "CLIENT_ASSERTION_FILE", Value: "/var/run/secrets/countersign/token"},
		{Name: "CLIENT_ID", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secretName}, Key: "CLIENT_ID",
		}}},
	})
	container.VolumeMounts = append(container.VolumeMounts,
		corev1.VolumeMount{Name: "countersign", MountPath: "/var/run/secrets/countersign", ReadOnly: true})
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "countersign", VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
			ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Path: "token", Audience: issuer, ExpirationSeconds: new(int64(3600)),
			},
		}}},
	}})
	return spec
}
