package tokenservertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Log keeps what a server logs, at every level.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger returns a logger that writes into the Log as cmd/tokenserver's does.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write takes a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns all lines.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Reset forgets all lines.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// Lines returns the lines with that message.
func (l *Log) Lines(tb testing.TB, message string) []map[string]any {
	tb.Helper()
	var found []map[string]any
	for line := range strings.Lines(l.String()) {
		parsed := map[string]any{}
		if err := json.Unmarshal([]byte(line), &parsed); err != nil {
			tb.Fatalf("reading the log: %v", err)
		}
		if parsed["msg"] == message {
			found = append(found, parsed)
		}
	}
	return found
}

// CheckDiscreet fails the test when a client secret, in the clear or encoded, a token or a private key is in the log.
func (l *Log) CheckDiscreet(tb testing.TB) {
	tb.Helper()
	text := l.String()
	for what, mark := range map[string]string{
		"a client secret":   "csk_",
		"an encoded secret": base64.RawStdEncoding.EncodeToString([]byte(ClientID() + ":"))[:40],
		"a token":           base64.RawURLEncoding.EncodeToString([]byte(`{"alg":`))[:8],
		"a private key":     "PRIVATE KEY",
	} {
		if strings.Contains(text, mark) {
			tb.Errorf("there is %s in the log", what)
		}
	}
}
