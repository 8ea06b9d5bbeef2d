package credential_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign.dev/internal/credential"
)

func TestANewSecretHasTheFormThatParseTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entropy := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "entropy")
		secret, err := credential.New(bytes.NewReader(entropy))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := credential.Parse(secret.Reveal())
		if err != nil {
			t.Fatalf("a new secret does not parse: %v", err)
		}
		if parsed.Hash() != secret.Hash() {
			t.Fatal("the parsed secret has another hash")
		}
	})
}

func TestAChangedCharacterIsRefusedByItsForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret, err := credential.New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(secret.Reveal())
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		to := rapid.ByteRange(0x20, 0x7e).Filter(func(b byte) bool { return b != text[at] }).Draw(t, "to")
		text[at] = to
		if _, err := credential.Parse(string(text)); !errors.Is(err, credential.ErrForm) {
			t.Fatalf("character %d changed to %q: got error %v, want ErrForm", at, to, err)
		}
	})
}

func TestWhatPeopleThinkUpIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"", "secret", "csk_", "csk_" + strings.Repeat("A", 43), "csk_" + strings.Repeat("A", 49),
		"CSK_" + strings.Repeat("A", 49), strings.Repeat("a", 4096),
	} {
		if _, err := credential.Parse(text); !errors.Is(err, credential.ErrForm) {
			t.Errorf("%.60q: got error %v, want ErrForm", text, err)
		}
	}
}

func TestNoVerbPrintsASecret(t *testing.T) {
	secret, err := credential.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ Secret credential.Secret }{secret}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	prints := []string{string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		prints = append(prints, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, holder))
	}
	for _, print := range prints {
		if strings.Contains(print, secret.Reveal()[4:20]) || strings.Contains(print, fmt.Sprintf("%x", secret.Reveal()[4:20])) {
			t.Errorf("printed: %s", print)
		}
	}
}

func TestFindReturnsTheIndexOfTheEqualHash(t *testing.T) {
	hashes := make([]credential.Hash, 3)
	for i := range hashes {
		secret, err := credential.New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes[i] = secret.Hash()
	}
	for i, hash := range hashes {
		if got := hash.Find(hashes); got != i {
			t.Errorf("hash %d found at %d", i, got)
		}
	}
	if got := (credential.Hash{1}).Find(hashes); got != -1 {
		t.Errorf("a foreign hash found at %d", got)
	}
	if got := (credential.Hash{}).Find(nil); got != -1 {
		t.Errorf("found at %d among none", got)
	}
}

func TestAHashReadsBackFromItsText(t *testing.T) {
	want := credential.Hash{0xab, 1, 2}
	got, err := credential.ParseHash(want.String())
	if err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, text := range []string{"", "ab", strings.ToUpper(want.String()), want.String() + "00", "z" + want.String()[1:]} {
		if _, err := credential.ParseHash(text); err == nil {
			t.Errorf("%q was read as a hash", text)
		}
	}
}

func TestAClientIDNamesItsVersionAndEndsInDigitsOfItsUID(t *testing.T) {
	const uid, other = "b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77", "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"
	id := credential.ClientID("operator-co", "kpi-dashboard", "1.0.0", uid)
	if !strings.HasPrefix(id, "operator-co-kpi-dashboard-1.0.0-") || len(credential.SuffixOf(id)) != 12 {
		t.Errorf("got %s", id)
	}
	if credential.SuffixOf(id) != credential.Suffix(uid, "1.0.0") {
		t.Error("the suffix is not that of UID and version")
	}
	if id == credential.ClientID("operator-co", "kpi-dashboard", "1.0.0", other) {
		t.Error("another UID has the same client id")
	}
	if credential.ClientID("t", "a-1", "0", uid) == credential.ClientID("t", "a", "1-0", uid) {
		t.Error("a-1/0 and a/1-0 have the same client id")
	}
	if credential.SuffixOf("short") != "" {
		t.Error("a short text has a suffix")
	}
}

func FuzzParse(f *testing.F) {
	secret, err := credential.New(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secret.Reveal())
	f.Add("csk_")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := credential.Parse(text)
		if err == nil && secret.Reveal() != text {
			t.Errorf("parsed %q to another text", text)
		}
	})
}
