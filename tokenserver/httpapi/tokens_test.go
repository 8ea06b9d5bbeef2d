package httpapi_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/tokenservertest"
)

func batch(body string, header ...string) *http.Request {
	return with(post("/v1/tokens", body, "Content-Type", "application/json"), header...)
}

func TestSeveralTokensComeInTheOrderAskedAndOneRefusalSpoilsNoOther(t *testing.T) {
	w := tokenservertest.New(t)
	got := w.Do(batch(`{"tenants":["other","acme","nobody","operator-co"],"scope":"assets:read","resource":"`+
		tokenservertest.Audience+`"}`, "Authorization", basic()))
	checkAnswer(t, got, http.StatusOK, "")
	results, _ := got.JSON["tokens"].([]any)
	if len(results) != 4 {
		t.Fatalf("got %s", got.Text)
	}
	for i, want := range []struct {
		tenant  string
		granted bool
	}{{"other", false}, {"acme", true}, {"nobody", false}, {"operator-co", true}} {
		result, _ := results[i].(map[string]any)
		if result["tenant"] != want.tenant {
			t.Errorf("result %d is %v, want %s", i, result, want.tenant)
		}
		token, _ := result["access_token"].(string)
		switch {
		case want.granted:
			if strings.Count(token, ".") != 2 || result["token_type"] != "Bearer" || result["expires_in"] != 900.0 ||
				result["scope"] != "assets:read" || result["error"] != nil {
				t.Errorf("%s: %v", want.tenant, result)
			}
		case token != "" || result["error"] != "unauthorized_client" || result["reason"] != "NotGranted" || result["error_description"] == "":
			t.Errorf("%s: %v", want.tenant, result)
		}
	}
	if issued := w.Log.Lines(t, "Issued a token"); len(issued) != 2 {
		t.Errorf("%d tokens are logged", len(issued))
	}
}

func TestABatchInWhichAllAreRefusedIsAnsweredAllTheSame(t *testing.T) {
	w := tokenservertest.New(t)
	for body, code := range map[string]string{
		`{"tenants":["other"]}`: "unauthorized_client", `{"tenants":["acme"],"scope":"files:read"}`: "invalid_scope",
		`{"tenants":["acme"],"audience":"https://elsewhere.example.com"}`: "invalid_target",
	} {
		got := w.Do(batch(body, "Authorization", basic()))
		checkAnswer(t, got, http.StatusOK, "")
		if !strings.Contains(got.Text, `"error":"`+code+`"`) {
			t.Errorf("%s: got %s", body, got.Text)
		}
	}
}

func TestABatchThatIsNotWellFormedYieldsNoToken(t *testing.T) {
	w := tokenservertest.New(t)
	good := `{"tenants":["acme"]}`
	for sentence, test := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"six tenants":               {batch(`{"tenants":["acme","b","c","d","e","f"]}`), 400, "invalid_request"},
		"no tenants":                {batch(`{"tenants":[]}`), 400, "invalid_request"},
		"tenants left out":          {batch(`{}`), 400, "invalid_request"},
		"null for tenants":          {batch(`{"tenants":null}`), 400, "invalid_request"},
		"a tenant twice":            {batch(`{"tenants":["acme","b","acme"]}`), 400, "invalid_request"},
		"an empty name":             {batch(`{"tenants":["acme",""]}`), 400, "invalid_request"},
		"null for a name":           {batch(`{"tenants":["acme",null]}`), 400, "invalid_request"},
		"a number for a name":       {batch(`{"tenants":[1]}`), 400, "invalid_request"},
		"one name for a list":       {batch(`{"tenants":"acme"}`), 400, "invalid_request"},
		"a list of scopes":          {batch(`{"tenants":["acme"],"scope":["assets:read"]}`), 400, "invalid_request"},
		"an unknown member":         {batch(`{"tenants":["acme"],"scopes":"assets:read"}`), 400, "invalid_request"},
		"a member in capitals":      {batch(`{"Tenants":["acme"]}`), 400, "invalid_request"},
		"a member twice":            {batch(`{"tenants":["acme"],"tenants":["acme"]}`), 400, "invalid_request"},
		"a malformed scope":         {batch(`{"tenants":["acme"],"scope":"a  b"}`), 400, "invalid_scope"},
		"audience against resource": {batch(`{"tenants":["acme"],"audience":"https://a","resource":"https://b"}`), 400, "invalid_target"},
		"a second value":            {batch(good + good), 400, "invalid_request"},
		"something behind it":       {batch(good + "x"), 400, "invalid_request"},
		"a list":                    {batch(`["acme"]`), 400, "invalid_request"},
		"null":                      {batch(`null`), 400, "invalid_request"},
		"no JSON":                   {batch(`{`), 400, "invalid_request"},
		"nothing":                   {batch(``), 400, "invalid_request"},
		"parameters in the URL":     {post("/v1/tokens?tenants=acme", good, "Content-Type", "application/json"), 400, "invalid_request"},
		"no type":                   {post("/v1/tokens", good), 415, "invalid_request"},
		"a form":                    {post("/v1/tokens", "tenants=acme", "Content-Type", formType), 415, "invalid_request"},
		"more than 64 KiB":          {batch(good + strings.Repeat(" ", 64<<10)), 413, "invalid_request"},
		"another method":            {get("/v1/tokens"), 405, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) {
			checkAnswer(t, w.Do(with(test.request, "Authorization", basic())), test.status, test.code)
		})
	}
	if issued := w.Log.Lines(t, "Issued a token"); issued != nil {
		t.Errorf("%d tokens were issued", len(issued))
	}
}

func TestABatchAndAListTakeBasicAuthenticationAndNoOther(t *testing.T) {
	w := tokenservertest.New(t)
	id, secret := tokenservertest.ClientID(), tokenservertest.Secret()
	for sentence, header := range map[string][]string{
		"none":             nil,
		"a wrong secret":   {"Authorization", tokenservertest.BasicAuth(id, tokenservertest.WrongSecret())},
		"an unknown one":   {"Authorization", tokenservertest.BasicAuth("x"+id, secret)},
		"another scheme":   {"Authorization", strings.Replace(basic(), "Basic", "Bearer", 1)},
		"two headers":      {"Authorization", basic(), "Authorization", basic()},
		"the v3 header":    {"X-SPACE-AUTH-KEY", basic()},
		"no base64":        {"Authorization", "Basic *"},
		"no form-encoding": {"Authorization", encodedBasic(id, "%")},
	} {
		t.Run(sentence, func(t *testing.T) {
			checkAnswer(t, w.Do(batch(`{"tenants":["acme"]}`, header...)), http.StatusUnauthorized, "invalid_client")
			checkAnswer(t, w.Do(get("/v1/tenants", header...)), http.StatusUnauthorized, "invalid_client")
		})
	}
}

func TestAServerThatCannotSignOrSeeAnswersTheWholeBatchWith503(t *testing.T) {
	w := tokenservertest.New(t)
	later := tokenservertest.NewKey(t, keyset.ES256, w.Clock.Now())
	later.SignFrom = w.Clock.Now().Add(time.Hour)
	dark := tokenservertest.New(t)
	tokenservertest.WriteSet(t, filepath.Join(dark.KeyDir, keyset.StandardFile), later)
	if err := dark.Signer.Load(); err != nil {
		t.Fatal(err)
	}
	w.GoBlind()
	for sentence, world := range map[string]*tokenservertest.World{"blind": w, "without a key": dark} {
		got := world.Do(batch(`{"tenants":["other","acme"]}`, "Authorization", basic()))
		checkAnswer(t, got, http.StatusServiceUnavailable, "temporarily_unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", sentence)
		}
	}
}
