package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
// GET with client_secret_basic, a page at a time, sorted by id.
//
// The cursor is a place in that order. A tenant that is there all along is listed once, whoever comes and goes meanwhile.
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
	if err != nil {
		oauth.WriteError(w, err)
		return
	}
	oauth.ForbidStoring(w.Header())
	oauth.WriteJSON(w, http.StatusOK, answer)
}

func (h Tenants) answer(r *http.Request) (*tenantsAnswer, *oauth.Error) {
	limit, after, err := pageOf(r.URL)
	if err != nil {
		return nil, err
	}
	auth, found, err := basicAuth(r.Header)
	if err == nil && !found {
		err = unauthenticated("client authentication is missing: send client id and secret by HTTP Basic authentication")
	}
	if err != nil {
		return nil, h.Exchange.Unidentified(r.Context(), exchange.Standard, err)
	}
	session, err := h.Exchange.Authenticate(r.Context(), exchange.Standard, auth.id, auth.secret)
	if err != nil {
		return nil, err
	}
	return page(h.Exchange.Tenants(r.Context(), session), limit, after), nil
}

// page takes what comes after the place.
func page(all []directory.TenantAccess, limit int, after string) *tenantsAnswer {
	start, found := slices.BinarySearchFunc(all, after, func(t directory.TenantAccess, id string) int {
		return strings.Compare(t.Tenant, id)
	})
	if found {
		start++
	}
	rest := all[start:]
	answer := &tenantsAnswer{Tenants: make([]tenantAnswer, 0, min(limit, len(rest)))}
	for _, tenant := range rest[:min(limit, len(rest))] {
		answer.Tenants = append(answer.Tenants, tenantAnswer{ID: tenant.Tenant, Scopes: tenant.Scopes})
	}
	if len(rest) > limit {
		answer.NextCursor = cursorAfter(rest[limit-1].Tenant)
	}
	return answer
}

// cursorVersion stands in front of the place, so that cursors can change their form one day.
const cursorVersion = "1:"

func cursorAfter(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + id))
}

func pageOf(location *url.URL) (limit int, after string, err *oauth.Error) {
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
	text := query.Get("cursor")
	if text == "" {
		return limit, "", nil
	}
	decoded, problem := base64.RawURLEncoding.Strict().DecodeString(text)
	after, found := strings.CutPrefix(string(decoded), cursorVersion)
	if problem != nil || !found {
		return 0, "", oauth.BadRequest(oauth.InvalidRequest, "cursor is none of this server's: take next_cursor of the page before")
	}
	return limit, after, nil
}
