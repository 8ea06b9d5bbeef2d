package kill

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const (
	// lag is how much later than the Secret's reader the token server may hear of a verifier, which is written before the Secret:
	// some milliseconds, on a machine that has nothing else to do.
	lag = 10 * time.Second
	// pause is how long the client of a running pod waits between two tokens.
	pause = 20 * time.Millisecond
)

// pod is one of an application that started with these credentials in its environment.
type pod struct{ application, id, secret string }

func podOf(secret *corev1.Secret) pod {
	return pod{
		secret.Annotations[v1alpha1.AnnotationApplication], string(secret.Data["CLIENT_ID"]), string(secret.Data["CLIENT_SECRET"]),
	}
}

// token asks the token server once.
func (p pod) token(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.id}, "client_secret": {p.secret}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, running.Issuer+"/oauth2/token", strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s (%w)", answer.Status, text, err)
	}
	return nil
}

// tokenWithin asks until there is a token, for so long at most.
func (p pod) tokenWithin(ctx context.Context, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(pause) {
		if err := p.token(ctx); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// watched is clients at work while operators come and go: one that starts a pod with whatever comes into a Secret, at once, and
// one for the pods that run already, which never stop to ask for tokens.
type watched struct {
	*fleet
	end   context.CancelFunc
	group sync.WaitGroup
	// seen are the client secrets that each application's Secret has had, in their order.
	seen map[string][]string
	// tokens is how many the running pods got.
	tokens int
	// latest is the longest that a new pod waited for its first token.
	latest time.Duration
}

// watch sets the clients to work until finish.
func (f *fleet) watch() *watched {
	f.Helper()
	ctx, end := context.WithCancel(f.Context())
	w := &watched{fleet: f, end: end, seen: map[string][]string{}}
	f.Cleanup(func() { w.end(); w.group.Wait() })
	for name, secret := range f.secrets() {
		w.seen[name] = []string{podOf(secret).secret}
	}
	events, err := platform.Watch(ctx, &corev1.SecretList{}, client.InNamespace(f.host))
	must(f.T, err)
	w.group.Go(func() { w.follow(ctx, events) })
	w.group.Go(func() { w.keepAsking(ctx, slices.Clone(f.pods)) })
	return w
}

// finish ends the clients, and fails where a Secret has not had exactly one new client secret since they began.
func (w *watched) finish() {
	w.Helper()
	w.end()
	w.group.Wait()
	for application, secrets := range w.seen {
		if len(secrets) != 2 {
			w.Errorf("%s: its Secret has had %d different client secrets", application, len(secrets))
		}
	}
	w.Logf("running pods got %d tokens, new ones their first after %s at most", w.tokens, w.latest)
}

func (w *watched) follow(ctx context.Context, events watch.Interface) {
	defer events.Stop()
	for event := range events.ResultChan() {
		secret, ok := event.Object.(*corev1.Secret)
		if ctx.Err() != nil {
			return
		}
		if !ok || event.Type == watch.Deleted {
			w.Errorf("a Secret's event is %s: %v", event.Type, event.Object)
			return
		}
		fresh := podOf(secret)
		if slices.Contains(w.seen[fresh.application], fresh.secret) {
			continue
		}
		came := time.Now()
		w.seen[fresh.application] = append(w.seen[fresh.application], fresh.secret)
		app := &v1alpha1.Application{}
		if err := platform.Get(ctx, client.ObjectKey{Namespace: w.host, Name: fresh.application}, app); err != nil {
			w.Error(err)
			return
		}
		if listed(app, fresh.secret) == nil {
			w.Errorf("%s: a Secret came whose content is not in status", fresh.application)
		}
		if err := fresh.tokenWithin(ctx, lag); err != nil {
			w.Errorf("%s: a pod that started with what had just come: %v", fresh.application, err)
		}
		w.latest = max(w.latest, time.Since(came))
	}
	if ctx.Err() == nil {
		w.Error("the watch of Secrets has ended")
	}
}

func (w *watched) keepAsking(ctx context.Context, pods []pod) {
	for ; ; w.tokens++ {
		p := pods[w.tokens%len(pods)]
		if err := p.token(ctx); ctx.Err() != nil {
			return
		} else if err != nil {
			w.Errorf("%s: a pod that runs, while the operator comes or goes: %v", p.application, err)
			return
		}
		time.Sleep(pause)
	}
}
