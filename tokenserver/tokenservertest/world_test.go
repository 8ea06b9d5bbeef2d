package tokenservertest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"countersign.dev/tokenserver/tokenservertest"
)

func TestAWorldIsReadyUntilItGoesBlind(t *testing.T) {
	w := tokenservertest.New(t)
	if answer := w.Do(httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody)); answer.Status != http.StatusOK {
		t.Errorf("got %d %s", answer.Status, answer.Text)
	}
	if age := w.Directory.Age(); age != 0 {
		t.Errorf("the view is %s old while the clock stands still", age)
	}
	w.GoBlind()
	if age := w.Directory.Age(); age != tokenservertest.MaxStaleness+time.Second {
		t.Errorf("the view is %s old", age)
	}
}

func TestASecretInTheLogIsSeen(t *testing.T) {
	for _, text := range []string{
		tokenservertest.Secret(), tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.Secret()),
		"eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "-----BEGIN PRIVATE KEY-----",
	} {
		log, recorder := &tokenservertest.Log{}, &recorder{TB: t}
		log.Logger().Info("Oops", "text", text)
		if log.CheckDiscreet(recorder); !recorder.failed {
			t.Errorf("%q went unnoticed", text)
		}
	}
}

// recorder is a test whose failure is what is wanted.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
