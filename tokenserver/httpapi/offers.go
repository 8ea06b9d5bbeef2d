package httpapi

import (
	"net/http"

	"countersign.dev/access"
	"countersign.dev/tokenserver/exchange"
	"countersign.dev/tokenserver/oauth"
)

const (
	// PathOffers is where a tenant asks what is offered to it.
	PathOffers = "/v1/offers"
	// PathOffer is one offer of it.
	PathOffer = PathOffers + "/{" + pathHostTenant + "}/{" + pathApplication + "}"

	pathHostTenant  = "host_tenant"
	pathApplication = "application"
)

// Offers lists what is offered to the tenant in whose namespace the ServiceAccount is whose token the request shows: GET, a page
// at a time, in an order that says nothing.
//
// It is for administrators who may not read the hosts' namespaces: with UID and scopes it has what a TenantGrant needs. What
// is not offered to the tenant leaves no trace in it. A page can be shorter than its limit, even empty, and have a next_cursor.
type Offers struct{ Exchange *exchange.Exchange }

// Offer is one of them, by host tenant and application.
type Offer struct{ Exchange *exchange.Exchange }

type offersAnswer struct {
	Tenant string        `json:"tenant"`
	Offers []offerAnswer `json:"offers"`
	// NextCursor is there when there can be more.
	NextCursor string `json:"next_cursor,omitempty"`
}

type singleOfferAnswer struct {
	Tenant string `json:"tenant"`
	offerAnswer
}

type offerAnswer struct {
	HostTenant  string `json:"host_tenant"`
	Application string `json:"application"`
	// UID is what a TenantGrant names in spec.application.uid.
	UID         string           `json:"uid"`
	DisplayName string           `json:"display_name,omitempty"`
	Versions    []offeredVersion `json:"versions"`
}

type offeredVersion struct {
	Version string `json:"version"`
	// Level is absent for custom access.
	Level *levelAnswer `json:"level,omitempty"`
	// Scopes is the most that the version can ask for.
	Scopes []string `json:"scopes"`
}

type levelAnswer struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Description string `json:"description,omitempty"`
}

func (h Offers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Offers) answer(r *http.Request) (*offersAnswer, *oauth.Error) {
	limit, cursor, err := pageOf(r.URL)
	if err != nil {
		return nil, err
	}
	after := ""
	if cursor != "" {
		if after, err = placeOf(cursorOffers, cursor); err != nil {
			return nil, err
		}
	}
	member, err := h.Exchange.AuthenticateMember(r.Context(), bearerOf(r.Header))
	if err != nil {
		return nil, err
	}
	page := h.Exchange.Offers(r.Context(), member, after, limit)
	answer := &offersAnswer{Tenant: member.Tenant(), Offers: make([]offerAnswer, 0, len(page.Offers))}
	for i := range page.Offers {
		answer.Offers = append(answer.Offers, offerOf(&page.Offers[i]))
	}
	if page.Next != "" {
		answer.NextCursor = cursorOf(cursorOffers, page.Next)
	}
	return answer, nil
}

func (h Offer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(r)
	respond(w, answer, err)
}

func (h Offer) answer(r *http.Request) (*singleOfferAnswer, *oauth.Error) {
	member, err := h.Exchange.AuthenticateMember(r.Context(), bearerOf(r.Header))
	if err != nil {
		return nil, err
	}
	offering, err := h.Exchange.Offer(r.Context(), member, r.PathValue(pathHostTenant), r.PathValue(pathApplication))
	if err != nil {
		return nil, err
	}
	return &singleOfferAnswer{Tenant: member.Tenant(), offerAnswer: offerOf(&offering)}, nil
}

func offerOf(offering *access.Offering) offerAnswer {
	answer := offerAnswer{
		HostTenant:  offering.Host.Name,
		Application: offering.Application.Name,
		UID:         string(offering.Application.UID),
		DisplayName: offering.Application.DisplayName,
		Versions:    make([]offeredVersion, 0, len(offering.Versions)),
	}
	for _, version := range offering.Versions {
		listed := offeredVersion{Version: version.Version, Scopes: version.Scopes}
		if level := version.Level; level != nil {
			listed.Level = &levelAnswer{Name: level.Name, DisplayName: level.DisplayName, Description: level.Description}
		}
		answer.Versions = append(answer.Versions, listed)
	}
	return answer
}
