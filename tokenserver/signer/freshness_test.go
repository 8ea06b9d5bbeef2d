package signer_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
)

func (m *mount) writeSet(file string, set keyset.Set) {
	m.Helper()
	data, err := set.Marshal()
	if err != nil {
		m.Fatal(err)
	}
	m.put(file, data)
}

func TestVerifiersKeepKeysAsLongAsTheFileSaysAndTheFirstKeyNotPastTheSwitch(t *testing.T) {
	m := newMount(t)
	old := m.key(keyset.RS256, func(k *keyset.Key) { k.SignUntil = noon.Add(10 * time.Minute) })
	next := m.key(keyset.RS256, func(k *keyset.Key) { k.SignFrom = old.SignUntil })
	m.writeSet(keyset.InsightsHubFile, keyset.Set{MaxAgeSeconds: 300, Keys: []keyset.Key{next, old}})
	m.writeSet(keyset.StandardFile, keyset.Set{Keys: []keyset.Key{m.key(keyset.ES256, nil)}})
	hub, standard := m.signer.InsightsHub(), m.signer.Standard()
	if hub.MaxAge() != 0 || hub.FirstMaxAge() != 0 {
		t.Error("nothing is published yet, and yet it may be kept")
	}
	if err := m.signer.Load(); err != nil {
		t.Fatal(err)
	}
	if standard.MaxAge() != 0 {
		t.Errorf("a file that does not say: %s", standard.MaxAge())
	}
	for at, first := range map[time.Duration]time.Duration{
		0:                              5 * time.Minute,
		7 * time.Minute:                3 * time.Minute,
		10*time.Minute - time.Second/2: time.Second / 2,
		10 * time.Minute:               5 * time.Minute,
	} {
		m.clock.SetTime(noon.Add(at))
		if hub.MaxAge() != 5*time.Minute || hub.FirstMaxAge() != first {
			t.Errorf("at %s: %s, and the first key %s, want %s", at, hub.MaxAge(), hub.FirstMaxAge(), first)
		}
	}
}

func TestTwoFilesThatShareAKeyAreBothLeftUnread(t *testing.T) {
	m := newMount(t)
	held, shared := m.key(keyset.RS256, nil), m.key(keyset.RS256, nil)
	m.write(keyset.StandardFile, held)
	m.write(keyset.InsightsHubFile, m.key(keyset.RS256, nil))
	if err := m.signer.Load(); err != nil {
		t.Fatal(err)
	}
	m.write(keyset.StandardFile, shared)
	m.write(keyset.InsightsHubFile, shared)
	if err := m.signer.Load(); err == nil || !strings.Contains(err.Error(), shared.ID) {
		t.Errorf("got %v", err)
	}
	if token, err := m.signer.Standard().Sign([]byte(`{}`)); err != nil || m.kidOf(token) != held.ID {
		t.Errorf("what was held before stays in use: %v", err)
	}
	m.write(keyset.InsightsHubFile, held) // also where one of them is held already
	m.write(keyset.StandardFile, held)
	if err := m.signer.Load(); err == nil || !strings.Contains(err.Error(), held.ID) {
		t.Errorf("got %v", err)
	}
}

func (m *mount) mountToken(expires time.Time) {
	m.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	m.put(signer.MountTokenFile, []byte(encode([]byte(`{"alg":"RS256","typ":"JWT"}`))+"."+
		encode(fmt.Appendf(nil, `{"aud":["x"],"exp":%d}`, expires.Unix()))+"."+encode([]byte("signature"))))
}

func TestAMountThatIsStuckSignsNothingAndGoesOnPublishing(t *testing.T) {
	m := newMount(t)
	m.write(keyset.StandardFile, m.key(keyset.ES256, nil)) // its end was not decided when the mount got stuck
	m.write(keyset.InsightsHubFile, m.key(keyset.RS256, nil))
	m.mountToken(noon.Add(time.Hour))
	if err := m.signer.Load(); err != nil {
		t.Fatal(err)
	}
	for _, moment := range []struct {
		at    time.Duration
		signs bool
		renew time.Duration
	}{{0, true, 0}, {48 * time.Minute, true, 108 * time.Minute}, {time.Hour, true, 0}, {108 * time.Minute, false, 0}, {3 * time.Hour, true, 4 * time.Hour}} {
		m.clock.SetTime(noon.Add(moment.at))
		if moment.renew > 0 {
			m.mountToken(noon.Add(moment.renew))
		}
		if err := m.signer.Load(); err != nil {
			t.Error(err)
		}
		for _, keys := range []*signer.Keys{m.signer.Standard(), m.signer.InsightsHub()} {
			_, err := keys.Sign([]byte(`{}`))
			if (err == nil) != moment.signs || err != nil && !errors.Is(err, signer.ErrNoKey) {
				t.Errorf("at %s: %v", moment.at, err)
			}
			if len(keys.JWKS().Keys) != 1 {
				t.Errorf("at %s: verifiers are left alone", moment.at)
			}
		}
	}
	for _, line := range []string{"The signing keys no longer arrive", "The signing keys arrive again"} {
		if told := strings.Count(m.log.String(), line); told != 1 {
			t.Errorf("%q was told %d times", line, told)
		}
	}
}

func TestWhatIsNoMountTokenIsToldAndNotQuoted(t *testing.T) {
	m := newMount(t)
	m.write(keyset.StandardFile, m.key(keyset.ES256, nil))
	m.write(keyset.InsightsHubFile, m.key(keyset.RS256, nil))
	m.put(signer.MountTokenFile, []byte("hunter2"))
	if err := m.signer.Load(); err == nil || strings.Contains(err.Error()+m.log.String(), "hunter2") {
		t.Errorf("got %v; %s", err, m.log)
	}
	if _, err := m.signer.Standard().Sign([]byte(`{}`)); err != nil {
		t.Errorf("nothing says that the mount is stuck: %v", err)
	}
	if err := os.Remove(filepath.Join(m.dir, signer.MountTokenFile)); err != nil {
		t.Fatal(err)
	}
	if err := m.signer.Load(); err != nil {
		t.Errorf("without one: %v", err)
	}
}
