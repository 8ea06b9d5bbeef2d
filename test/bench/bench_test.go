package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

const (
	// host is the tenant that hosts every application, and its namespace.
	host = "bench"
	// patience is how long anything may take before a benchmark fails.
	patience = time.Minute
)

var applications = flag.Int("applications", 1000, "how many applications BenchmarkIdle keeps")

// cluster is the running programs, with one host, and a watch on its Secrets.
type cluster struct {
	client.WithWatch
	stack *stack.Stack

	mu   sync.Mutex
	wait map[string]chan *corev1.Secret
}

// start runs all of Countersign until the benchmark ends.
func start(b *testing.B) *cluster {
	b.Helper()
	running, err := stack.Launch(context.Background(), stack.Config{Levels: true})
	must(b, err)
	b.Cleanup(func() { must(b, running.Stop()) })
	scheme := runtime.NewScheme()
	must(b, errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)))
	config := *running.Admin
	config.QPS = -1
	platform, err := client.NewWithWatch(&config, client.Options{Scheme: scheme})
	must(b, err)
	c := &cluster{WithWatch: platform, stack: running, wait: map[string]chan *corev1.Secret{}}
	must(b, c.Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: host}}))
	must(b, c.Create(b.Context(), &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: host},
		Spec: v1alpha1.TenantSpec{
			Namespace: host, Hosting: &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}},
		},
	}))
	events, err := c.Watch(b.Context(), &corev1.SecretList{}, client.InNamespace(host))
	must(b, err)
	b.Cleanup(events.Stop)
	go c.follow(events)
	return c
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// follow hands each Secret that comes to whoever waits for it.
func (c *cluster) follow(events watch.Interface) {
	for event := range events.ResultChan() {
		secret, ok := event.Object.(*corev1.Secret)
		if !ok || event.Type == watch.Deleted {
			continue
		}
		c.mu.Lock()
		waiting := c.wait[secret.Name]
		c.mu.Unlock()
		if waiting != nil {
			waiting <- secret
		}
	}
}

// next returns the Secret of that name that comes after do.
func (c *cluster) next(b *testing.B, name string, do func() error) *corev1.Secret {
	b.Helper()
	comes := make(chan *corev1.Secret, 16)
	c.mu.Lock()
	c.wait[name] = comes
	c.mu.Unlock()
	must(b, do())
	select {
	case secret := <-comes:
		c.mu.Lock()
		delete(c.wait, name)
		c.mu.Unlock()
		return secret
	case <-time.After(patience):
		b.Fatalf("Secret %s did not come", name)
		return nil
	}
}

func application(i int) *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: host, Name: fmt.Sprintf("app-%d", i)},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Versions:        []v1alpha1.ApplicationVersion{{Version: "1.0.0", Access: &v1alpha1.Access{Level: "limited"}}},
		},
	}
}

// token asks until there is a token, as a pod does that starts with this Secret, and returns how often it was refused.
func (c *cluster) token(b *testing.B, secret *corev1.Secret) (refused int) {
	b.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {string(secret.Data["CLIENT_ID"])},
		"client_secret": {string(secret.Data["CLIENT_SECRET"])},
	}.Encode()
	for end := time.Now().Add(patience); time.Now().Before(end); refused++ {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, c.stack.Issuer+"/oauth2/token", strings.NewReader(form))
		must(b, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(request)
		must(b, err)
		must(b, response.Body.Close())
		if response.StatusCode == http.StatusOK {
			return refused
		}
	}
	b.Fatal("there is no token")
	return 0
}

// BenchmarkFirstToken is the time from the creation of an Application to its first token, by one who waits for the Secret with a
// watch, as a kubelet does.
func BenchmarkFirstToken(b *testing.B) {
	c := start(b)
	times, refused := make([]time.Duration, 0, b.N), 0
	b.ResetTimer()
	for i := range b.N {
		from := time.Now()
		app := application(i)
		secret := c.next(b, app.Name+".1.0.0", func() error { return c.Create(b.Context(), app) })
		refused += c.token(b, secret)
		times = append(times, time.Since(from))
	}
	report(b, times)
	b.ReportMetric(float64(refused), "refusals-of-new-secrets")
}

// BenchmarkRepair is the time from the deletion of a Secret to a token with the one that takes its place.
func BenchmarkRepair(b *testing.B) {
	c := start(b)
	keys := make([]client.ObjectKey, 0, b.N)
	for i := range b.N { // each once: a Secret that is lost again and again is repaired after pauses
		app := application(i)
		secret := c.next(b, app.Name+".1.0.0", func() error { return c.Create(b.Context(), app) })
		keys = append(keys, client.ObjectKeyFromObject(secret))
	}
	times, refused := make([]time.Duration, 0, b.N), 0
	b.ResetTimer()
	for _, key := range keys {
		from := time.Now()
		secret := c.next(b, key.Name, func() error {
			return c.Delete(b.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})
		})
		refused += c.token(b, secret)
		times = append(times, time.Since(from))
	}
	report(b, times)
	b.ReportMetric(float64(refused), "refusals-of-new-secrets")
}

// report says the median and the ninety-ninth percentile in milliseconds.
func report(b *testing.B, times []time.Duration) {
	b.Helper()
	slices.Sort(times)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
		at := times[int(share*float64(len(times)-1))]
		b.ReportMetric(float64(at.Microseconds())/1000, name)
	}
}
