package signingkeys

import (
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
)

// SecretName is the name of the Secret with the signing keys.
const SecretName = "countersign-signing-keys"

const (
	// lookAgain is after how long the reconciler looks at what it wrote: what comes next counts from when it was there.
	lookAgain = time.Second
	// writeTimeout is what a write gets: a plan is made for its moment.
	writeTimeout = 10 * time.Second
)

// Deps is what a Reconciler works with.
type Deps struct {
	// Client reads and writes Secrets in Namespace.
	Client client.Client
	// Live reads from the API server: keys are changed only as it says that they are.
	Live      client.Reader
	Namespace string
	Schedule  Schedule
	// Algorithm is that of the standard face. That of the Insights Hub API is RS256.
	Algorithm keyset.Algorithm
	Clock     clock.PassiveClock
	// Rand is where keys come from: crypto/rand, but for tests.
	Rand   io.Reader
	Events events.EventRecorder
}

// Reconciler keeps the Secret with the signing keys there, and takes its keys through their lives.
type Reconciler struct{ Deps }

// New returns a Reconciler.
func New(deps Deps) *Reconciler { return &Reconciler{Deps: deps} }

// Key is the Secret that is reconciled.
func (r *Reconciler) Key() client.ObjectKey {
	return client.ObjectKey{Namespace: r.Namespace, Name: SecretName}
}

// Reconcile creates the Secret, or takes its key sets one step further, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, r.Key(), secret)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return reconcile.Result{}, fmt.Errorf("reading the signing keys: %w", err)
	}
	now := r.Clock.Now() // after the reading: what was read was written before
	if missing {
		secret = &corev1.Secret{Type: v1alpha1.SecretTypeSigningKeys}
		secret.Namespace, secret.Name = r.Namespace, SecretName
	} else if secret.Type != v1alpha1.SecretTypeSigningKeys {
		r.tell(ctx, secret, broken("type", "it has type %q, not %q: it is somebody else's and stays as it is; delete it, and the "+
			"signing keys take its place", secret.Type, v1alpha1.SecretTypeSigningKeys))
		return reconcile.Result{}, nil
	}
	pass, err := r.advance(secret, now)
	if err != nil {
		return reconcile.Result{}, err
	}
	if pass.changed {
		if err := r.write(ctx, secret, missing); apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			// Somebody was faster; what is there now is looked at afresh.
			return reconcile.Result{RequeueAfter: lookAgain}, nil
		} else if err != nil {
			return reconcile.Result{}, fmt.Errorf("writing the signing keys: %w", err)
		}
		pass.next = now.Add(lookAgain)
	}
	r.tell(ctx, secret, pass.steps...)
	return reconcile.Result{RequeueAfter: max(pass.next.Sub(now), lookAgain)}, nil
}

// write creates or updates the Secret, the latter only if it is still as it was read.
func (r *Reconciler) write(ctx context.Context, secret *corev1.Secret, missing bool) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if missing {
		return r.Client.Create(ctx, secret)
	}
	return r.Client.Update(ctx, secret)
}

// tell writes steps to the log and as events.
func (r *Reconciler) tell(ctx context.Context, secret *corev1.Secret, steps ...step) {
	for _, step := range steps {
		log.FromContext(ctx).Info("Signing keys", "secret", r.Key().String(), "reason", string(step.reason), "note", step.note)
		r.Events.Eventf(secret, nil, step.kind, string(step.reason), actionPrefix+step.about, "Secret %s: %s", SecretName, step.note)
	}
}
