package signer_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
)

var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// mount is a directory of key sets, with a Signer on it and a clock that stands.
type mount struct {
	*testing.T
	dir    string
	clock  *clocktesting.FakeClock
	log    *bytes.Buffer
	signer *signer.Signer
}

func newMount(t *testing.T) *mount {
	t.Helper()
	m := &mount{T: t, dir: t.TempDir(), clock: clocktesting.NewFakeClock(noon), log: &bytes.Buffer{}}
	m.signer = signer.New(signer.Deps{Dir: m.dir, Clock: m.clock, Log: slog.New(slog.NewTextHandler(m.log, nil))})
	return m
}

func (m *mount) key(algorithm keyset.Algorithm, change func(*keyset.Key)) keyset.Key {
	m.Helper()
	key, err := keyset.Generate(algorithm, noon, rand.Reader)
	if err != nil {
		m.Fatal(err)
	}
	if change != nil {
		change(&key)
	}
	return key
}

func (m *mount) write(file string, keys ...keyset.Key) {
	m.Helper()
	data, err := keyset.Set{Keys: keys}.Marshal()
	if err != nil {
		m.Fatal(err)
	}
	m.put(file, data)
}

func (m *mount) put(file string, data []byte) {
	m.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, file), data, 0o600); err != nil {
		m.Fatal(err)
	}
}

func (m *mount) kidOf(token string) string {
	m.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		m.Fatal(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	return kid
}

func TestWithoutFilesNothingIsSignedAndNothingPublished(t *testing.T) {
	m := newMount(t)
	if err := m.signer.Load(); err == nil {
		t.Error("missing files are no error")
	}
	if _, err := m.signer.Standard().Sign([]byte(`{}`)); !errors.Is(err, signer.ErrNoKey) {
		t.Errorf("got %v, want ErrNoKey", err)
	}
	if keys := m.signer.Standard().JWKS().Keys; len(keys) != 0 {
		t.Errorf("published: %v", keys)
	}
}

func TestABrokenFileLeavesWhatIsHeldInUseAndIsToldOnce(t *testing.T) {
	m := newMount(t)
	key := m.key(keyset.ES256, nil)
	m.write(keyset.StandardFile, key)
	m.write(keyset.InsightsHubFile, m.key(keyset.RS256, nil))
	if err := m.signer.Load(); err != nil {
		t.Fatal(err)
	}
	m.log.Reset()
	m.put(keyset.StandardFile, []byte("{"))
	for range 3 {
		if err := m.signer.Load(); err == nil {
			t.Error("a broken file is no error")
		}
	}
	if token, err := m.signer.Standard().Sign([]byte(`{}`)); err != nil || m.kidOf(token) != key.ID {
		t.Errorf("got %v", err)
	}
	if told := strings.Count(m.log.String(), "Cannot read signing keys"); told != 1 {
		t.Errorf("told %d times: %s", told, m.log)
	}
}

func TestAKeySignsInsideItsWindowAloneAndAllSwitchByTheClock(t *testing.T) {
	m := newMount(t)
	old := m.key(keyset.RS256, func(k *keyset.Key) { k.SignUntil, k.RemoveAt = noon.Add(time.Hour), noon.Add(2*time.Hour) })
	next := m.key(keyset.RS256, func(k *keyset.Key) { k.SignFrom, k.SignUntil = noon.Add(time.Hour), noon.Add(3*time.Hour) })
	m.write(keyset.InsightsHubFile, old, next)
	m.write(keyset.StandardFile, m.key(keyset.ES256, nil))
	if err := m.signer.Load(); err != nil {
		t.Fatal(err)
	}
	hub := m.signer.InsightsHub()
	for _, moment := range []struct {
		at        time.Duration
		signs     string
		published int
	}{{0, old.ID, 2}, {time.Hour, next.ID, 2}, {2 * time.Hour, next.ID, 1}} {
		m.clock.SetTime(noon.Add(moment.at))
		token, err := hub.Sign([]byte(`{}`))
		if err != nil || m.kidOf(token) != moment.signs {
			t.Errorf("at %s: %v, signed by another key", moment.at, err)
		}
		keys := hub.TokenKeys().Keys
		if len(keys) != moment.published || keys[0].ID != moment.signs || !strings.Contains(keys[0].PEM, "PUBLIC KEY") {
			t.Errorf("at %s: published %v", moment.at, keys)
		}
	}
	m.clock.SetTime(noon.Add(3 * time.Hour))
	if _, err := hub.Sign([]byte(`{}`)); !errors.Is(err, signer.ErrNoKey) {
		t.Errorf("past every window: got %v, want ErrNoKey", err)
	}
}

func TestASetOfTheInsightsHubFaceTakesNoOtherAlgorithm(t *testing.T) {
	m := newMount(t)
	m.write(keyset.StandardFile, m.key(keyset.EdDSA, nil))
	m.write(keyset.InsightsHubFile, m.key(keyset.ES256, nil))
	if err := m.signer.Load(); err == nil || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("got %v", err)
	}
	if !m.signer.Standard().Held() || m.signer.InsightsHub().Held() {
		t.Error("the one set has to be held and the other not")
	}
}
