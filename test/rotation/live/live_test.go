package live

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/golang-jwt/jwt/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
	"countersign.dev/test/stack"
)

const (
	// patience is how long a change may take to arrive, on a machine that has other things to do.
	patience = 60 * time.Second
	// rotations is how many the clients live through.
	rotations = 2
	tenant    = "operator-co"
	app       = "kpi"
	version   = "1.0.0"
)

// seconds is a schedule that can be watched. As by default, copies are kept for longer than a Secret takes to arrive.
var seconds = []string{
	"--signing-key-rotation=9s", "--signing-key-wait=9s", "--signing-key-delivery=4s", "--jwks-max-age=5s", "--signing-key-retention=6s",
}

// live is a running Countersign with one application, and what was seen of its keys.
type live struct {
	*testing.T
	stack      *stack.Stack
	platform   client.Client
	id, secret string

	mutex sync.Mutex
	// switches are when each key began to sign, as the Secret has it.
	switches map[string]time.Time
}

// The clients are as careless as they may be: none asks for keys before what it holds may be kept no longer, not even for a
// key that it does not know.
func TestClientsThatKeepKeysAsLongAsTheyMayLiveThroughRotations(t *testing.T) {
	l := start(t)
	var group sync.WaitGroup
	for _, face := range []*verifier{
		{live: l, name: "standard", keys: "/.well-known/jwks.json", token: l.standardToken},
		{live: l, name: "v3, by kid", keys: "/token_keys", token: l.hubToken},
		{live: l, name: "v3, by keys[0]", keys: "/token_keys", token: l.hubToken, firstAlone: true},
	} {
		group.Go(face.run)
	}
	group.Wait()
	if !t.Failed() {
		l.removeAtOnce()
	}
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func start(t *testing.T) *live {
	t.Helper()
	l := &live{T: t, switches: map[string]time.Time{}}
	var err error
	l.stack, err = stack.Launch(t.Context(), stack.Config{Levels: true, OperatorFlags: seconds})
	l.must(err)
	t.Cleanup(func() {
		if err := l.stack.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme := runtime.NewScheme()
	l.must(errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)))
	l.platform, err = client.New(l.stack.Admin, client.Options{Scheme: scheme})
	l.must(err)
	l.register()
	return l
}

// register makes a tenant that hosts an application, and returns when it gets tokens on both faces.
func (l *live) register() {
	l.Helper()
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}},
		&v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: tenant}, Spec: v1alpha1.TenantSpec{
			Namespace: tenant,
			Hosting:   &v1alpha1.Hosting{Stage: v1alpha1.HostingDevelopment, Levels: []string{"limited"}},
		}},
		&v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: app}, Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Versions:        []v1alpha1.ApplicationVersion{{Version: version, Access: &v1alpha1.Access{Level: "limited"}}},
		}},
	} {
		l.must(l.platform.Create(l.Context(), object))
	}
	secret := &corev1.Secret{}
	l.eventually("the application has credentials that work", func() bool {
		if l.platform.Get(l.Context(), client.ObjectKey{Namespace: tenant, Name: app + "." + version}, secret) != nil {
			return false
		}
		l.id, l.secret = string(secret.Data["CLIENT_ID"]), string(secret.Data["CLIENT_SECRET"])
		_, err := l.standardToken()
		return err == nil
	})
}

func (l *live) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *live) eventually(what string, ask func() bool) {
	l.Helper()
	for limit := time.Now().Add(patience); !ask(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			l.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func (l *live) standardToken() (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {l.id}, "client_secret": {l.secret}}
	return l.ask("/oauth2/token", "application/x-www-form-urlencoded", form.Encode())
}

func (l *live) hubToken() (string, error) {
	body := fmt.Sprintf(`{"appName":%q,"appVersion":%q,"hostTenant":%q,"userTenant":%q}`, app, version, tenant, tenant)
	return l.ask("/api/technicaltokenmanager/v3/oauth/token", "application/json", body)
}

// ask posts the body and returns the access token of the answer.
func (l *live) ask(path, contentType, body string) (string, error) {
	request, err := http.NewRequestWithContext(l.Context(), http.MethodPost, l.stack.Issuer+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", contentType)
	if contentType == "application/json" {
		request.SetBasicAuth(l.id, l.secret)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %d %s (%w)", path, answer.StatusCode, text, err)
	}
	var token struct {
		Access string `json:"access_token"`
	}
	return token.Access, json.Unmarshal(text, &token)
}

// publishedKey is a key of either document.
type publishedKey struct {
	ID    string `json:"kid"`
	X, Y  string
	Value string
}

func (k publishedKey) public() (any, error) {
	if k.Value != "" {
		block, _ := pem.Decode([]byte(k.Value))
		return x509.ParsePKIXPublicKey(block.Bytes)
	}
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

// fetch returns the published keys and until when they may be kept.
func (l *live) fetch(path string) ([]publishedKey, time.Time, error) {
	asked := time.Now()
	answer, err := http.Get(l.stack.Issuer + path)
	if err != nil {
		return nil, asked, err
	}
	defer answer.Body.Close()
	var document struct{ Keys []publishedKey }
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		return nil, asked, err
	}
	var age int
	if _, err := fmt.Sscanf(answer.Header.Get("Cache-Control"), "public, max-age=%d", &age); err != nil {
		return nil, asked, err
	}
	return document.Keys, asked.Add(time.Duration(age) * time.Second), nil
}

// watch notes when keys begin to sign.
func (l *live) watch() {
	secret := &corev1.Secret{}
	if err := l.platform.Get(l.Context(), client.ObjectKey{Namespace: stack.Namespace, Name: stack.SigningKeysSecret}, secret); err != nil {
		l.Error(err)
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, file := range []string{keyset.StandardFile, keyset.InsightsHubFile} {
		set, err := keyset.Parse(secret.Data[file])
		if err != nil {
			l.Error(err)
		}
		for _, key := range set.Keys {
			l.switches[key.ID] = key.SignFrom
		}
	}
}

// switched reports whether a key began to sign between the times.
func (l *live) switched(from, to time.Time) bool {
	l.watch()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, at := range l.switches {
		if !at.Before(from) && !at.After(to) {
			return true
		}
	}
	return false
}

// verifier is a client that gets tokens and verifies them by the keys that it holds.
type verifier struct {
	*live
	name, keys string
	token      func() (string, error)
	// firstAlone makes it a client of the v3 API that looks at keys[0] and at no other.
	firstAlone bool

	held  []publishedKey
	until time.Time
}

// run gets tokens and verifies each until it has seen enough keys sign.
func (v *verifier) run() {
	signers, exchanges, failed := map[string]bool{}, 0, 0
	for limit := time.Now().Add(patience); len(signers) <= rotations; exchanges++ {
		if time.Now().After(limit) {
			v.Errorf("%s: %d keys have signed within %s", v.name, len(signers), patience)
			return
		}
		asked := time.Now()
		token, err := v.token()
		if err == nil {
			var kid string
			kid, err = v.verify(token)
			signers[kid] = true
		}
		verified := time.Now()
		switch {
		case err == nil:
		case v.firstAlone && v.switched(asked, verified):
			failed++ // the exception that cannot be closed: the switch came between the token and the key
			v.Logf("%s: in an exchange of %s around a switch: %v", v.name, verified.Sub(asked), err)
		default:
			v.Errorf("%s: %s: %v", v.name, asked.UTC(), err)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	v.Logf("%s: %d exchanges over %d rotations, of which %d failed at a switch", v.name, exchanges, len(signers)-1, failed)
}

// verify returns the token's kid, and an error where the keys that are held do not verify it.
func (v *verifier) verify(token string) (string, error) {
	if !time.Now().Before(v.until) {
		var err error
		if v.held, v.until, err = v.fetch(v.keys); err != nil {
			return "", err
		}
		if len(v.held) > keyset.MaxKeys {
			return "", fmt.Errorf("%d keys are published", len(v.held))
		}
	}
	var kid string
	_, err := jwt.Parse(token, func(t *jwt.Token) (any, error) {
		kid, _ = t.Header["kid"].(string)
		candidates := v.held
		if v.firstAlone {
			candidates = candidates[:1]
		}
		for _, key := range candidates {
			if key.ID == kid {
				return key.public()
			}
		}
		return nil, fmt.Errorf("there is no key %q among those held", kid)
	}, jwt.WithValidMethods([]string{"ES256", "RS256"}))
	return kid, err
}

// removeAtOnce is what docs/signing-keys.md tells to do with a key that leaked.
func (l *live) removeAtOnce() {
	token, err := l.standardToken()
	l.must(err)
	unverified, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	l.must(err)
	leaked, _ := unverified.Header["kid"].(string)
	annotate := l.stack.Kubectl(l.Context(), "annotate", "--namespace", stack.Namespace, "secret", stack.SigningKeysSecret,
		"--overwrite", v1alpha1.AnnotationRemoveKey+"="+leaked)
	if output, err := annotate.CombinedOutput(); err != nil {
		l.Fatalf("%v: %s", err, output)
	}
	l.eventually("the key is published no more, and others sign", func() bool {
		keys, _, err := l.fetch("/.well-known/jwks.json")
		l.must(err)
		for _, key := range keys {
			if key.ID == leaked {
				return false
			}
		}
		token, err := l.standardToken()
		l.must(err)
		v := verifier{live: l, keys: "/.well-known/jwks.json"}
		if _, err := v.verify(token); err != nil {
			l.Errorf("a token of the next key: %v", err)
		}
		return true
	})
	l.eventually("the operator says so", func() bool {
		output, err := l.stack.Kubectl(l.Context(), "get", "events", "--namespace", stack.Namespace,
			"--field-selector", "reason=SigningKeyRemovedAtOnce").CombinedOutput()
		return err == nil && strings.Contains(string(output), leaked)
	})
}
