//go:build e2e

package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestARolloutOfTheInjectorRefusesNoPod(t *testing.T) {
	s := newScene(t, nil)
	created, ctx, stop := make(chan []string), t.Context(), make(chan struct{})
	go func() { created <- s.createAgainAndAgain(ctx, stop) }()

	kubectl(t, "rollout", "restart", "-n", countersign, "deployment/countersign-injector")
	kubectl(t, "rollout", "status", "-n", countersign, "--timeout=180s", "deployment/countersign-injector")
	close(stop)
	if refused := <-created; len(refused) > 0 {
		t.Errorf("%d times a pod was refused: %v", len(refused), refused[:min(3, len(refused))])
	}
}

// createAgainAndAgain creates labelled pods, as far as the API server and the injector are concerned, and returns why some
// were refused, or came without a credential. The API server keeps its connection for as long as it can: another API server
// would make a new one, hence the second try.
func (s *scene) createAgainAndAgain(ctx context.Context, stop <-chan struct{}) []string {
	var refused []string
	service := &corev1.Service{}
	if err := platform.Get(ctx, client.ObjectKey{Namespace: countersign, Name: "countersign-injector"}, service); err != nil {
		return []string{err.Error()}
	}
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return refused
		case <-ticker.C:
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: "tried", Labels: labelled}, Spec: s.podSpec()}
		switch err := platform.Create(ctx, pod, client.DryRunAll); {
		case err != nil:
			refused = append(refused, err.Error())
		case len(pod.Spec.Containers[0].Env) < 2:
			refused = append(refused, "it has no credentials")
		}
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(service.Spec.ClusterIP, "443"))
		if err != nil {
			refused = append(refused, err.Error())
			continue
		}
		_ = connection.Close() // it was for having it
	}
}
