package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/tokenservertest"
)

// What the RFCs require of the standard face, one test for what docs/conformance.md shows by it.

const grantType = "grant_type=client_credentials"

func rightSecret() string {
	return tokenservertest.BasicAuth(tokenservertest.ClientID(), tokenservertest.Secret())
}

// askToken posts a form to the token endpoint.
func askToken(w *tokenservertest.World, authorization, form string) tokenservertest.Answer {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return w.Do(r)
}

// claimsOf are those of an answer's token, unverified: real clients verify it in test/flow.
func claimsOf(t *testing.T, answer tokenservertest.Answer) map[string]any {
	t.Helper()
	parts := strings.Split(answer.Member("access_token"), ".")
	if len(parts) != 3 {
		t.Fatalf("got %d %s", answer.Status, answer.Text)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parsed := map[string]any{}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// escaped encodes every byte, which form-encoding permits and nobody does.
func escaped(text string) string {
	var all strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&all, "%%%02X", text[i])
	}
	return all.String()
}

func TestClientIDAndSecretAreFormDecoded(t *testing.T) {
	w := tokenservertest.New(t)
	id, secret := tokenservertest.ClientID(), tokenservertest.Secret()
	for sentence, answer := range map[string]tokenservertest.Answer{
		"by Basic":              askToken(w, tokenservertest.BasicAuth(escaped(id), escaped(secret)), grantType),
		"in the form":           askToken(w, "", grantType+"&client_id="+escaped(id)+"&client_secret="+escaped(secret)),
		"by Basic, as they are": askToken(w, rightSecret(), grantType),
	} {
		if answer.Status != http.StatusOK {
			t.Errorf("%s: %d %s", sentence, answer.Status, answer.Text)
		}
	}
	// Decoded once and not twice.
	twice := askToken(w, tokenservertest.BasicAuth(escaped(escaped(id)), secret), grantType)
	if twice.Status != http.StatusUnauthorized {
		t.Errorf("encoded twice: %d %s", twice.Status, twice.Text)
	}
}

func TestTheSchemeOfAuthenticationIsReadInAnyCase(t *testing.T) {
	w := tokenservertest.New(t)
	_, credentials, _ := strings.Cut(rightSecret(), " ")
	for _, scheme := range []string{"Basic", "basic", "BASIC"} {
		if answer := askToken(w, scheme+" "+credentials, grantType); answer.Status != http.StatusOK {
			t.Errorf("%s: %d %s", scheme, answer.Status, answer.Text)
		}
	}
}

func TestAParameterWithoutAValueIsAsOneThatIsNotThereAndUnknownOnesAreIgnored(t *testing.T) {
	w := tokenservertest.New(t)
	without := askToken(w, rightSecret(), grantType)
	for _, more := range []string{
		"&tenant=&scope=&resource=&audience=", "&unknown=x", "&unknown=x&unknown=y", "&tenant=&client_secret=&client_id=",
	} {
		answer := askToken(w, rightSecret(), grantType+more)
		if answer.Status != http.StatusOK || answer.Member("scope") != without.Member("scope") ||
			claimsOf(t, answer)["tenant"] != tokenservertest.Host {
			t.Errorf("%s: %d %s", more, answer.Status, answer.Text)
		}
	}
}

func TestAnAnswerWithATokenHasWhatRFC6749SaysAndNoRefreshToken(t *testing.T) {
	w := tokenservertest.New(t)
	answer := askToken(w, rightSecret(), grantType+"&tenant="+tokenservertest.Tenant)
	want := []string{"access_token", "expires_in", "scope", "token_type"}
	if got := slices.Sorted(maps.Keys(answer.JSON)); !slices.Equal(got, want) {
		t.Errorf("members: %v, want %v", got, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestADescriptionHasNoCharacterThatRFC6749ForbidsWhateverWasAsked(t *testing.T) {
	w := tokenservertest.New(t)
	for _, text := range []string{"\"", `\`, "ä", "\x00", "\x7f", "a\nb", "日本", "'"} {
		for _, parameter := range []string{"scope", "tenant", "resource", "audience", "grant_type", "client_id"} {
			answer := askToken(w, rightSecret(), grantType+"&"+parameter+"="+url.QueryEscape("x"+text))
			description := answer.Member("error_description")
			if answer.Status < 400 || answer.Status > 499 || description == "" {
				t.Errorf("%s=%q: %d %s", parameter, text, answer.Status, answer.Text)
			}
			if i := strings.IndexFunc(description, forbidden); i >= 0 {
				t.Errorf("%s=%q: %q", parameter, text, description)
			}
		}
	}
}

func forbidden(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }

func TestATokenOfTheWireHasTheClaimsOfRFC9068AndOneAudience(t *testing.T) {
	w := tokenservertest.New(t)
	got := claimsOf(t, askToken(w, rightSecret(), grantType+"&tenant="+tokenservertest.Tenant+"&scope=assets:read"))
	now, id := float64(tokenservertest.Epoch().Unix()), tokenservertest.ClientID()
	for name, want := range map[string]any{
		"iss": tokenservertest.Issuer, "sub": id, "client_id": id, "aud": tokenservertest.Audience, "iat": now, "exp": now + 900,
		"scope": "assets:read", "tenant": tokenservertest.Tenant, "host_tenant": tokenservertest.Host, "app": tokenservertest.App,
		"app_version": tokenservertest.Version, "credential_id": tokenservertest.CredentialID, "grant": tokenservertest.GrantedTo,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
		delete(got, name)
	}
	if _, ok := got["jti"].(string); !ok || len(got) != 1 {
		t.Errorf("beside these: %v, want a jti alone", got)
	}
}

func TestNoTwoTokensHaveTheSameID(t *testing.T) {
	w := tokenservertest.New(t)
	seen := map[any]bool{}
	for range 100 {
		id := claimsOf(t, askToken(w, rightSecret(), grantType))["jti"]
		if seen[id] {
			t.Fatalf("%v is there twice", id)
		}
		seen[id] = true
	}
}

// billing is a second resource server of the application.
func billing(o *tokenservertest.Objects) {
	o.App.Spec.ResourceServers = append(o.App.Spec.ResourceServers, "billing")
	o.More = append(o.More, &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: "billing"},
		Spec: v1alpha1.ResourceServerSpec{
			Audience: "https://billing.example.com", Scopes: []v1alpha1.Scope{"timeseries:read"},
		},
	})
}

func TestTheAudienceIsTheResourceThatWasAskedForWithItsScopesAlone(t *testing.T) {
	w := tokenservertest.New(t, billing)
	const first, second = tokenservertest.Audience, "https://billing.example.com"
	for form, want := range map[string]string{
		"": first, "&resource=" + first: first, "&resource=" + second: second, "&audience=" + second: second,
		"&resource=" + second + "&resource=" + second: second, "&resource=" + second + "&audience=" + second: second,
	} {
		answer := askToken(w, rightSecret(), grantType+form)
		if got := claimsOf(t, answer)["aud"]; got != want {
			t.Errorf("%q: aud is %v, want %s", form, got, want)
		}
		if want == second && answer.Member("scope") != "timeseries:read" {
			t.Errorf("%q: scope is %s, which the audience does not know", form, answer.Member("scope"))
		}
	}
}

func TestAResourceThatCannotBeHadIsAnInvalidTarget(t *testing.T) {
	w := tokenservertest.New(t, billing)
	for sentence, form := range map[string]string{
		"another":          "&resource=https://other.example.com",
		"a relative one":   "&resource=/assets",
		"with a fragment":  "&resource=" + url.QueryEscape(tokenservertest.Audience+"#x"),
		"a longer one":     "&resource=" + tokenservertest.Audience + "/assets",
		"no URI":           "&resource=%20",
		"two":              "&resource=" + tokenservertest.Audience + "&resource=https://billing.example.com",
		"two by two names": "&resource=" + tokenservertest.Audience + "&audience=https://billing.example.com",
	} {
		if answer := askToken(w, rightSecret(), grantType+form); answer.Status != http.StatusBadRequest || answer.Member("error") != "invalid_target" {
			t.Errorf("%s: %d %s", sentence, answer.Status, answer.Text)
		}
	}
}

func TestTheServerMetadataNamesWhatIsServedAndNothingElse(t *testing.T) {
	w := tokenservertest.New(t)
	answer := w.Do(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-authorization-server", http.NoBody))
	if answer.Status != http.StatusOK || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	if answer.Member("issuer") != tokenservertest.Issuer {
		t.Errorf("issuer: %s", answer.Member("issuer"))
	}
	for name, value := range answer.JSON {
		if list, ok := value.([]any); ok && len(list) == 0 || value == nil || value == "" {
			t.Errorf("%s has no value and is there", name)
		}
		address, ok := value.(string)
		path, ours := strings.CutPrefix(address, tokenservertest.Issuer)
		switch {
		case !ok || name == "issuer":
		case !ours:
			t.Errorf("%s is at %s", name, address)
		case w.Do(httptest.NewRequest(http.MethodOptions, path, http.NoBody)).Status == http.StatusNotFound:
			t.Errorf("%s is not served at %s", name, address)
		}
	}
	for _, name := range []string{"response_types_supported", "authorization_endpoint", "revocation_endpoint", "registration_endpoint"} {
		if _, ok := answer.JSON[name]; ok {
			t.Errorf("%s is there", name)
		}
	}
}

func TestAPublicDocumentIsComparedAsRFC9110SaysAndHasNoBodyForHEAD(t *testing.T) {
	w := tokenservertest.New(t)
	server := httptest.NewServer(w.Handler)
	defer server.Close()
	get := func(method, path, condition string) (status int, header http.Header, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if condition != "" {
			r.Header.Set("If-None-Match", condition)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header, string(text)
	}
	for _, path := range []string{
		"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/token_keys", "/openapi.json",
	} {
		_, first, text := get(http.MethodGet, path, "")
		tag := first.Get("ETag")
		for condition, want := range map[string]int{
			tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, strings.Trim(tag, `"`): 200,
		} {
			status, again, body := get(http.MethodGet, path, condition)
			if status != want || (body == "") != (want == http.StatusNotModified) {
				t.Errorf("%s, %s: %d %q", path, condition, status, body)
			}
			for _, name := range []string{"ETag", "Cache-Control"} {
				if again.Get(name) != first.Get(name) {
					t.Errorf("%s, %s: %s is %q", path, condition, name, again.Get(name))
				}
			}
		}
		if status, head, body := get(http.MethodHead, path, ""); status != http.StatusOK || body != "" || head.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %q", path, status, body)
		}
		if strings.Contains(text, `"d":`) {
			t.Errorf("%s has a private key in it", path)
		}
	}
}

func TestTheOpenIDConfigurationIsTheServerMetadataAndThreeMembersMore(t *testing.T) {
	w := tokenservertest.New(t)
	metadata := w.Do(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-authorization-server", http.NoBody)).JSON
	configuration := w.Do(httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", http.NoBody)).JSON
	if len(metadata) == 0 {
		t.Fatal("there is no metadata")
	}
	metadata["response_types_supported"] = []any{"id_token"}
	metadata["subject_types_supported"] = []any{"public"}
	metadata["id_token_signing_alg_values_supported"] = []any{"ES256"}
	if !reflect.DeepEqual(configuration, metadata) {
		t.Errorf("got %v, want %v", configuration, metadata)
	}
}
