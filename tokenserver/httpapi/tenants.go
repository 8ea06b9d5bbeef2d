package httpapi

import (
	"net/http"
	"net/url"
	"strconv"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

// PathTenants is where a client asks whom it may act for.
const PathTenants = "/v1/tenants"

const (
	defaultLimit = 100
	maxLimit     = 500
)

// Tenants lists the tenants that the client can have a token for at this moment, with their scopes at the default audience:
// GET with client_secret_basic, a page at a time, the host tenant first and then in an order that says nothing.
//
// A tenant that is there all along is listed once, whoever comes and goes meanwhile. A page can be shorter than its limit, even
// empty, and have a next_cursor: the last is the one that has none.
type Tenants struct{ Exchange *exchange.Exchange }

type tenantsAnswer struct {
	Tenants []tenantAnswer `json:"tenants"`
	// NextCursor is there when there is more.
	NextCursor string `json:"next_cursor,omitempty"`
}

type tenantAnswer struct {
	ID     string   `json:"id"`
	Scopes []string `json:"scopes"`
}

func (h Tenants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Tenants) answer(r *http.Request) (*tenantsAnswer, *oauth.Error) {
	limit, cursor, err := pageOf(r.URL)
	if err != nil {
		return nil, err
	}
	after := directory.Place{}
	if cursor != "" {
		// Behind the host tenant, where all places are that a page ends at.
		after.HostPassed = true
		if after.Grant, err = placeOf(cursorTenants, cursor); err != nil {
			return nil, err
		}
	}
	session, err := headerSession(r, h.Exchange)
	if err != nil {
		return nil, err
	}
	page := h.Exchange.TenantsPage(r.Context(), session, after, limit)
	answer := &tenantsAnswer{Tenants: make([]tenantAnswer, 0, len(page.Tenants))}
	for _, tenant := range page.Tenants {
		answer.Tenants = append(answer.Tenants, tenantAnswer{ID: tenant.Tenant, Scopes: tenant.Scopes})
	}
	if page.Next != nil {
		answer.NextCursor = cursorOf(cursorTenants, page.Next.Grant)
	}
	return answer, nil
}

// pageOf reads which page of a list is wanted: its size, and the cursor, which is empty for the first.
func pageOf(location *url.URL) (limit int, cursor string, err *oauth.Error) {
	query, problem := url.ParseQuery(location.RawQuery)
	if problem != nil || len(query["limit"]) > 1 || len(query["cursor"]) > 1 {
		return 0, "", oauth.BadRequest(oauth.InvalidRequest, "the query cannot be read: it has limit and cursor, each at most once")
	}
	limit = defaultLimit
	if text := query.Get("limit"); text != "" {
		if limit, problem = strconv.Atoi(text); problem != nil || limit < 1 || limit > maxLimit {
			return 0, "", oauth.BadRequest(oauth.InvalidRequest, "limit is a number from 1 to 500")
		}
	}
	return limit, query.Get("cursor"), nil
}
