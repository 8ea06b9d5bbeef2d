package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// settling is how long a new certificate stands in the bundle before it is shown, so that every API server has seen it. One
// that has not refuses a pod, whose controller tries again.
const settling = 5 * time.Second

// Deps is what a Keeper works with.
type Deps struct {
	// Client reads and writes the webhook's configuration.
	Client client.Client
	Clock  clock.PassiveClock
	// Configuration is the name of the MutatingWebhookConfiguration whose caBundles are kept.
	Configuration string
	// Owner is the name of this replica: a pod's. One that restarts under its name takes its old certificate out, once: another
	// replica may have the same name, and puts its own in again.
	Owner string
	// Names are the host names at which the API server reaches the webhook.
	Names []string
}

// Keeper keeps this replica's certificate in the webhook's configuration, and renews it. Every replica has one, and none
// leads: each writes what is its own, with an optimistic lock.
type Keeper struct {
	Deps
	// shown is what the server shows. next stands in the bundle since published, and is shown next. former was shown before.
	// Reconcile alone writes them.
	shown        atomic.Pointer[pair]
	next, former *pair
	published    time.Time
	// succeeded is whether what this replica left in the bundle before it restarted has been taken out.
	succeeded bool
}

// NewKeeper returns a Keeper that has no certificate yet.
func NewKeeper(deps Deps) *Keeper { return &Keeper{Deps: deps} }

var _ reconcile.Reconciler = (*Keeper)(nil)

// Reconcile makes a certificate where there is none or the one that is shown has come of age, brings it into the bundle, and
// shows it once all API servers know it.
func (k *Keeper) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	now := k.Clock.Now()
	shown := k.shown.Load()
	if k.next == nil && (shown == nil || !now.Before(renewalOf(shown))) {
		next, err := newPair(k.Owner, k.Names, now)
		if err != nil {
			return reconcile.Result{}, err
		}
		k.next, k.published = next, time.Time{}
	}
	changed, err := k.publish(ctx, now)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: time.Second}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	if k.next == nil {
		return reconcile.Result{RequeueAfter: renewalOf(shown).Sub(now)}, nil
	}
	if changed || k.published.IsZero() {
		k.published = now
	}
	if wait := k.published.Add(settling).Sub(now); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	k.next, k.former = nil, k.shown.Swap(k.next)
	// The former certificate leaves the bundle with the next look: nobody sees it any more.
	return reconcile.Result{RequeueAfter: settling}, nil
}

func renewalOf(p *pair) time.Time { return p.until.Add(renewal - lifetime) }

// publish brings the certificates that are shown, or are to be, into every webhook of the configuration, and reports whether
// it had to.
func (k *Keeper) publish(ctx context.Context, now time.Time) (bool, error) {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := k.Client.Get(ctx, client.ObjectKey{Name: k.Configuration}, configuration); err != nil {
		return false, fmt.Errorf("reading the webhook's configuration: %w", err)
	}
	own := k.mine()
	changed := false
	for i := range configuration.Webhooks {
		config := &configuration.Webhooks[i].ClientConfig
		bundle := bundleWith(config.CABundle, own, now)
		changed = changed || !bytes.Equal(bundle, config.CABundle)
		config.CABundle = bundle
	}
	if changed {
		if err := k.Client.Update(ctx, configuration); err != nil {
			return false, fmt.Errorf("writing the webhook's configuration: %w", err)
		}
	}
	k.succeeded = true
	return changed, nil
}

// mine is what this replica has to do with a bundle now.
func (k *Keeper) mine() mine {
	var m mine
	for _, p := range []*pair{k.shown.Load(), k.next} {
		if p != nil {
			m.certificates = append(m.certificates, p.pem)
		}
	}
	if k.former != nil {
		m.retired = k.former.pem
	}
	if !k.succeeded {
		m.predecessor = k.Owner
	}
	return m
}

// errNoCertificate is what a handshake before the first certificate fails with.
var errNoCertificate = errors.New("the certificate is not in the webhook's configuration yet")

// Certificate returns what to show in a handshake: for tls.Config.GetCertificate.
func (k *Keeper) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	shown := k.shown.Load()
	if shown == nil {
		return nil, errNoCertificate
	}
	return &shown.serving, nil
}

// Ready fails until there is a certificate that the API servers know: for a healthz.Checker.
func (k *Keeper) Ready(*http.Request) error {
	if k.shown.Load() == nil {
		return errNoCertificate
	}
	return nil
}
