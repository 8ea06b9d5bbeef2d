package exchange

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/signer"
	"countersign.dev/tokenserver/token"
	"countersign.dev/tokenserver/workload"
)

// retryAfter is when a client is told to come again while the server cannot know or sign: about as long as a watch takes to
// be there again.
const retryAfter = 5 * time.Second

// Face is one of the two APIs.
type Face string

// The two faces, as they stand in the log and in metrics.
const (
	Standard    Face = "standard"
	InsightsHub Face = "insights_hub"
)

// Outcome is what came of a request.
type Outcome string

// The outcomes, as they stand in metrics.
const (
	// Issued is a token.
	Issued Outcome = "issued"
	// Listed is a list of tenants that tokens can be had for, or of what is offered to a tenant.
	Listed Outcome = "listed"
	// Refused is an authenticated client for which the decision was no, or a tenant to which an application is not offered.
	Refused Outcome = "refused"
	// Unauthenticated is a client that did not prove who it is.
	Unauthenticated Outcome = "unauthenticated"
	// Limited is a client that asked for too much, or one of too many failures from an address.
	Limited Outcome = "limited"
	// Active is a token that is good today, as a resource server was told.
	Active Outcome = "active"
	// Inactive is one that is not.
	Inactive Outcome = "inactive"
	// Unavailable is a server that cannot know or sign.
	Unavailable Outcome = "unavailable"
)

// Deps is what an Exchange works with.
type Deps struct {
	Directory *directory.Directory
	Tokens    *token.Issuer
	// MaxStaleness is the age of the view past which nothing is issued.
	MaxStaleness time.Duration
	// Workloads proves who a pod is. nil: nobody authenticates as a ServiceAccount.
	Workloads *workload.Verifier
	// Limits says when a client, or an address, has to slow down. nil: nobody has to.
	Limits *limit.Limiter
	Log    *slog.Logger
	// Count counts a decision. Reason is that of the decision, or of there being none; it comes from a closed set.
	Count func(face Face, outcome Outcome, reason string)
	// CountToken counts a token.
	CountToken func(face Face, algorithm string)
}

// Exchange turns authenticated requests into tokens.
type Exchange struct{ deps Deps }

// New returns an Exchange.
func New(deps Deps) *Exchange { return &Exchange{deps: deps} }

// Session is a client that proved who it is, on a view that is fresh enough. Only an Exchange makes one; the zero value is
// nobody, and gets nothing.
type Session struct {
	client directory.Client
	face   Face
	// account is the ServiceAccount that authenticated the client; the zero value: another credential did.
	account workload.Identity
}

// Host returns the name of the client's host tenant.
func (s Session) Host() string { return s.client.Host }

// Application returns the name of the client's application.
func (s Session) Application() string {
	if s.client.Application == nil {
		return ""
	}
	return s.client.Application.Name
}

// Version returns the client's application version.
func (s Session) Version() string { return s.client.Version }

// Authenticate takes steps 1 and 2 with a client id and secret.
func (e *Exchange) Authenticate(ctx context.Context, face Face, clientID, secret string) (Session, *oauth.Error) {
	// 1. The view is complete and fresh: who cannot know must not answer, not even that a client is unknown.
	if err := e.fresh(ctx, face); err != nil {
		return Session{}, err
	}
	// 2. The client proves who it is. Which part was wrong, nobody is told.
	client, ok := e.deps.Directory.Authenticate(clientID, secret)
	if !ok {
		return Session{}, e.failedAuthentication(ctx, face, clientID, oauth.Unauthenticated())
	}
	return e.admit(ctx, Session{client: client, face: face})
}

// Unidentified is the end of a request whose client authentication an edge cannot read, so that there is nothing to try. It
// returns the answer to it, whatever status that has.
func (e *Exchange) Unidentified(ctx context.Context, face Face, err *oauth.Error) *oauth.Error {
	return e.failedAuthentication(ctx, face, "", err)
}

// Contradicted is the end of an authenticated request that names another application, version or host tenant than its
// client's own. It returns the answer to it, whose description must not quote the request.
func (e *Exchange) Contradicted(ctx context.Context, s Session, err *oauth.Error) *oauth.Error {
	e.contradicted(ctx, s, err)
	return err
}

// AuthenticateBearer takes steps 1 and 2 with a token of the Insights Hub API: the token is good, and the client and the
// credential that it names still stand today.
func (e *Exchange) AuthenticateBearer(ctx context.Context, text string) (Session, *oauth.Error) {
	if err := e.fresh(ctx, InsightsHub); err != nil {
		return Session{}, err
	}
	bearer, err := e.deps.Tokens.VerifyInsightsHub(text)
	if err != nil {
		// The error may quote the token's header, which the client chose; it is for nobody's log.
		return Session{}, e.failedAuthentication(ctx, InsightsHub, "", invalidToken())
	}
	client, ok := e.deps.Directory.Client(bearer.ClientID, bearer.CredentialID)
	if !ok {
		return Session{}, e.failedAuthentication(ctx, InsightsHub, bearer.ClientID, invalidToken())
	}
	session, refused := e.admit(ctx, Session{client: client, face: InsightsHub})
	if refused != nil {
		return Session{}, refused
	}
	decision := e.deps.Directory.Decide(client, client.Host, "", nil)
	if !decision.Granted() {
		e.refused(ctx, session, Request{Tenant: client.Host}, &decision)
		return Session{}, invalidToken()
	}
	return session, nil
}

// Request is what a client wants a token for. The zero value is all that it can have on its host tenant's own data.
type Request struct {
	Tenant   string
	Audience string
	Scopes   []string
}

// Issue takes steps 3 to 5: the decision, the signature, the line in the log.
func (e *Exchange) Issue(ctx context.Context, s Session, r Request) (token.Token, *oauth.Error) {
	if r.Tenant == "" {
		r.Tenant = s.client.Host
	}
	// 3. The decision, on the objects as they are now.
	decision := e.deps.Directory.Decide(s.client, r.Tenant, r.Audience, r.Scopes)
	if !decision.Granted() {
		e.refused(ctx, s, r, &decision)
		return token.Token{}, refusal(&decision)
	}
	// 4. The signature.
	issue := e.deps.Tokens.Standard
	if s.face == InsightsHub {
		issue = e.deps.Tokens.InsightsHub
	}
	issued, err := issue(s.client, &decision)
	if err != nil {
		return token.Token{}, e.failed(ctx, s, err)
	}
	// 5. The line in the log.
	e.issued(ctx, s, r, &decision, issued)
	return issued, nil
}

// fresh refuses while the view is not complete, or older than is allowed.
func (e *Exchange) fresh(ctx context.Context, face Face) *oauth.Error {
	var problem string
	switch {
	case !e.deps.Directory.Synced():
		problem = "its first view of the cluster is not complete yet"
	case e.deps.Directory.Age() > e.deps.MaxStaleness:
		problem = "its view of the cluster is too old"
	default:
		return nil
	}
	e.blind(ctx, face, problem)
	return oauth.Unavailable("the server cannot decide at the moment, "+problem+"; try again", retryAfter)
}

func (e *Exchange) failed(ctx context.Context, s Session, err error) *oauth.Error {
	e.unsigned(ctx, s, err)
	if errors.Is(err, signer.ErrNoKey) {
		return oauth.Unavailable("the server has no key that may sign at the moment; try again", retryAfter)
	}
	return oauth.Internal()
}

// refusal is a refused decision as the client may know it.
func refusal(decision *access.Decision) *oauth.Error {
	code := oauth.UnauthorizedClient
	switch decision.Reason {
	case v1alpha1.ReasonAudienceNotAllowed:
		code = oauth.InvalidTarget
	case v1alpha1.ReasonInvalidScope:
		code = oauth.InvalidScope
	}
	err := oauth.BadRequest(code, decision.MessageForClient())
	err.Reason = string(decision.ReasonForClient())
	return err
}

func invalidToken() *oauth.Error {
	return oauth.NoToken("the token is no valid token for this API: it takes its own tokens that were issued with userTenant " +
		"equal to hostTenant, in time and of a client that still stands; ask for a new one")
}
