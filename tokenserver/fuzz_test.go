package tokenserver_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// Whatever comes in: never a status from 500 on, never a panic, never a token for who is not authenticated, an answer in its
// face's envelope, and no secret in the log. Each target asks the whole handler of one server.

const (
	hubPath  = "/api/technicaltokenmanager/v3"
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// fuzzed is a server under fuzzing. Its World must not be asked directly: that would be the target's F.
type fuzzed struct{ world *tokenservertest.World }

func newFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	return &fuzzed{tokenservertest.New(f)}
}

// ask sends a request and checks what holds for every answer. It returns the answer's JSON.
func (z *fuzzed) ask(t *testing.T, r *http.Request) (status int, body map[string]any) {
	t.Helper()
	z.world.Log.Reset()
	recorder := httptest.NewRecorder()
	z.world.Handler.ServeHTTP(recorder, r)
	z.world.Log.CheckDiscreet(t)
	// A handler that panicked has answered with 500.
	if recorder.Code >= http.StatusInternalServerError {
		t.Fatalf("got %d %s; the log: %s", recorder.Code, recorder.Body, z.world.Log)
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &body); err != nil {
		t.Fatalf("got %d and no JSON object: %q", recorder.Code, recorder.Body)
	}
	if recorder.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("an answer that could be stored: %v", recorder.Header())
	}
	if recorder.Code != http.StatusOK {
		checkEnvelope(t, r.URL.Path, body)
		if text := recorder.Body.String(); strings.Contains(text, `"access_token":`) {
			t.Fatalf("a token in a refusal: %s", text)
		}
	}
	return recorder.Code, body
}

// checkEnvelope checks that a refusal is in the form of the face whose path it is.
func checkEnvelope(t *testing.T, path string, body map[string]any) {
	t.Helper()
	if !strings.HasPrefix(path, hubPath) {
		code, _ := body["error"].(string)
		description, _ := body["error_description"].(string)
		if code == "" || description == "" || strings.ContainsFunc(description, notInDescription) {
			t.Fatalf("this is no error of RFC 6749: %v", body)
		}
		return
	}
	if _, several := body["tokens"]; several { // a batch in which all are refused
		return
	}
	list, _ := body["errors"].([]any)
	if len(list) != 1 {
		t.Fatalf("this is no error of the v3 API: %v", body)
	}
	entry, _ := list[0].(map[string]any)
	for _, member := range []string{"code", "message", "logref"} {
		if text, _ := entry[member].(string); text == "" {
			t.Fatalf("the error has no %s: %v", member, body)
		}
	}
}

// notInDescription is what RFC 6749 section 5.2 forbids.
func notInDescription(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }

// sendable reports whether the text can arrive as the value of a header.
func sendable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f })
}

func credentials() (id, secret string) { return tokenservertest.ClientID(), tokenservertest.Secret() }

// proves reports whether a header's value has the right id and secret in it, however it is wrapped. It is more generous than
// either face: who is not let in by it must not be let in at all.
func proves(value string) bool {
	id, secret := credentials()
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t<>=,", r) }), func(part string) bool {
		decoded, err := base64.RawStdEncoding.DecodeString(part)
		given, password, found := strings.Cut(string(decoded), ":")
		return err == nil && found && unescaped(given) == id && unescaped(password) == secret
	})
}

// unescaped is the text without form-encoding, or as it is where it has none.
func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// wrapped returns an Authorization header around the text.
func wrapped(scheme, text string) string {
	return scheme + base64.StdEncoding.EncodeToString([]byte(text))
}

// seedHeaders are forms in which client authentication comes, right and wrong.
func seedHeaders() []string {
	id, secret := credentials()
	right := id + ":" + secret
	return []string{
		"", "Basic", "Basic ", "Basic *", "Digest x", "Bearer ey.ey.ey",
		wrapped("Basic ", right), wrapped("basic  ", right), wrapped("Bearer ", right), wrapped("", right), wrapped("<", right) + ">",
		strings.TrimRight(wrapped("Basic ", right), "="), wrapped("Basic ", url.QueryEscape(id)+":%63"+secret[1:]),
		wrapped("Basic ", id+":"+tokenservertest.WrongSecret()), wrapped("Basic ", id+":"), wrapped("Basic ", ":"+secret),
		wrapped("Basic ", id), wrapped("Basic ", "%:%"), wrapped("Basic ", "\x00:\xff"), wrapped("Basic ", "x"+right),
	}
}

func FuzzAuthorization(f *testing.F) {
	z := newFuzzed(f)
	for _, value := range seedHeaders() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !sendable(value) {
			return
		}
		for _, r := range []*http.Request{
			newPost("/oauth2/token", formType, "grant_type=client_credentials"), newPost("/v1/tokens", jsonType, `{"tenants":["acme"]}`),
			httptest.NewRequest(http.MethodGet, "/v1/tenants", http.NoBody),
		} {
			r.Header.Set("Authorization", value)
			status, answer := z.ask(t, r)
			if status == http.StatusOK && !proves(value) {
				t.Fatalf("%s took %q for a proof", r.URL.Path, value)
			}
			if status != http.StatusOK && value == tokenservertest.BasicAuth(credentials()) {
				t.Fatalf("%s refused the right client: %v", r.URL.Path, answer)
			}
		}
	})
}

func FuzzSpaceAuthKey(f *testing.F) {
	z := newFuzzed(f)
	for _, value := range seedHeaders() {
		f.Add(value, "")
		f.Add("", value)
		f.Add(value, value)
	}
	f.Fuzz(func(t *testing.T, key, authorization string) {
		if !sendable(key) || !sendable(authorization) {
			return
		}
		for path, body := range map[string]string{"/oauth/token": hubBody, "/oauthTokens": hubSeveral} {
			r := newPost(hubPath+path, jsonType, body)
			r.Header.Set("X-SPACE-AUTH-KEY", key)
			r.Header.Set("Authorization", authorization)
			status, answer := z.ask(t, r)
			if status == http.StatusOK && !proves(key) && !proves(authorization) {
				t.Fatalf("%s took %q and %q for a proof", path, key, authorization)
			}
			if status != http.StatusOK && key == tokenservertest.BasicAuth(credentials()) && authorization == "" {
				t.Fatalf("%s refused the right client: %v", path, answer)
			}
		}
	})
}

func newPost(path, media, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	return r
}

const (
	hubBody    = `{"appName":"kpi","appVersion":"1.0.0","hostTenant":"operator-co","userTenant":"acme"}`
	hubSeveral = `{"appName":"kpi","appVersion":"1.0.0","hostTenantId":"operator-co","userTenantIds":["acme","other"]}`
	hubQuery   = "appName=kpi&appVersion=1.0.0&hostTenant=operator-co&userTenant=acme&grant_type=client_credentials"
)

func FuzzForm(f *testing.F) {
	z := newFuzzed(f)
	id, secret := credentials()
	post := url.Values{"client_id": {id}, "client_secret": {secret}}.Encode()
	for _, body := range []string{
		"", "grant_type=client_credentials", "grant_type=client_credentials&scope=assets:read+assets:write&tenant=acme", "grant_type=password",
		"grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com&resource=https%3A%2F%2Fapi.example.com&audience=",
		"grant_type=client_credentials&" + post, "grant_type=client_credentials&client_id=" + id + "&client_secret=" + tokenservertest.WrongSecret(),
		"grant_type=client_credentials&scope=a&scope=b", "%zz", "a;b", "=&=&", "grant_type=client_credentials&tenant=%00%22%0a", post + "&" + post,
	} {
		f.Add(body, formType, true)
		f.Add(body, formType+"; charset=utf-8", false)
	}
	f.Fuzz(func(t *testing.T, body, media string, authenticated bool) {
		if !sendable(media) {
			return
		}
		r := newPost("/oauth2/token", media, body)
		if authenticated {
			r.Header.Set("Authorization", tokenservertest.BasicAuth(id, secret))
		}
		if status, _ := z.ask(t, r); status == http.StatusOK && !authenticated {
			form, err := url.ParseQuery(body)
			if err != nil || !slices.Contains(form["client_id"], id) || !slices.Contains(form["client_secret"], secret) {
				t.Fatalf("%q was taken for a proof", body)
			}
		}
	})
}
