package insightshub_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/tokenservertest"
)

// token asks for one.
func token(t *testing.T, w *tokenservertest.World, tenant string) string {
	t.Helper()
	got := w.Do(post(base+"/oauth/token", body("acme", tenant), header, key()))
	checkToken(t, got)
	return got.Member("access_token")
}

func TestUserTenantsAreSortedAndCountedAPageAtATime(t *testing.T) {
	w := tokenservertest.New(t, func(o *tokenservertest.Objects) {
		for i := range 5 {
			name := fmt.Sprintf("t-%d", 4-i)
			o.More = append(o.More, tokenservertest.NewTenant(name), tokenservertest.NewGrant(name))
		}
	})
	bearer := "Bearer " + token(t, w, "operator-co")
	for query, want := range map[string]string{
		"":                          `{"page":{"size":100,"totalElements":7,"totalPages":1,"number":0},"userTenants":[{"id":"acme"},{"id":"operator-co"},{"id":"t-0"},{"id":"t-1"},{"id":"t-2"},{"id":"t-3"},{"id":"t-4"}]}`,
		"?page=&size=":              `{"page":{"size":100,"totalElements":7,"totalPages":1,"number":0},"userTenants":[{"id":"acme"},{"id":"operator-co"},{"id":"t-0"},{"id":"t-1"},{"id":"t-2"},{"id":"t-3"},{"id":"t-4"}]}`,
		"?page=0&size=3":            `{"page":{"size":3,"totalElements":7,"totalPages":3,"number":0},"userTenants":[{"id":"acme"},{"id":"operator-co"},{"id":"t-0"}]}`,
		"?page=2&size=3":            `{"page":{"size":3,"totalElements":7,"totalPages":3,"number":2},"userTenants":[{"id":"t-4"}]}`,
		"?page=3&size=3":            `{"page":{"size":3,"totalElements":7,"totalPages":3,"number":3},"userTenants":[]}`,
		"?page=2147483647&size=500": `{"page":{"size":500,"totalElements":7,"totalPages":1,"number":2147483647},"userTenants":[]}`,
		"?size=1&page=6&x=y":        `{"page":{"size":1,"totalElements":7,"totalPages":7,"number":6},"userTenants":[{"id":"t-4"}]}`,
	} {
		got := w.Do(get(base+"/userTenants"+query, "Authorization", bearer))
		if got.Status != http.StatusOK || got.Text != want || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %s, want %s", query, got.Status, got.Text, want)
		}
	}
	for _, query := range []string{
		"size=0", "size=501", "size=-1", "size=many", "page=-1", "page=2147483648", "page=1.5", "size=1&size=1", "page=0&page=0", "page=%zz",
	} {
		checkRefusal(t, w.Do(get(base+"/userTenants?"+query, "Authorization", bearer)), 400, "invalid_request")
	}
}

func TestUserTenantsTakesATokenForTheHostInTimeAndNothingElse(t *testing.T) {
	w := tokenservertest.New(t)
	own, foreign := token(t, w, "operator-co"), token(t, w, "acme")
	for sentence, headers := range map[string][]string{
		"nothing":                     nil,
		"a token for another tenant":  {"Authorization", "Bearer " + foreign},
		"client id and secret":        {"Authorization", "Basic " + key()},
		"them as Bearer":              {"Authorization", "Bearer " + key()},
		"them in the v3 header":       {header, key()},
		"a token in the v3 header":    {header, "Bearer " + own},
		"a token without a scheme":    {"Authorization", own},
		"Bearer alone":                {"Authorization", "Bearer "},
		"two headers":                 {"Authorization", "Bearer " + own, "Authorization", "Bearer " + own},
		"a token that was cut":        {"Authorization", "Bearer " + own[:len(own)-4]},
		"a token with something more": {"Authorization", "Bearer " + own + ".x"},
	} {
		t.Run(sentence, func(t *testing.T) {
			checkRefusal(t, w.Do(get(base+"/userTenants", headers...)), 401, "invalid_token")
		})
	}
	if got := w.Do(get(base+"/userTenants", "Authorization", "bearer  "+own)); got.Status != http.StatusOK {
		t.Errorf("a scheme in small letters: %d %s", got.Status, got.Text)
	}
}

func TestTheKeyThatSignsIsTheFirstAndEachHasItsPEM(t *testing.T) {
	w := tokenservertest.New(t)
	now := w.Clock.Now()
	old, next := tokenservertest.NewKey(t, keyset.RS256, now.Add(-time.Hour)), tokenservertest.NewKey(t, keyset.RS256, now)
	next.SignFrom = now.Add(time.Minute)
	old.SignUntil = next.SignFrom
	tokenservertest.WriteSet(t, filepath.Join(w.KeyDir, keyset.InsightsHubFile), next, old)
	if err := w.Signer.Load(); err != nil {
		t.Fatal(err)
	}
	for _, first := range []string{old.ID, next.ID} {
		list, _ := w.Do(get("/token_keys")).JSON["keys"].([]any)
		if len(list) != 2 {
			t.Fatalf("got %v", list)
		}
		for i, entry := range list {
			key, _ := entry.(map[string]any)
			if i == 0 && key["kid"] != first {
				t.Errorf("the first is %v, and %s signs", key["kid"], first)
			}
			pem, _ := key["value"].(string)
			if key["kty"] != "RSA" || key["alg"] != "RS256" || key["use"] != "sig" || key["n"] == "" || key["e"] == "" ||
				len(pem) < 26 || pem[:26] != "-----BEGIN PUBLIC KEY-----" {
				t.Errorf("got %v", key)
			}
		}
		w.Clock.Step(time.Minute)
	}
}
