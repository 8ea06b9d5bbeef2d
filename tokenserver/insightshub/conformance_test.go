package insightshub_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/insightshub"
	"countersign.dev/tokenserver/tokenservertest"
)

// What docs/conformance.md shows of the v3 contract by these tests; whole chains with real clients are in test/flow.

func conformanceBody(tenant, more string) string {
	return fmt.Sprintf(`{"appName":%q,"appVersion":%q,"hostTenant":%q,"userTenant":%q%s}`,
		tokenservertest.App, tokenservertest.Version, tokenservertest.Host, tenant, more)
}

func conformanceAsk(w *tokenservertest.World, secret, body string) tokenservertest.Answer {
	r := httptest.NewRequest(http.MethodPost, insightshub.PathToken, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-SPACE-AUTH-KEY", tokenservertest.BasicAuth(tokenservertest.ClientID(), secret))
	r.Header.Set("X-Request-Id", "one")
	return w.Do(r)
}

// The .NET client does so.
func TestABodyWithASecretInItIsServedAndNothingOfItIsLogged(t *testing.T) {
	w := tokenservertest.New(t)
	const configuration = `,"clientSecret":"hunter2","baseUrl":"https://gateway.example.com"`
	for body, status := range map[string]int{
		conformanceBody(tokenservertest.Tenant, configuration): http.StatusOK,
		conformanceBody("other", configuration):                http.StatusForbidden,
		conformanceBody("", configuration):                     http.StatusBadRequest,
	} {
		if answer := conformanceAsk(w, tokenservertest.Secret(), body); answer.Status != status {
			t.Errorf("%s: %d %s", body, answer.Status, answer.Text)
		}
	}
	for _, text := range []string{"hunter2", "gateway.example.com"} {
		if strings.Contains(w.Log.String(), text) {
			t.Errorf("%s is in the log: %s", text, w.Log)
		}
	}
}

func TestAnUnknownClientAndAWrongSecretReadTheSame(t *testing.T) {
	w := tokenservertest.New(t)
	wrong := conformanceAsk(w, tokenservertest.WrongSecret(), conformanceBody(tokenservertest.Tenant, ""))
	r := httptest.NewRequest(http.MethodPost, insightshub.PathToken, strings.NewReader(conformanceBody(tokenservertest.Tenant, "")))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-SPACE-AUTH-KEY", tokenservertest.BasicAuth("nobody", tokenservertest.Secret()))
	r.Header.Set("X-Request-Id", "one")
	unknown := w.Do(r)
	if wrong.Status != http.StatusUnauthorized || unknown.Status != http.StatusUnauthorized || wrong.Text != unknown.Text {
		t.Errorf("got %d %s and %d %s", wrong.Status, wrong.Text, unknown.Status, unknown.Text)
	}
}

func TestUserTenantsAreSortedAndWithoutWhoeverSuspendedOrWithdrew(t *testing.T) {
	w := tokenservertest.New(t, func(o *tokenservertest.Objects) {
		suspended, withdrawn := tokenservertest.NewGrant("baker"), tokenservertest.NewTenant("carter")
		suspended.Spec.State = v1alpha1.StateSuspended
		asleep := tokenservertest.NewTenant("duke")
		asleep.Spec.State = v1alpha1.StateSuspended
		o.More = []runtime.Object{
			tokenservertest.NewTenant("zimmer"), tokenservertest.NewGrant("zimmer"), tokenservertest.NewTenant("baker"), suspended,
			withdrawn, asleep, tokenservertest.NewGrant("duke"),
		}
	})
	token := conformanceAsk(w, tokenservertest.Secret(), conformanceBody(tokenservertest.Host, "")).Member("access_token")
	list := func(query string) (ids []string, page map[string]any) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, insightshub.PathUserTenants+query, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		answer := w.Do(r)
		tenants, _ := answer.JSON["userTenants"].([]any)
		for _, tenant := range tenants {
			entry, _ := tenant.(map[string]any)
			id, _ := entry["id"].(string)
			ids = append(ids, id)
		}
		page, _ = answer.JSON["page"].(map[string]any)
		return ids, page
	}
	want := []string{tokenservertest.Tenant, tokenservertest.Host, "zimmer"}
	ids, page := list("")
	if !slices.Equal(ids, want) || page["size"] != float64(100) || page["totalElements"] != float64(3) || page["totalPages"] != float64(1) {
		t.Errorf("got %v, %v", ids, page)
	}
	for query, want := range map[string][]string{"?page=0&size=2": want[:2], "?page=1&size=2": want[2:], "?page=2&size=2": nil} {
		if ids, page := list(query); !slices.Equal(ids, want) || page["totalPages"] != float64(2) {
			t.Errorf("%s: got %v, %v", query, ids, page)
		}
	}
}

func TestAChallengeNamesAnErrorOnlyWhereSomethingWasShown(t *testing.T) {
	w := tokenservertest.New(t)
	for authorization, want := range map[string]string{
		"":         `Bearer realm="countersign"`,
		"Bearer x": `Bearer realm="countersign", error="invalid_token"`,
		"Basic x":  `Bearer realm="countersign", error="invalid_token"`,
	} {
		r := httptest.NewRequest(http.MethodGet, insightshub.PathUserTenants, http.NoBody)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		answer := w.Do(r)
		if got := answer.Header.Get("WWW-Authenticate"); answer.Status != http.StatusUnauthorized || got != want {
			t.Errorf("%q: %d %s", authorization, answer.Status, got)
		}
	}
}
