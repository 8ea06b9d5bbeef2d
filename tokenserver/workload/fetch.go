package workload

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// Where every API server publishes whose tokens its ServiceAccounts have, whatever issuer they name: the ClusterRole
// system:service-account-issuer-discovery gives these two paths and nothing else.
const (
	pathDiscovery = "/.well-known/openid-configuration"
	pathKeys      = "/openid/v1/jwks"
)

const (
	// refreshInterval is how soon a key that the cluster took back is known, while the API server answers.
	refreshInterval = 5 * time.Minute
	// retryInterval is how soon what failed is tried again.
	retryInterval = 10 * time.Second
	// maxAge is how long keys count that could not be fetched again: blind means closed. It is longer than an API server is
	// away for an upgrade; a view of the cluster that is older than is allowed refuses everybody long before.
	maxAge = time.Hour
	// unknownKeyInterval is how often, at most, a key id that nobody knows has the keys fetched at once.
	unknownKeyInterval = 30 * time.Second
	// fetchTimeout bounds one attempt.
	fetchTimeout = 10 * time.Second
	// acceptJSON has every type that the two documents come in.
	acceptJSON = "application/json, application/jwk-set+json"
)

// Run fetches the cluster's keys now and again until the context ends, and returns nil then. That they cannot be had is no
// error: it stands in the log, and it is tried again.
func (v *Verifier) Run(ctx context.Context) error {
	for {
		next := refreshInterval
		if err := v.Refresh(ctx); err != nil {
			next = retryInterval
		}
		timer := v.deps.Clock.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		case <-v.wake:
			timer.Stop()
		}
	}
}

// Refresh fetches the keys now. What fails leaves those held in use, and is logged when it begins and when it ends. It is not
// safe for concurrent use.
func (v *Verifier) Refresh(ctx context.Context) error {
	fetched, err := v.fetch(ctx)
	known := v.problem
	v.problem = ""
	if err != nil {
		v.problem = err.Error()
		if v.problem != known && ctx.Err() == nil {
			v.deps.Log.Error("Cannot fetch the cluster's keys, ServiceAccount tokens are verified by those held", "err", v.problem)
		}
		return err
	}
	if held := v.held.Swap(fetched); held == nil || known != "" {
		v.deps.Log.Info("Fetched the cluster's keys", "issuer", fetched.issuer, "keys", len(fetched.byID))
	}
	return nil
}

func (v *Verifier) fetch(ctx context.Context) (*keys, error) {
	client, err := discovery.NewDiscoveryClientForConfig(v.deps.Config)
	if err != nil {
		return nil, fmt.Errorf("configuring the client of the cluster's discovery: %w", err)
	}
	from := client.RESTClient()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	// As of when the request began: what is taken back while it is answered may still be in it.
	asOf := v.deps.Clock.Now()
	document, err := get(ctx, from, pathDiscovery)
	if err != nil {
		return nil, fmt.Errorf("fetching the cluster's discovery document: %w", err)
	}
	issuer, err := parseIssuer(document)
	if err != nil {
		return nil, err
	}
	if document, err = get(ctx, from, pathKeys); err != nil {
		return nil, fmt.Errorf("fetching the cluster's keys: %w", err)
	}
	byID, err := parseKeys(document)
	if err != nil {
		return nil, err
	}
	return &keys{issuer: issuer, byID: byID, asOf: asOf}, nil
}

// get reads a document, once: Run tries again by itself.
func get(ctx context.Context, from rest.Interface, path string) ([]byte, error) {
	return from.Get().AbsPath(path).SetHeader("Accept", acceptJSON).MaxRetries(0).Do(ctx).Raw()
}

// current returns the keys by which tokens are verified now, or nil when there are none that still count.
func (v *Verifier) current() *keys {
	held := v.held.Load()
	if held == nil || v.deps.Clock.Since(held.asOf) > maxAge {
		return nil
	}
	return held
}

// miss asks for the keys, since one was named that is not among them: the cluster may have a new one. Who names one that there
// never was must not be able to have them fetched all the time.
func (v *Verifier) miss() {
	if !v.unknown.AllowN(v.deps.Clock.Now(), 1) {
		return
	}
	select {
	case v.wake <- struct{}{}:
	default: // it is asked already
	}
}
