package insightshub

import (
	"net/http"
	"net/url"
	"strconv"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

const (
	defaultSize = 100
	maxSize     = 500
)

// UserTenants answers GET …/userTenants: the tenants that a token can be had for at this moment, sorted by id. The client
// shows a token of this API for its host tenant's own data.
type UserTenants struct{ Exchange *exchange.Exchange }

type userTenantsAnswer struct {
	Page    pageAnswer   `json:"page"`
	Tenants []userTenant `json:"userTenants"`
}

type pageAnswer struct {
	Size          int `json:"size"`
	TotalElements int `json:"totalElements"`
	TotalPages    int `json:"totalPages"`
	Number        int `json:"number"`
}

type userTenant struct {
	ID string `json:"id"`
}

func (h UserTenants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, r, http.StatusOK, answer, err)
}

func (h UserTenants) answer(r *http.Request) (*userTenantsAnswer, *oauth.Error) {
	query, problem := url.ParseQuery(r.URL.RawQuery)
	if problem != nil {
		return nil, badRequest("the query cannot be read")
	}
	number, err := numberOf(query, "page", 0, 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	size, err := numberOf(query, "size", defaultSize, 1, maxSize)
	if err != nil {
		return nil, err
	}
	text, err := bearer(r.Header)
	if err != nil {
		return nil, h.Exchange.Unidentified(r.Context(), exchange.InsightsHub, err)
	}
	session, err := h.Exchange.AuthenticateBearer(r.Context(), text)
	if err != nil {
		return nil, err
	}
	tenants, err := h.Exchange.Tenants(r.Context(), session)
	if err != nil {
		return nil, err
	}
	return pageOf(tenants, number, size), nil
}

// pageOf takes one page. One past the end is empty, and no error.
func pageOf(all []directory.TenantAccess, number, size int) *userTenantsAnswer {
	answer := &userTenantsAnswer{
		Page:    pageAnswer{Size: size, TotalElements: len(all), TotalPages: (len(all) + size - 1) / size, Number: number},
		Tenants: []userTenant{},
	}
	if number >= answer.Page.TotalPages {
		return answer
	}
	start := number * size
	for _, tenant := range all[start:min(start+size, len(all))] {
		answer.Tenants = append(answer.Tenants, userTenant{ID: tenant.Tenant})
	}
	return answer
}

func numberOf(query url.Values, name string, absent, least, most int) (int, *oauth.Error) {
	text, err := once(query, name)
	if err != nil || text == "" {
		return absent, err
	}
	number, problem := strconv.Atoi(text)
	if problem != nil || number < least || number > most {
		return 0, badRequest(name + " is a number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most))
	}
	return number, nil
}
