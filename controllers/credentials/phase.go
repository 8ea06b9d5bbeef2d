package credentials

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// Deps is what a Phase works with.
type Deps struct {
	// Client reads from a cache and writes to the API server. The cache needs no Secrets but those of the type
	// v1alpha1.SecretTypeCredentials, and has to index them by FieldApplication.
	Client client.Client
	// Live reads from the API server. Every write is planned on what it says.
	Live client.Reader
	// Clock tells the time of issues and ends.
	Clock clock.PassiveClock
	// Rand is where secrets come from: crypto/rand, but for tests.
	Rand io.Reader
	// Issuer is the token server's issuer (RFC 8414), without a trailing slash. Pods find it in their environment.
	Issuer string
	// Events tells people what happened to an application's credentials.
	Events events.EventRecorder
}

// Phase brings the credentials of applications in order.
type Phase struct {
	Deps
	expirations *expirations
	mends       *mends
	refusals    *refusals
	ends        *endings
}

// New returns a Phase.
func New(deps Deps) *Phase {
	return &Phase{Deps: deps, expirations: newExpirations(deps.Clock), mends: newMends(), refusals: newRefusals(), ends: newEndings()}
}

// Metrics are those of the applications that it reconciled (docs/metrics.md).
func (p *Phase) Metrics() prometheus.Collector { return p.expirations }

// Reconcile brings the credentials of every version of the application in order, and rebuilds app.Status.Versions in spec's
// order: all but the condition Effective, and conditions that it does not know. Of the application's own status it sets the
// binding, and the conditions Bound, RotationPending and CredentialExpiring.
//
// App is a copy of its own, as a cache has it, and standing what the caller judged of that. Where a verifier is new, or
// credentials are revoked, that is written to the API server before any Secret, and app then carries the newest
// resourceVersion; the rest of the status is the caller's to write, also after an error, unless that error is a Conflict:
// then app is out of date, and a retry reads anew.
//
// The duration says when there is something to do without anybody's change; zero: never.
func (p *Phase) Reconcile(ctx context.Context, app *v1alpha1.Application, standing Standing) (time.Duration, error) {
	secrets, err := p.cachedSecrets(ctx, client.ObjectKeyFromObject(app))
	if err != nil {
		return 0, err
	}
	r := p.think(app, standing, secrets)
	if r.looksLive() {
		judged := app.Generation
		if err := p.refresh(ctx, app); err != nil {
			return 0, err
		}
		if err := standing.outdated(app, judged); err != nil {
			return 0, err
		}
		r = p.think(app, standing, secrets) // of what the application says now, so that no Secret it concerns is left out
		if err := p.lookUp(ctx, app, r, secrets); err != nil {
			return 0, err
		}
		r = p.think(app, standing, secrets)
		if err := p.act(ctx, app, r); err != nil {
			return 0, err
		}
	}
	r.settle(app)
	p.report(app, r)
	p.expirations.set(client.ObjectKeyFromObject(app), r)
	return r.requeueAfter(), r.err()
}

// Remove deletes the Secrets of an Application of that name which is absent: not there, or being deleted, whatever
// finalizers hold it.
func (p *Phase) Remove(ctx context.Context, key types.NamespacedName) error {
	p.expirations.set(key, nil)
	p.ends.forget(key)
	secrets, err := p.cachedSecrets(ctx, key)
	if err != nil || len(secrets) == 0 {
		return err
	}
	app := &v1alpha1.Application{}
	if err := p.Live.Get(ctx, key, app); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the application before removing its secrets: %w", err)
	}
	living := app.UID
	if app.DeletionTimestamp != nil {
		living = ""
	}
	for _, secret := range secrets {
		if isOrphan(secret, key.Name, living) {
			p.mends.forget(client.ObjectKeyFromObject(secret))
			p.refusals.forget(client.ObjectKeyFromObject(secret))
			if err := p.remove(ctx, secret); err != nil {
				return err
			}
		}
	}
	return nil
}

// cachedSecrets returns the Secrets that say that they are for the application, by name. They are shared with the cache.
func (p *Phase) cachedSecrets(ctx context.Context, key types.NamespacedName) (map[string]*corev1.Secret, error) {
	list := &corev1.SecretList{}
	named := client.MatchingFields{FieldApplication: key.Name}
	if err := p.Client.List(ctx, list, client.InNamespace(key.Namespace), named, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing secrets: %w", err)
	}
	secrets := map[string]*corev1.Secret{}
	for i := range list.Items {
		if of, ok := ApplicationOf(&list.Items[i]); ok && of == key {
			secrets[list.Items[i].Name] = &list.Items[i]
		}
	}
	return secrets, nil
}

// refresh reads the application anew. One that was replaced or deleted since is a Conflict: there will be an event for it.
func (p *Phase) refresh(ctx context.Context, app *v1alpha1.Application) error {
	live := &v1alpha1.Application{}
	err := p.Live.Get(ctx, client.ObjectKeyFromObject(app), live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the application before a write: %w", err)
	}
	if err != nil || live.UID != app.UID || live.DeletionTimestamp != nil {
		return conflict(app, "it was deleted while its credentials were reconciled")
	}
	live.DeepCopyInto(app)
	return nil
}

// lookUp reads anew the Secrets of those versions for which there is something to do.
func (p *Phase) lookUp(
	ctx context.Context, app *v1alpha1.Application, r *round, secrets map[string]*corev1.Secret,
) error {
	var names []string
	for _, s := range r.steps {
		if s.looksLive() {
			names = append(append(names, s.name), s.formerNames()...)
		}
	}
	if app.Spec.CredentialPolicy.BindingVersion != "" {
		names = append(names, bindingName(app.Name))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		secret := &corev1.Secret{}
		err := p.Live.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, secret)
		switch {
		case apierrors.IsNotFound(err):
			delete(secrets, name)
		case err != nil:
			return fmt.Errorf("reading secret %s before a write: %w", name, err)
		default:
			secrets[name] = secret
		}
	}
	return nil
}
