package kill

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// line is the way of one operator to the API server. It counts what the operator writes in a namespace (but for events), and at
// the write that it is told to it stops: that write and all after it have no answer until the operator is no more.
type line struct {
	// kubeconfig is the path of one that leads here.
	kubeconfig string

	upstream  http.RoundTripper
	namespace string

	mutex  sync.Mutex
	writes int
	first  time.Time
	// last is the write that has no answer; 0: all have.
	last int
	// done says whether that one is carried out, without the operator's ever hearing of it.
	done bool
	// stopped is that write, in words.
	stopped string
	// reached is closed at that write.
	reached chan struct{}
}

func newLine(t *testing.T, namespace string) *line {
	t.Helper()
	config, err := rest.TLSConfigFor(running.Admin)
	must(t, err)
	l := &line{
		upstream:  &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true},
		namespace: namespace, reached: make(chan struct{}),
	}
	address, err := url.Parse(running.Admin.Host)
	must(t, err)
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(address) },
		Transport:     l,
		FlushInterval: -1, // watches
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that an operator's end breaks
	server.EnableHTTP2 = true                           // as the API server does; and its handlers hear of their client's end at once, whatever they have read
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	kubeconfig, err := clientcmd.LoadFromFile(running.OperatorKubeconfig())
	must(t, err)
	for _, cluster := range kubeconfig.Clusters {
		cluster.Server = server.URL // with TLS: by anything less, no client sends its token
		cluster.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	l.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*kubeconfig, l.kubeconfig))
	return l
}

// stopAt makes the line stop at a write from now on: the first one is 1.
func (l *line) stopAt(write int, done bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.last, l.done = l.writes+write, done
}

// RoundTrip hands a request of the operator on to the API server, or not.
func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	if !l.counts(request) {
		return l.upstream.RoundTrip(request)
	}
	l.mutex.Lock()
	if l.writes++; l.writes == 1 {
		l.first = time.Now()
	}
	write, last, done := l.writes, l.last, l.done
	l.mutex.Unlock()
	if last == 0 || write < last {
		return l.upstream.RoundTrip(request)
	}
	if write == last && done {
		response, err := l.upstream.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
	}
	if write == last {
		l.stopped = describe(request, write, done)
		close(l.reached)
	}
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func (l *line) counts(request *http.Request) bool {
	path := request.URL.Path
	return request.Method != http.MethodGet && strings.Contains(path, "/namespaces/"+l.namespace+"/") && !strings.Contains(path, "/events")
}

func describe(request *http.Request, write int, done bool) string {
	what := map[bool]string{true: "done", false: "not done"}[done]
	return fmt.Sprintf("write %d, %s %s, %s", write, request.Method, request.URL.Path, what)
}

// written is how many writes have come so far, and when the first one did.
func (l *line) written() (int, time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.writes, l.first
}

// await returns once the line has stopped.
func (l *line) await(t *testing.T) {
	t.Helper()
	select {
	case <-l.reached:
	case err := <-running.Failed():
		t.Fatal(err)
	case <-time.After(patience):
		writes, _ := l.written()
		t.Fatalf("the operator made %d writes within %s, which are too few", writes, patience)
	}
}
