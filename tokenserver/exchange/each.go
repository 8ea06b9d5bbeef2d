package exchange

import (
	"context"

	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/token"
)

// Result is what came of one of several requests: a token, or why there is none.
type Result struct {
	Token token.Token
	Err   *oauth.Error
}

// IssueEach is Issue for several requests of one client, which cost as many: all of them, or none is begun. One that is
// refused does not spoil the others. A fault of the server's is that of the whole.
func (e *Exchange) IssueEach(ctx context.Context, s Session, requests []Request) ([]Result, *oauth.Error) {
	// The first was paid for with the authentication.
	if rest := len(requests) - 1; rest > 0 {
		if err := e.charge(ctx, s, rest, len(requests)); err != nil {
			return nil, err
		}
	}
	results := make([]Result, 0, len(requests))
	for _, request := range requests {
		issued, err := e.Issue(ctx, s, request)
		if err != nil && err.Status >= oauth.Internal().Status {
			return nil, err
		}
		results = append(results, Result{issued, err})
	}
	return results, nil
}
