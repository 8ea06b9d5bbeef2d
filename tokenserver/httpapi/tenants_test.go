package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// crowded is a World in which that many tenants more granted the application, t-00 and so on.
func crowded(t *testing.T, more int) *tokenservertest.World {
	t.Helper()
	return tokenservertest.New(t, func(o *tokenservertest.Objects) {
		for i := range more {
			name := fmt.Sprintf("t-%02d", i)
			o.More = append(o.More, tokenservertest.NewTenant(name), tokenservertest.NewGrant(name))
		}
	})
}

// list returns the ids of a page, and its cursor.
func list(t *testing.T, w *tokenservertest.World, query string) (ids []string, cursor string) {
	t.Helper()
	got := w.Do(get("/v1/tenants"+query, "Authorization", basic()))
	checkAnswer(t, got, http.StatusOK, "")
	tenants, ok := got.JSON["tenants"].([]any)
	if !ok {
		t.Fatalf("got %s", got.Text)
	}
	for _, tenant := range tenants {
		entry, _ := tenant.(map[string]any)
		id, _ := entry["id"].(string)
		ids = append(ids, id)
		if scopes, _ := entry["scopes"].([]any); len(scopes) == 0 {
			t.Errorf("%s is listed without scopes: %s", id, got.Text)
		}
	}
	return ids, got.Member("next_cursor")
}

func TestTenantsAreListedAPageAtATimeTheHostFirst(t *testing.T) {
	w := crowded(t, 12)
	want := []string{"acme", "operator-co"}
	for i := range 12 {
		want = append(want, fmt.Sprintf("t-%02d", i))
	}
	for _, limit := range []int{1, 3, 13, 14, 15, 500} {
		var got []string
		for query := fmt.Sprintf("?limit=%d", limit); query != ""; {
			ids, cursor := list(t, w, query)
			if len(ids) > limit {
				t.Errorf("%d on a page of %d", len(ids), limit)
			}
			got = append(got, ids...)
			query = ""
			if cursor != "" {
				query = fmt.Sprintf("?limit=%d&cursor=%s", limit, cursor)
			}
		}
		if got[0] != "operator-co" {
			t.Errorf("%d a page: the first is %s", limit, got[0])
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%d a page: got %v, want %v", limit, got, want)
		}
	}
	if ids, cursor := list(t, w, "?limit=&cursor="); len(ids) != 14 || cursor != "" {
		t.Errorf("without values: %v, cursor %q", ids, cursor)
	}
}

func TestACursorNamesNoTenantAndIsTakenByEveryReplica(t *testing.T) {
	w, replica := crowded(t, 3), crowded(t, 3)
	first, cursor := list(t, w, "?limit=2")
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || cursor != url.QueryEscape(cursor) {
		t.Errorf("a cursor that cannot stand in a URL: %q", cursor)
	}
	if strings.Contains(string(decoded), "tenant-") {
		t.Errorf("the cursor names a namespace: %q", decoded)
	}
	here, _ := list(t, w, "?cursor="+cursor)
	there, _ := list(t, replica, "?cursor="+cursor)
	if !slices.Equal(here, there) || len(here)+len(first) != 5 {
		t.Errorf("behind %v come %v, and on another replica %v", first, here, there)
	}
}

func TestACursorIsOnlyAPlace(t *testing.T) {
	w := crowded(t, 3)
	allowed := []string{"operator-co", "acme", "t-00", "t-01", "t-02"}
	for _, forged := range []string{"2:", "2:0", "2:grant-of-t-01", "2:grant-of-other", "2:zzz"} {
		ids, _ := list(t, w, "?cursor="+base64.RawURLEncoding.EncodeToString([]byte(forged)))
		for _, id := range ids {
			if !slices.Contains(allowed, id) {
				t.Errorf("%q lists %s", forged, id)
			}
		}
	}
}

func TestAPageThatThereIsNotIsABadRequest(t *testing.T) {
	w := tokenservertest.New(t)
	encoded := base64.RawURLEncoding.EncodeToString
	for sentence, query := range map[string]string{
		"a limit of none":              "limit=0",
		"a limit below":                "limit=-1",
		"a limit beyond":               "limit=501",
		"a limit that is no number":    "limit=many",
		"a limit beyond all numbers":   "limit=99999999999999999999",
		"two limits":                   "limit=1&limit=1",
		"two cursors":                  "cursor=Mjo&cursor=Mjo",
		"a query that does not decode": "limit=%zz",
		"a cursor that is none":        "cursor=x",
		"one with padding":             "cursor=Mjo%3D",
		"one with bits left over":      "cursor=Mjp",
		"one of the version before":    "cursor=" + encoded([]byte("1:acme")),
		"one of a version to come":     "cursor=" + encoded([]byte("3:")),
		"one without a version":        "cursor=" + encoded([]byte("acme")),
		"one that is too long":         "cursor=" + encoded([]byte("2:"+strings.Repeat("a", 65))),
		"one that is no place":         "cursor=" + encoded([]byte("2:../acme")),
		"one with a zero byte":         "cursor=" + encoded([]byte("2:a\x00")),
	} {
		t.Run(sentence, func(t *testing.T) {
			checkAnswer(t, w.Do(get("/v1/tenants?"+query, "Authorization", basic())), http.StatusBadRequest, "invalid_request")
		})
	}
}
