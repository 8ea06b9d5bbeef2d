package remote_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign.dev/plugin/remote"
)

func serve(t *testing.T, handler http.HandlerFunc) *remote.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	connected, err := remote.New(server.URL+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	return connected
}

func TestCredentialsGoOverTLSOrToThisMachineAlone(t *testing.T) {
	t.Parallel()
	for url, taken := range map[string]bool{
		"https://tokens.example.com":           true,
		"https://tokens.example.com:8443/":     true,
		"http://127.0.0.1:8080":                true,
		"http://[::1]:8080":                    true,
		"http://localhost:8080":                true,
		"http://tokens.example.com":            false,
		"http://127.0.0.1.example.com":         false,
		"tokens.example.com":                   false,
		"https://":                             false,
		"https://user:word@tokens.example.com": false,
		"https://tokens.example.com?a=b":       false,
		"ftp://127.0.0.1":                      false,
		"":                                     false,
	} {
		if _, err := remote.New(url, ""); (err == nil) != taken {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := remote.New("https://tokens.example.com", "doc.go"); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file without certificates: %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the credentials went to %s: %s", r.Host, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if _, _, err := server.Offers(t.Context(), "token"); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("offers: %v", err)
	}
	if _, err := server.Token(t.Context(), remote.TokenRequest{ClientID: "id", ClientSecret: "secret"}); err == nil {
		t.Error("a token came from a redirect")
	}
}

func TestOffersAreReadPageByPage(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/offers" || r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("%s %s", r.URL, r.Header.Get("Authorization"))
		}
		if r.URL.Query().Get("cursor") == "" {
			fmt.Fprint(w, `{"tenant":"acme","offers":[{"host_tenant":"host","application":"a","uid":"1"}],"next_cursor":"+/="}`)
			return
		}
		if got := r.URL.Query().Get("cursor"); got != "+/=" {
			t.Errorf("the cursor came back as %q", got)
		}
		fmt.Fprint(w, `{"tenant":"acme","offers":[{"host_tenant":"host","application":"b","uid":"2","display_name":"B",
			"versions":[{"version":"1","scopes":["x"],"level":{"name":"limited"}}]}]}`)
	})
	tenant, offers, err := server.Offers(t.Context(), "token")
	if err != nil || tenant != "acme" || len(offers) != 2 || offers[1].Versions[0].Level.Name != "limited" {
		t.Errorf("%s %+v %v", tenant, offers, err)
	}
}

func TestAListWithoutEndEnds(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"tenant":"acme","offers":[],"next_cursor":"again"}`)
	})
	if _, _, err := server.Offers(t.Context(), "token"); err == nil || !strings.Contains(err.Error(), "no end") {
		t.Errorf("got %v", err)
	}
}

func TestARefusalIsToldAndAnythingElseIsNoTokenServer(t *testing.T) {
	t.Parallel()
	status, body := http.StatusBadRequest, `{"error":"unauthorized_client","error_description":"ask","reason":"NotGranted"}`
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
	ask := func() error {
		_, err := server.Token(t.Context(), remote.TokenRequest{ClientID: "id", ClientSecret: "secret"})
		return err
	}
	var refusal *remote.Refusal
	if err := ask(); !errors.As(err, &refusal) || refusal.Reason != "NotGranted" ||
		err.Error() != "the token server refuses: unauthorized_client (NotGranted): ask" {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		status int
		body   string
	}{{http.StatusBadGateway, "<html>"}, {http.StatusNotFound, "{}"}, {http.StatusOK, "<html>"}, {http.StatusOK, "{}"}} {
		status, body = c.status, c.body
		if err := ask(); err == nil || errors.As(err, &refusal) && refusal.Code == "" {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
	}
}

func TestATokenThatIsNoJWTIsNotDecoded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "opaque", "a.b.c", "a.W10.c"} {
		token := &remote.Token{AccessToken: text}
		if claims, err := token.Claims(); err == nil {
			t.Errorf("%q was decoded to %v", text, claims)
		}
	}
}
