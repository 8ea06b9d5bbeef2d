package token

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/access"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/signer"
)

const (
	// DefaultLifetime is how long a token of the standard face lives.
	DefaultLifetime = 15 * time.Minute
	// MaxLifetime is the longest that can be configured: a token in hand works until its exp, whatever happens.
	MaxLifetime = keyset.MaxTokenLifetime
	// insightsHubLifetime is how long a token of the Insights Hub API lives, as its clients expect.
	insightsHubLifetime = 30 * time.Minute
)

// jtiBytes is how many random bytes a token's id has.
const jtiBytes = 16

// ErrRefused is returned for a decision that permits no token: a caller's mistake, for which there is no token either.
var ErrRefused = errors.New("the decision permits no token")

// Deps is what an Issuer works with.
type Deps struct {
	// Issuer is the configured issuer, as clients compare it: byte for byte, without a trailing slash.
	Issuer string
	// Lifetime is that of the standard face's tokens.
	Lifetime time.Duration
	// Standard and InsightsHub are the keys of the two faces.
	Standard, InsightsHub *signer.Keys
	Clock                 clock.PassiveClock
	// Rand is where token ids come from, safe for concurrent use: crypto/rand, but for tests.
	Rand io.Reader
}

// Issuer makes tokens.
type Issuer struct{ deps Deps }

// New returns an Issuer.
func New(deps Deps) *Issuer { return &Issuer{deps: deps} }

// Token is a signed token and what is told beside it.
type Token struct {
	// Access is the token itself, in compact serialization.
	Access string
	// ID is its jti.
	ID string
	// Lifetime is the time from iat to exp, in whole seconds.
	Lifetime time.Duration
	Scopes   access.Scopes
	// Algorithm and KeyID say what it is signed with.
	Algorithm, KeyID string
}

// about is what both faces' claims say alike of the application and the tenant (names are ours).
type about struct {
	Tenant       string `json:"tenant"`
	HostTenant   string `json:"host_tenant"`
	Application  string `json:"app"`
	Version      string `json:"app_version"`
	CredentialID string `json:"credential_id"`
	Grant        string `json:"grant,omitempty"`
}

func aboutOf(client directory.Client, decision *access.Decision) about {
	return about{
		Tenant:       tenantOf(decision),
		HostTenant:   client.Host,
		Application:  client.Application.Name,
		Version:      client.Version,
		CredentialID: client.CredentialID,
		Grant:        string(decision.GrantUID()),
	}
}

// tenantOf is the tenant that the token is for: the host itself where no other is the user.
func tenantOf(decision *access.Decision) string {
	if decision.User != nil {
		return decision.User.Name
	}
	return decision.Host.Name
}

// window is the time of a token's life.
type window struct{ issued, expires time.Time }

func (w window) lifetime() time.Duration { return w.expires.Sub(w.issued) }

// windowOf begins now, in whole seconds, and never ends after the grant.
func (i *Issuer) windowOf(decision *access.Decision, lifetime time.Duration) window {
	issued := i.deps.Clock.Now().Truncate(time.Second)
	expires := issued.Add(lifetime)
	if end := decision.NotAfter(); !end.IsZero() && end.Before(expires) {
		expires = end
	}
	return window{issued, expires}
}

func (i *Issuer) newID() (string, error) {
	id := make([]byte, jtiBytes)
	if _, err := io.ReadFull(i.deps.Rand, id); err != nil {
		return "", fmt.Errorf("reading randomness for a token id: %w", err)
	}
	return hex.EncodeToString(id), nil
}

// sign encodes the claims, signs them, and reads back with what.
func sign(keys *signer.Keys, claims any) (text string, with header, err error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", header{}, fmt.Errorf("encoding claims: %w", err)
	}
	if text, err = keys.Sign(payload); err != nil {
		return "", header{}, err
	}
	with, err = headerOf(text)
	return text, with, err
}

// header is what is read back of a token's JOSE header.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

func headerOf(text string) (header, error) {
	var parsed header
	encoded, _, _ := strings.Cut(text, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(decoded, &parsed)
	}
	if err != nil {
		// The text is a token of ours, and in no error.
		return header{}, errors.New("reading back the header of a token that was signed")
	}
	return parsed, nil
}
