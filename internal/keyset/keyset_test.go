package keyset_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func generate(t *testing.T, algorithm keyset.Algorithm, now time.Time) keyset.Key {
	t.Helper()
	key, err := keyset.Generate(algorithm, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASetReadsBackFromItsFile(t *testing.T) {
	for _, algorithm := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		key := generate(t, algorithm, epoch)
		data, err := keyset.Set{Keys: []keyset.Key{key}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		set, err := keyset.Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if len(set.Keys) != 1 || set.Keys[0] != key {
			t.Errorf("%s: another key came back", algorithm)
		}
	}
}

func TestAnUnknownAlgorithmHasNoKey(t *testing.T) {
	if _, err := keyset.Generate("none", epoch, rand.Reader); err == nil {
		t.Error("a key was made for algorithm none")
	}
}

func TestParseRefusesWhatCannotBeUsed(t *testing.T) {
	good := generate(t, keyset.ES256, epoch)
	change := func(edit func(*keyset.Key)) keyset.Set {
		key := good
		edit(&key)
		return keyset.Set{Keys: []keyset.Key{key}}
	}
	cases := map[string]keyset.Set{
		"a set without keys":                    {},
		"more keys than a set can hold":         {Keys: []keyset.Key{good, good, good, good}},
		"one kid twice":                         {Keys: []keyset.Key{good, good}},
		"a key without a kid":                   change(func(k *keyset.Key) { k.ID = "" }),
		"an algorithm of another family":        change(func(k *keyset.Key) { k.Algorithm = keyset.RS256 }),
		"an algorithm that is none":             change(func(k *keyset.Key) { k.Algorithm = "none" }),
		"a private key that is no PEM":          change(func(k *keyset.Key) { k.PrivateKey = "x" }),
		"a kid of one's own choice":             change(func(k *keyset.Key) { k.ID = "my-key" }),
		"signing before publishing":             change(func(k *keyset.Key) { k.SignFrom = epoch.Add(-time.Second) }),
		"signing without publishing":            change(func(k *keyset.Key) { k.PublishedAt = time.Time{} }),
		"an end before the beginning":           change(func(k *keyset.Key) { k.SignUntil = epoch.Add(-time.Second) }),
		"an end without a beginning":            change(func(k *keyset.Key) { k.SignFrom, k.SignUntil = time.Time{}, epoch }),
		"gone before its last signature":        change(func(k *keyset.Key) { k.SignUntil, k.RemoveAt = epoch.Add(2), epoch.Add(1) }),
		"gone while it signs":                   change(func(k *keyset.Key) { k.RemoveAt = epoch }),
		"keys to be kept for less than nothing": {MaxAgeSeconds: -1, Keys: []keyset.Key{good}},
	}
	for name, set := range cases {
		data, err := set.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keyset.Parse(data); err == nil {
			t.Errorf("%s: was read without an error", name)
		}
	}
	if _, err := keyset.Parse([]byte("{")); err == nil {
		t.Error("broken JSON was read without an error")
	}
}

func TestAKeySignsInItsWindowAloneAndIsPublishedAroundIt(t *testing.T) {
	older := generate(t, keyset.ES256, epoch)
	older.SignUntil, older.RemoveAt = epoch.Add(2*time.Hour), epoch.Add(3*time.Hour)
	newer := generate(t, keyset.ES256, epoch.Add(time.Hour))
	newer.SignFrom = epoch.Add(2 * time.Hour)
	set := keyset.Set{Keys: []keyset.Key{newer, older}}

	cases := []struct {
		after     time.Duration
		signing   string
		published int
	}{
		{-time.Second, "", 2}, // on a replica whose clock is behind: what is in the file is published
		{0, older.ID, 2},
		{time.Hour, older.ID, 2},
		{2*time.Hour - time.Second, older.ID, 2},
		{2 * time.Hour, newer.ID, 2},
		{3 * time.Hour, newer.ID, 1},
	}
	for _, c := range cases {
		now := epoch.Add(c.after)
		if key, _ := set.SigningKey(now); key.ID != c.signing {
			t.Errorf("after %s: %q signs, want %q", c.after, key.ID, c.signing)
		}
		if got := len(set.Published(now)); got != c.published {
			t.Errorf("after %s: %d keys published, want %d", c.after, got, c.published)
		}
	}
}

func TestAKeyWhoseBeginningIsNotDecidedIsPublishedAndSignsNothing(t *testing.T) {
	key := generate(t, keyset.ES256, epoch)
	key.PublishedAt, key.SignFrom = time.Time{}, time.Time{}
	set := keyset.Set{Keys: []keyset.Key{key}}
	data, err := set.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "signFrom") {
		t.Errorf("a time that is not decided stands in the file: %s", strings.ReplaceAll(string(data), string(key.PrivateKey), ""))
	}
	if set, err = keyset.Parse(data); err != nil {
		t.Fatal(err)
	}
	if _, found := set.SigningKey(epoch.Add(time.Hour)); found || len(set.Published(epoch)) != 1 {
		t.Errorf("it signs: %t; published: %v", found, set.Published(epoch))
	}
}

func TestTwoSetsThatShareAKeyAreNotDisjoint(t *testing.T) {
	a, b, c := generate(t, keyset.RS256, epoch), generate(t, keyset.RS256, epoch), generate(t, keyset.RS256, epoch)
	one := keyset.Set{Keys: []keyset.Key{a, b}}
	if err := keyset.Disjoint(one, keyset.Set{Keys: []keyset.Key{c}}); err != nil {
		t.Error(err)
	}
	if err := keyset.Disjoint(one, keyset.Set{Keys: []keyset.Key{c, b}}); err == nil || !strings.Contains(err.Error(), b.ID) {
		t.Errorf("got %v", err)
	}
}

func TestAKeyPrintsWithoutItsPrivatePart(t *testing.T) {
	key := generate(t, keyset.ES256, epoch)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(verb, key); strings.Contains(printed, "PRIVATE KEY") {
			t.Errorf("%s printed %s", verb, printed)
		}
	}
}

func TestAnErrorDoesNotQuoteWhatStandsInTheFile(t *testing.T) {
	const private = "MIGHAgEAMBMGByqGSM49AgEG"
	for sentence, text := range map[string]string{
		"a key in a time":      `{"keys":[{"kid":"a","publishedAt":"` + private + `"}]}`,
		"a key in a list":      `{"keys":"` + private + `"}`,
		"a key without quotes": `{"keys":[{"kid":` + private + `}]}`,
		"a key for a kid":      `{"keys":[{"kid":"` + private + private + `"}]}`,
	} {
		_, err := keyset.Parse([]byte(text))
		if err == nil || strings.Contains(err.Error(), private[:6]) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}
