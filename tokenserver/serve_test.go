package tokenserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/tokenservertest"
)

const (
	// patience is how long a test waits for what takes milliseconds.
	patience = 30 * time.Second
	// short is a bound in a test of bounds, and long one that must not be what ends it.
	short, long = 50 * time.Millisecond, time.Hour
	delay       = 5 * time.Second
)

// served is a World on a real listener.
type served struct {
	*tokenservertest.World
	address string
	// stop tells the server to stop, and ended is when Serve returned.
	stop  context.CancelFunc
	ended chan error
}

func serve(t *testing.T, edit func(*tokenserver.Deps)) *served {
	t.Helper()
	w := tokenservertest.New(t)
	w.Restart(edit)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &served{World: w, address: listener.Addr().String(), stop: stop, ended: make(chan error, 1)}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		s.ended <- w.Server.Serve(ctx, listener)
	}()
	t.Cleanup(func() {
		stop()
		gomega.NewWithT(t).Eventually(func() bool {
			w.Clock.Step(delay)
			select {
			case <-returned:
				return true
			default:
				return false
			}
		}, patience, time.Millisecond).Should(gomega.BeTrue(), "the server does not end")
	})
	return s
}

func (s *served) dial(t *testing.T) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return connection
}

// begin sends the first ten bytes of a form, and returns once the server reads it: it asks for the body then (RFC 9110 section
// 10.1.1). One that it has only accepted by the time it stops is closed without an answer, and is none in flight.
func (s *served) begin(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	connection := s.dial(t)
	expecting := strings.TrimSuffix(header(len(form)), "\r\n") + "Expect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(connection, expecting); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(connection)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusContinue {
		t.Fatalf("the server does not ask for the body: %s", answer.Status)
	}
	if _, err := io.WriteString(connection, form[:10]); err != nil {
		t.Fatal(err)
	}
	return connection, answers
}

const form = "grant_type=client_credentials&tenant=" + tokenservertest.Tenant

// header is that of a token request with a body of that length.
func header(length int) string {
	return fmt.Sprintf("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n",
		tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.Secret()), length)
}

// A connection that the server ends is one that nobody can hold: each test would wait for its patience to run out otherwise.
func TestASlowClientIsNotWaitedFor(t *testing.T) {
	never := tokenserver.Timeouts{ReadHeader: long, Read: long, Write: long, Idle: long}
	for name, test := range map[string]struct {
		bound func(*tokenserver.Timeouts)
		sent  string
		// answers is how many answers come before the end.
		answers int
	}{
		"that sends nothing":          {func(t *tokenserver.Timeouts) { t.ReadHeader = short }, "", 0},
		"that sends half a header":    {func(t *tokenserver.Timeouts) { t.ReadHeader = short }, "GET /healthz HTTP/1.1\r\nHost:", 0},
		"that sends half a body":      {func(t *tokenserver.Timeouts) { t.Read = short }, header(len(form)) + form[:10], 1},
		"that sends no second header": {func(t *tokenserver.Timeouts) { t.Idle = short }, header(len(form)) + form, 1},
	} {
		t.Run(name, func(t *testing.T) {
			timeouts := never
			test.bound(&timeouts)
			s := serve(t, func(d *tokenserver.Deps) { d.Timeouts = timeouts })
			connection := s.dial(t)
			if _, err := io.WriteString(connection, test.sent); err != nil {
				t.Fatal(err)
			}
			answers, err := io.ReadAll(connection)
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatal("the connection is still open")
			}
			if got := strings.Count(string(answers), "HTTP/1.1 "); got != test.answers {
				t.Errorf("got %d answers: %s", got, answers)
			}
		})
	}
}

func TestAClientThatTakesNoAnswersIsNotWaitedFor(t *testing.T) {
	s := serve(t, func(d *tokenserver.Deps) {
		d.Timeouts = tokenserver.Timeouts{ReadHeader: long, Read: long, Write: short, Idle: long}
	})
	connection := s.dial(t)
	request := strings.Repeat("GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n", 100)
	for {
		if _, err := io.WriteString(connection, request); err != nil {
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("the connection is still open")
			}
			return
		}
	}
}

func TestWhatIsTooLargeIsRefusedByItsSize(t *testing.T) {
	s := serve(t, func(*tokenserver.Deps) {})
	for name, test := range map[string]struct {
		header, body int
		status       int
	}{
		"a header that is large":      {12 << 10, 0, http.StatusOK},
		"a header that is too large":  {17 << 10, 0, http.StatusRequestHeaderFieldsTooLarge},
		"a body as large as can be":   {0, 64 << 10, http.StatusOK},
		"a body that is too large":    {0, 64<<10 + 1, http.StatusRequestEntityTooLarge},
		"a body that is far too much": {0, 8 << 20, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			body := form + "&x=" + strings.Repeat("x", max(0, test.body-len(form)-3))
			r, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/oauth2/token", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Large", strings.Repeat("x", test.header))
			r.SetBasicAuth(tokenservertest.ClientID(), tokenservertest.Secret())
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != test.status {
				t.Errorf("got %s", answer.Status)
			}
		})
	}
}

// ask sends a request and returns the status and whether the answer closes the connection.
func (s *served) ask(ctx context.Context, transport http.RoundTripper, path string) (status int, closes bool, err error) {
	method, body := http.MethodGet, ""
	if path == "/oauth2/token" {
		method, body = http.MethodPost, url.Values{"grant_type": {"client_credentials"}, "tenant": {tokenservertest.Tenant}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return 0, false, err
	}
	r.GetBody = nil // or else the transport would try again where the server cut it off
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(tokenservertest.ClientID(), tokenservertest.Secret())
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	_, err = io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Close, err
}

func TestNoRequestIsCutWhileTheServerStops(t *testing.T) {
	g := gomega.NewWithT(t)
	s := serve(t, func(d *tokenserver.Deps) { d.ShutdownDelay = delay })
	var before, during, failed atomic.Int64
	var stopping, enough atomic.Bool
	var clients sync.WaitGroup
	for i := range 4 {
		transport := &http.Transport{DisableKeepAlives: i%2 == 0}
		t.Cleanup(transport.CloseIdleConnections)
		clients.Go(func() {
			for !enough.Load() {
				toldBefore := stopping.Load()
				status, closes, err := s.ask(t.Context(), transport, "/oauth2/token")
				switch {
				case err != nil || status != http.StatusOK:
					failed.Add(1)
					t.Errorf("got %d, %v", status, err)
					return
				case !toldBefore:
					before.Add(1)
				case !closes:
					t.Error("an answer of a server that stops keeps its connection")
					return
				default:
					during.Add(1)
				}
			}
		})
	}
	g.Eventually(func() bool { return before.Load() >= 100 || failed.Load() > 0 }, patience, time.Millisecond).Should(gomega.BeTrue())
	s.stop()
	fresh := &http.Transport{DisableKeepAlives: true}
	g.Eventually(func() (int, error) {
		status, _, err := s.ask(t.Context(), fresh, "/readyz")
		return status, err
	}, patience, time.Millisecond).Should(gomega.Equal(http.StatusServiceUnavailable))
	stopping.Store(true)
	g.Eventually(func() bool { return during.Load() >= 100 || failed.Load() > 0 }, patience, time.Millisecond).Should(gomega.BeTrue())
	enough.Store(true)
	clients.Wait()

	// One request is in flight when the delay ends.
	connection, answers := s.begin(t)
	g.Eventually(s.Clock.HasWaiters, patience, time.Millisecond).Should(gomega.BeTrue())
	s.Clock.Step(delay)
	g.Eventually(func() error {
		probe, err := net.Dial("tcp", s.address)
		if err == nil {
			probe.Close()
		}
		return err
	}, patience, time.Millisecond).Should(gomega.HaveOccurred(), "the listener is closed")
	select {
	case err := <-s.ended:
		t.Fatalf("the server ended with a request in flight: %v", err)
	default:
	}
	if _, err := io.WriteString(connection, form[10:]); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "access_token") {
		t.Errorf("the request in flight: %s %s %v", answer.Status, body, err)
	}
	g.Eventually(s.ended, patience).Should(gomega.Receive(gomega.BeNil()))
}

func TestWithoutADelayTheServerStopsAtOnce(t *testing.T) {
	s := serve(t, func(*tokenserver.Deps) {})
	s.stop()
	gomega.NewWithT(t).Eventually(s.ended, patience).Should(gomega.Receive(gomega.BeNil()))
}

func TestARequestThatNeverEndsIsCutAtLast(t *testing.T) {
	s := serve(t, func(d *tokenserver.Deps) {
		d.Timeouts = tokenserver.Timeouts{ReadHeader: long, Read: long, Write: long, Drain: short}
	})
	s.begin(t)
	s.stop()
	gomega.NewWithT(t).Eventually(s.ended, patience).Should(gomega.Receive(gomega.MatchError(context.DeadlineExceeded)))
}
