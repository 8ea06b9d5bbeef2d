package tokenserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// cursors are the examples of one in the document: of the parameter, and of the member of an answer.
func (c *contract) cursors() []string {
	var found []string
	operation := c.operations()["GET /v1/tenants"]
	parameters, _ := operation.value["parameters"].([]any)
	for _, parameter := range parameters {
		if object, _ := parameter.(map[string]any); object["name"] == "cursor" {
			text, _ := object["example"].(string)
			found = append(found, text)
		}
	}
	media, _ := c.at(operation, "responses", "200", "content", "application/json", "example")
	text, _ := media.value["next_cursor"].(string)
	return append(found, text)
}

func TestTheCursorOfTheDocumentIsOneThatTheServerTakes(t *testing.T) {
	w := tokenservertest.New(t)
	cursors := newContract(t).cursors()
	if len(cursors) != 2 {
		t.Fatalf("found %q", cursors)
	}
	for _, cursor := range append(cursors, "MTphY21l") {
		r := httptest.NewRequest(http.MethodGet, "/v1/tenants?cursor="+url.QueryEscape(cursor), http.NoBody)
		r.Header.Set("Authorization", rightSecret())
		// The last is of a form that no server of today has: what is no cursor is told from what is.
		if got := w.Do(r); (got.Status == http.StatusOK) != (cursor != "MTphY21l") || cursor == "" {
			t.Errorf("%q: %d %s", cursor, got.Status, got.Text)
		}
	}
}

func TestTheExamplesOf429AreWhatTheServerSays(t *testing.T) {
	c := newContract(t)
	for operation, test := range map[string]struct{ media, body, response, member string }{
		"POST /oauth2/token":              {"application/x-www-form-urlencoded", "grant_type=client_credentials", "TooMany", "error_description"},
		"POST " + v3Path + "/oauth/token": {"application/json", v3Body(tokenservertest.Version, tokenservertest.Tenant), "HubTooMany", "message"},
	} {
		for example, secret := range map[string]string{"client": rightSecret(), "address": wrongSecret()} {
			described, ok := c.at(node{value: c.document}, "components", "responses", test.response, "content", "application/json", "examples", example, "value")
			if !ok {
				t.Fatalf("%s has no example %s", test.response, example)
			}
			w := limited(t)
			var answer tokenservertest.Answer
			for range enough {
				method, path, _ := strings.Cut(operation, " ")
				r := httptest.NewRequest(method, path, strings.NewReader(test.body))
				r.Header.Set("Content-Type", test.media)
				r.Header.Set("Authorization", secret)
				answer = w.Do(r)
			}
			want, got := messageIn(described.value, test.member), messageIn(answer.JSON, test.member)
			if answer.Status != http.StatusTooManyRequests || got != want || got == "" {
				t.Errorf("%s, %s: got %d %q, and the document has %q", operation, example, answer.Status, got, want)
			}
		}
	}
}

// messageIn is the text for people in an error of either face.
func messageIn(answer map[string]any, member string) string {
	if list, _ := answer["errors"].([]any); len(list) == 1 {
		answer, _ = list[0].(map[string]any)
	}
	text, _ := answer[member].(string)
	return text
}

// The v3 face takes id and secret as they are; the description of the other scheme says that they are form-encoded.
func TestTheV3FaceHasASchemeOfItsOwn(t *testing.T) {
	for name, operation := range newContract(t).operations() {
		requirements, _ := operation.value["security"].([]any)
		for _, requirement := range requirements {
			scheme, _ := requirement.(map[string]any)
			_, standard := scheme["clientSecretBasic"]
			_, hub := scheme["hubBasic"]
			if isHub := strings.Contains(name, v3Path); isHub && standard || !isHub && hub {
				t.Errorf("%s has %v", name, scheme)
			}
		}
	}
}
