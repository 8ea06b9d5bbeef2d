package tokenserver_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"countersign.dev/tokenserver"
)

// docs/api.md says so: a request that cannot be read never gets to our handler.
func TestWhatCannotBeReadIsAnsweredBelowTheAPI(t *testing.T) {
	s := serve(t, func(*tokenserver.Deps) {})
	for sentence, test := range map[string]struct {
		sent   string
		status int
	}{
		"what is no HTTP":       {"good morning\r\n\r\n", http.StatusBadRequest},
		"no Host":               {"GET /healthz HTTP/1.1\r\n\r\n", http.StatusBadRequest},
		"too large a header":    {"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a request that is one": {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusNotFound},
	} {
		connection := s.dial(t)
		if _, err := fmt.Fprint(connection, test.sent); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("%s: %v", sentence, err)
		}
		answer.Body.Close()
		ours := test.status == http.StatusNotFound
		has := answer.Header.Get("X-Request-Id") != "" && answer.Header.Get("Cache-Control") == "no-store"
		hasNot := answer.Header.Get("X-Request-Id") == "" && answer.Header.Get("Cache-Control") == ""
		if answer.StatusCode != test.status || ours && !has || !ours && (!hasNot || !answer.Close) {
			t.Errorf("%s: %d %v", sentence, answer.StatusCode, answer.Header)
		}
	}
}
