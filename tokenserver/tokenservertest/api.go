package tokenservertest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/workload/workloadtest"
)

// resourceVersion is that of every answer: nothing ever changes.
const resourceVersion = "7"

// kinds are the five kinds by their resources.
var kinds = map[string]string{
	"tenants": "Tenant", "resourceservers": "ResourceServer", "accesslevels": "AccessLevel", "applications": "Application",
	"tenantgrants": "TenantGrant",
}

// API is a stand-in for a Kubernetes API server that holds some objects of the five kinds and answers lists and watches, and
// the discovery of its ServiceAccounts' keys.
type API struct {
	// Cluster signs tokens for ServiceAccounts.
	Cluster *workloadtest.Cluster

	server  *httptest.Server
	objects map[string][]json.RawMessage
	down    atomic.Bool
}

// NewAPI starts an API that ends with the test.
func NewAPI(tb testing.TB, objects ...runtime.Object) *API {
	tb.Helper()
	a := &API{Cluster: workloadtest.New(tb), objects: map[string][]json.RawMessage{}}
	for _, object := range objects {
		resource, encoded := encode(tb, object)
		a.objects[resource] = append(a.objects[resource], encoded)
	}
	a.server = httptest.NewServer(http.HandlerFunc(a.answer))
	tb.Cleanup(func() {
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

// Config reaches the API.
func (a *API) Config() *rest.Config { return &rest.Config{Host: a.server.URL} }

// GoDown makes every further request fail, and ends the watches.
func (a *API) GoDown() {
	a.down.Store(true)
	a.server.CloseClientConnections()
}

func encode(tb testing.TB, object runtime.Object) (resource string, encoded json.RawMessage) {
	tb.Helper()
	kind := reflect.TypeOf(object).Elem().Name()
	object.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	encoded, err := json.Marshal(object)
	if err != nil {
		tb.Fatalf("encoding an object: %v", err)
	}
	return strings.ToLower(kind) + "s", encoded
}

func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	if a.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/.well-known/openid-configuration" || r.URL.Path == "/openid/v1/jwks" {
		a.Cluster.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	objects := a.objects[path.Base(r.URL.Path)]
	if r.URL.Query().Get("watch") == "" {
		send(w, map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "List",
			"metadata": metav1.ListMeta{ResourceVersion: resourceVersion}, "items": append([]json.RawMessage{}, objects...),
		})
		return
	}
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		stream(w, kinds[path.Base(r.URL.Path)], objects)
	}
	<-r.Context().Done()
}

// stream is the beginning of a watch that sends what is there (Kubernetes API concepts, "Streaming lists").
func stream(w http.ResponseWriter, kind string, objects []json.RawMessage) {
	for _, object := range objects {
		send(w, map[string]any{"type": "ADDED", "object": object})
	}
	send(w, map[string]any{"type": "BOOKMARK", "object": map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind,
		"metadata": metav1.ObjectMeta{
			ResourceVersion: resourceVersion, Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
		},
	}})
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

// send writes a value as a line of JSON. A test that does not get it fails by itself.
func send(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(http.ErrAbortHandler) // the client went away, or the value is none
	}
}
