package workload

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// maxLifetime is the longest that a token may live: whoever gets hold of one has it until its exp, since nobody is asked
	// whether its pod is still there. A kubelet renews a token after 80 % of it.
	maxLifetime = time.Hour
	// leeway is how far the API server's clock may differ from ours.
	leeway = 10 * time.Second
)

// Deps is what a Verifier works with.
type Deps struct {
	// Config reaches the API server whose ServiceAccounts these are. Only Run and Refresh use it.
	Config *rest.Config
	// Audience is the one audience that a token may have: the token server's issuer.
	Audience string
	Clock    clock.WithTicker
	Log      *slog.Logger
}

// Verifier verifies the tokens of a cluster's ServiceAccounts. Verify is safe for concurrent use and never locks.
type Verifier struct {
	deps   Deps
	parser *jwt.Parser
	held   atomic.Pointer[keys]

	// wake asks Run for the keys before their time; unknown bounds how often strangers can have that done.
	wake    chan struct{}
	unknown *rate.Limiter
	// problem is why the keys could not be fetched the last time; it belongs to Refresh.
	problem string
}

// New returns a Verifier that knows no keys until Run or Refresh has fetched them.
func New(deps Deps) *Verifier {
	return &Verifier{
		deps: deps,
		parser: jwt.NewParser(
			jwt.WithStrictDecoding(), jwt.WithTimeFunc(deps.Clock.Now), jwt.WithLeeway(leeway),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		),
		wake:    make(chan struct{}, 1),
		unknown: rate.NewLimiter(rate.Every(unknownKeyInterval), 1),
	}
}

// claims are those of a ServiceAccount's token.
type claims struct {
	jwt.RegisteredClaims
	Kubernetes bound `json:"kubernetes.io"`
}

// Verify returns whose token the text is, or a Refusal. It makes no network call. A token of the ServiceAccount default, which is
// every pod's, proves nobody.
func (v *Verifier) Verify(text string) (Identity, error) {
	account, err := v.VerifyAny(text)
	if err == nil && account.Name == defaultServiceAccount {
		return Identity{}, DefaultServiceAccount
	}
	return account, err
}

// VerifyAny is Verify for those who ask of which namespace somebody is and not who: there the ServiceAccount default is as good as
// any.
//
// That a header names a key or a place to get one from (jku, jwk, x5u, x5c) makes no difference: the keys are the cluster's.
func (v *Verifier) VerifyAny(text string) (Identity, error) {
	held := v.current()
	if held == nil {
		return Identity{}, NoKeys
	}
	said := &claims{}
	if _, err := v.parser.ParseWithClaims(text, said, v.keyOf(held)); err != nil {
		return Identity{}, refusalOf(err)
	}
	switch {
	case said.Issuer != held.issuer:
		return Identity{}, WrongIssuer
	case len(said.Audience) != 1 || said.Audience[0] != v.deps.Audience:
		return Identity{}, WrongAudience
	case said.IssuedAt == nil || said.ExpiresAt.Sub(said.IssuedAt.Time) > maxLifetime:
		return Identity{}, TooLong
	}
	return said.identity()
}

// keyOf finds the key of a token, and holds the token to the key's one algorithm. No list of methods is asked beside it: it
// could only let through what the key does not.
func (v *Verifier) keyOf(held *keys) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		if _, critical := token.Header["crit"]; critical {
			return nil, Malformed
		}
		id, _ := token.Header["kid"].(string)
		found, known := held.byID[id]
		if !known {
			v.miss()
			return nil, UnknownKey
		}
		if token.Method.Alg() != found.algorithm {
			return nil, WrongAlgorithm
		}
		return found.public, nil
	}
}

// refusalOf says in our words why the parser refused: its own quote the token.
func refusalOf(err error) Refusal {
	var ours Refusal
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return WrongSignature
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return WrongAlgorithm
	case errors.Is(err, jwt.ErrTokenExpired):
		return Expired
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return NotYetValid
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return TooLong
	}
	return Malformed
}
