package signingkeys

import (
	"context"
	"errors"
	"fmt"
	"io"

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

// Reasons of events on the Secret. They are API.
const (
	eventCreated = "SigningKeysCreated"
	eventBroken  = "SigningKeysBroken"

	actionCreate = "Create"
	actionRead   = "Read"
)

// sets are the files of the Secret and the algorithm of the key that each begins with. The two share no key (RFC 8725
// section 3.12).
var sets = []struct {
	file      string
	algorithm keyset.Algorithm
}{
	{keyset.StandardFile, keyset.ES256},
	{keyset.InsightsHubFile, keyset.RS256},
}

// Deps is what a Reconciler works with.
type Deps struct {
	// Client reads and writes Secrets in Namespace.
	Client client.Client
	// Live reads from the API server: keys are made only where it says that there are none.
	Live      client.Reader
	Namespace string
	Clock     clock.PassiveClock
	// Rand is where keys come from: crypto/rand, but for tests.
	Rand   io.Reader
	Events events.EventRecorder
}

// Reconciler keeps the Secret with the signing keys there.
type Reconciler struct{ Deps }

// New returns a Reconciler.
func New(deps Deps) *Reconciler { return &Reconciler{Deps: deps} }

// Key is the Secret that is reconciled.
func (r *Reconciler) Key() client.ObjectKey {
	return client.ObjectKey{Namespace: r.Namespace, Name: SecretName}
}

// Reconcile creates the Secret, or the key sets that are missing in it. A set that cannot be read is left as it is and told
// of: tokens in hand may still be verified by what a token server has read of it, and only a person can know.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, r.Key(), secret)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return reconcile.Result{}, fmt.Errorf("reading the signing keys: %w", err)
	}
	if missing {
		secret = &corev1.Secret{Type: v1alpha1.SecretTypeSigningKeys}
		secret.Namespace, secret.Name = r.Namespace, SecretName
	} else if secret.Type != v1alpha1.SecretTypeSigningKeys {
		r.complain(ctx, secret, fmt.Sprintf("it has type %q, not %q: it is somebody else's and stays as it is; delete it, "+
			"and the signing keys take its place", secret.Type, v1alpha1.SecretTypeSigningKeys))
		return reconcile.Result{}, nil
	}
	made, err := r.complete(ctx, secret)
	if err != nil || len(made) == 0 {
		return reconcile.Result{}, err
	}
	write := func() error { return r.Client.Update(ctx, secret) }
	if missing {
		write = func() error { return r.Client.Create(ctx, secret) }
	}
	err = write()
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		// Another operator was faster; its keys are as good.
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("writing the signing keys: %w", err)
	}
	log.FromContext(ctx).Info("Created signing keys", "secret", r.Key().String(), "files", made)
	r.Events.Eventf(secret, nil, corev1.EventTypeNormal, eventCreated, actionCreate, "created the key sets %v", made)
	return reconcile.Result{}, nil
}

// complete makes the key sets that the Secret lacks, and returns their files.
func (r *Reconciler) complete(ctx context.Context, secret *corev1.Secret) ([]string, error) {
	var made []string
	for _, set := range sets {
		if data, found := secret.Data[set.file]; found {
			if _, err := keyset.Parse(data); err != nil {
				r.complain(ctx, secret, fmt.Sprintf("its file %s is no key set (%v): it stays as it is, and token servers go on "+
					"with what they have; restore it, or delete the file to get a new set that no token in hand verifies with",
					set.file, err))
			}
			continue
		}
		key, err := keyset.Generate(set.algorithm, r.Clock.Now(), r.Rand)
		if err != nil {
			return nil, err
		}
		data, err := keyset.Set{Keys: []keyset.Key{key}}.Marshal()
		if err != nil {
			return nil, err
		}
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data[set.file] = data
		made = append(made, set.file)
	}
	return made, nil
}

func (r *Reconciler) complain(ctx context.Context, secret *corev1.Secret, problem string) {
	log.FromContext(ctx).Error(errors.New(problem), "Signing keys are broken", "secret", r.Key().String())
	r.Events.Eventf(secret, nil, corev1.EventTypeWarning, eventBroken, actionRead, "Secret %s: %s", SecretName, problem)
}
