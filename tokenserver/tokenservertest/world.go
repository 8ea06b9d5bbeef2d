package tokenservertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
)

const (
	// Issuer is that of a World.
	Issuer = "https://tokens.example.com"
	// MaxStaleness is the age past which a World's server issues nothing.
	MaxStaleness = 5 * time.Minute
	// patience is how long a test waits for what takes milliseconds, on a machine that has other things to do.
	patience = 30 * time.Second
)

// World is a token server, and what a test does with it.
type World struct {
	tb        testing.TB
	API       *API
	Clock     *clocktesting.FakeClock
	Log       *Log
	Directory *directory.Directory
	Signer    *signer.Signer
	Tokens    *token.Issuer
	Server    *tokenserver.Server
	Handler   http.Handler
	// KeysDir is where the Signer reads its keys when it is told to.
	KeysDir string
}

// New returns a World whose first view is complete. The edits change the objects that it begins with. When the test ends, the
// log is checked for secrets.
func New(tb testing.TB, edits ...func(*Objects)) *World {
	tb.Helper()
	objects := newObjects()
	for _, edit := range edits {
		edit(objects)
	}
	w := newWorld(tb, objects)
	w.run()
	return w
}

// NewBlind returns a World that has never seen its API server and has not read its keys.
func NewBlind(tb testing.TB) *World {
	tb.Helper()
	return newWorld(tb, newObjects())
}

func newWorld(tb testing.TB, objects *Objects) *World {
	tb.Helper()
	w := &World{tb: tb, API: NewAPI(tb, objects.all()...), Clock: clocktesting.NewFakeClock(Epoch()), Log: &Log{}}
	log, dir := w.Log.Logger(), tb.TempDir()
	WriteKeys(tb, dir, SharedKeys())
	w.KeysDir = dir
	w.Directory = directory.New(directory.Deps{Config: w.API.Config(), Clock: w.Clock, Log: log})
	w.Signer = signer.New(signer.Deps{Dir: dir, Clock: w.Clock, Log: log})
	w.Tokens = token.New(token.Deps{
		Issuer: Issuer, Lifetime: token.DefaultLifetime, Standard: w.Signer.Standard(), InsightsHub: w.Signer.InsightsHub(),
		Clock: w.Clock, Rand: rand.Reader,
	})
	w.Server = tokenserver.New(tokenserver.Deps{
		Issuer: Issuer, Directory: w.Directory, Keys: w.Signer, Tokens: w.Tokens, MaxStaleness: MaxStaleness,
		Clock: w.Clock, Rand: rand.Reader, Log: log,
	})
	w.Handler = w.Server.Handler()
	tb.Cleanup(func() { w.Log.CheckDiscreet(tb) })
	return w
}

// run lets the directory watch until the test ends, and reads the keys.
func (w *World) run() {
	w.tb.Helper()
	if err := w.Signer.Load(); err != nil {
		w.tb.Fatalf("loading keys: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Directory.Run(ctx) }()
	w.tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.tb.Errorf("running the directory: %v", err)
		}
	})
	gomega.NewWithT(w.tb).Eventually(w.Directory.Synced, patience, time.Millisecond).Should(gomega.BeTrue())
}

// Exchange returns one that works with this World and counts nothing.
func (w *World) Exchange() *exchange.Exchange {
	return exchange.New(exchange.Deps{
		Directory: w.Directory, Tokens: w.Tokens, MaxStaleness: MaxStaleness, Log: w.Log.Logger(),
		Count: func(exchange.Face, exchange.Outcome, string) {},
	})
}

// GoBlind cuts the server off for longer than it may issue without seeing anything.
func (w *World) GoBlind() {
	w.API.GoDown()
	w.Clock.Step(MaxStaleness + time.Second)
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Text   string
	// JSON is the body, where it is a JSON object.
	JSON map[string]any
}

// Do sends a request to the handler.
func (w *World) Do(r *http.Request) Answer {
	w.tb.Helper()
	recorder := httptest.NewRecorder()
	w.Handler.ServeHTTP(recorder, r)
	answer := Answer{Status: recorder.Code, Header: recorder.Header(), Text: recorder.Body.String()}
	if bytes.HasPrefix(recorder.Body.Bytes(), []byte("{")) {
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer.JSON); err != nil {
			w.tb.Errorf("reading an answer: %v", err)
		}
	}
	return answer
}

// Member returns a text member of the JSON body, or "".
func (a Answer) Member(name string) string {
	text, _ := a.JSON[name].(string)
	return text
}
