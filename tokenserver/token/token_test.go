package token_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	clocktesting "k8s.io/utils/clock/testing"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
)

var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

const issuer = "https://tokens.example.com"

func newIssuer(t *testing.T, clock *clocktesting.FakeClock) *token.Issuer {
	t.Helper()
	dir := t.TempDir()
	for file, algorithm := range map[string]keyset.Algorithm{
		keyset.StandardFile: keyset.ES256, keyset.InsightsHubFile: keyset.RS256,
	} {
		key, err := keyset.Generate(algorithm, noon, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		data, err := keyset.Set{Keys: []keyset.Key{key}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := signer.New(signer.Deps{Dir: dir, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err := keys.Load(); err != nil {
		t.Fatal(err)
	}
	return token.New(token.Deps{
		Issuer: issuer, Lifetime: token.DefaultLifetime, Standard: keys.Standard(), InsightsHub: keys.InsightsHub(),
		Clock: clock, Rand: rand.Reader,
	})
}

func client() directory.Client {
	return directory.Client{
		ID: "host-kpi-1.0.0-000000000001", Host: "host", Application: &access.Application{Namespace: "host", Name: "kpi"},
		Version: "1.0.0", CredentialID: "c1",
	}
}

// granted is a decision for the user, by a grant that ends then.
func granted(user string, ends time.Time) *access.Decision {
	d := &access.Decision{
		Reason: v1alpha1.ReasonGranted, Host: &access.Tenant{Name: "host"}, Audience: "https://api.example.com",
		Scopes: access.NewScopes("b", "a"),
	}
	if user != "host" {
		d.User, d.Grant = &access.Tenant{Name: user}, &access.Grant{UID: "g1", ExpirationTime: ends}
	}
	return d
}

func TestNoTokenOutlivesItsGrant(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon.Add(500 * time.Millisecond))
	i := newIssuer(t, clock)
	for sentence, test := range map[string]struct {
		ends          time.Time
		standard, hub time.Duration
	}{
		"a grant without an end":   {time.Time{}, 15 * time.Minute, 30 * time.Minute},
		"one that ends later":      {noon.Add(time.Hour), 15 * time.Minute, 30 * time.Minute},
		"one that ends in between": {noon.Add(20 * time.Minute), 15 * time.Minute, 20 * time.Minute},
		"one that is about to end": {noon.Add(time.Second), time.Second, time.Second},
	} {
		decision := granted("user", test.ends)
		standard, err := i.Standard(client(), decision)
		if err != nil {
			t.Fatal(err)
		}
		hub, err := i.InsightsHub(client(), decision)
		if err != nil {
			t.Fatal(err)
		}
		if standard.Lifetime != test.standard || hub.Lifetime != test.hub {
			t.Errorf("%s: got %s and %s, want %s and %s", sentence, standard.Lifetime, hub.Lifetime, test.standard, test.hub)
		}
	}
}

func TestARefusalIsNoTokenOnEitherFace(t *testing.T) {
	i := newIssuer(t, clocktesting.NewFakeClock(noon))
	for _, decision := range []*access.Decision{{}, {Reason: v1alpha1.ReasonNotGranted}} {
		if _, err := i.Standard(client(), decision); !errors.Is(err, token.ErrRefused) {
			t.Errorf("standard: %v", err)
		}
		if _, err := i.InsightsHub(client(), decision); !errors.Is(err, token.ErrRefused) {
			t.Errorf("insights hub: %v", err)
		}
	}
}

func TestATokenOfTheStandardFaceIsAnAccessTokenOfRFC9068(t *testing.T) {
	i := newIssuer(t, clocktesting.NewFakeClock(noon))
	issued, err := i.Standard(client(), granted("user", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(issued.Access, claims)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["typ"] != "at+jwt" || parsed.Header["alg"] != "ES256" {
		t.Errorf("header %v", parsed.Header)
	}
	for name, want := range map[string]any{
		"iss": issuer, "sub": client().ID, "client_id": client().ID, "aud": "https://api.example.com", "scope": "a b",
		"iat": float64(noon.Unix()), "exp": float64(noon.Add(15 * time.Minute).Unix()), "jti": issued.ID,
		"tenant": "user", "host_tenant": "host", "app": "kpi", "app_version": "1.0.0", "credential_id": "c1", "grant": "g1",
	} {
		if claims[name] != want {
			t.Errorf("%s: got %v, want %v", name, claims[name], want)
		}
	}
}

func TestTheInsightsHubFaceTakesItsOwnTokensForTheHostInTime(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	i := newIssuer(t, clock)
	own, err := i.InsightsHub(client(), granted("host", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := i.InsightsHub(client(), granted("user", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	standard, err := i.Standard(client(), granted("host", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := i.VerifyInsightsHub(own.Access)
	if err != nil || bearer.ClientID != client().ID || bearer.CredentialID != "c1" {
		t.Errorf("got %+v, %v", bearer, err)
	}
	other, err := newIssuer(t, clock).InsightsHub(client(), granted("host", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	for sentence, text := range map[string]string{
		"for another tenant": foreign.Access, "of the standard face": standard.Access, "by another's key": other.Access, "none": "x.y.z",
	} {
		if _, err := i.VerifyInsightsHub(text); err == nil {
			t.Errorf("a token %s was taken", sentence)
		}
	}
	clock.SetTime(noon.Add(30 * time.Minute))
	if _, err := i.VerifyInsightsHub(own.Access); err == nil {
		t.Error("an expired token was taken")
	}
}
