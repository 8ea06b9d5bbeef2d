package token_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	clocktesting "k8s.io/utils/clock/testing"
)

// claimsOf are a token's, unverified.
func claimsOf(t *testing.T, text string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// Clients refuse a token that was issued in the future, and their clocks are not ours.
func TestATokenIsNeverIssuedInTheFuture(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	i := newIssuer(t, clock)
	for _, fraction := range []time.Duration{0, time.Millisecond, 999 * time.Millisecond} {
		clock.SetTime(noon.Add(fraction))
		standard, err := i.Standard(client(), granted("user", time.Time{}))
		if err != nil {
			t.Fatal(err)
		}
		hub, err := i.InsightsHub(client(), granted("user", time.Time{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{standard.Access, hub.Access} {
			if issued := claimsOf(t, text)["iat"]; issued != float64(noon.Unix()) {
				t.Errorf("%s past the second: issued at %v", fraction, issued)
			}
		}
	}
}

func TestRevSigStandsForTheCredential(t *testing.T) {
	i := newIssuer(t, clocktesting.NewFakeClock(noon))
	revSig := func(credential string) any {
		t.Helper()
		c := client()
		c.CredentialID = credential
		issued, err := i.InsightsHub(c, granted("user", time.Time{}))
		if err != nil {
			t.Fatal(err)
		}
		return claimsOf(t, issued.Access)["rev_sig"]
	}
	first := revSig("c1")
	if again := revSig("c1"); again != first {
		t.Error("two tokens of one credential differ in it")
	}
	if first == revSig("c2") {
		t.Error("two credentials share it")
	}
}

func TestNeitherFacesTokenNamesTheOthersIssuer(t *testing.T) {
	i := newIssuer(t, clocktesting.NewFakeClock(noon))
	standard, err := i.Standard(client(), granted("host", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	hub, err := i.InsightsHub(client(), granted("host", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	if got := claimsOf(t, standard.Access)["iss"]; got != issuer {
		t.Errorf("standard: %v", got)
	}
	if got := claimsOf(t, hub.Access)["iss"]; got != issuer+"/oauth/token" {
		t.Errorf("insights hub: %v", got)
	}
}

// RFC 8725 section 3.7: JSON in JWTs is UTF-8, whatever there is to say.
func TestHeaderAndClaimsAreJSONInUTF8(t *testing.T) {
	i := newIssuer(t, clocktesting.NewFakeClock(noon))
	c := client()
	c.CredentialID = "sa:ä\xff" // no API server lets it through
	standard, err := i.Standard(c, granted("user", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	hub, err := i.InsightsHub(c, granted("user", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, access := range []string{standard.Access, hub.Access} {
		for _, part := range strings.Split(access, ".")[:2] {
			text, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || !utf8.Valid(text) || !json.Valid(text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}
