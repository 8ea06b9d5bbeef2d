package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"countersign.dev/api/v1alpha1"
)

// maxPages is how many pages of offers are read: a server that goes on beyond is not one of ours.
const maxPages = 10_000

// Offer is an application that is offered to a tenant.
type Offer struct {
	HostTenant  string `json:"host_tenant"`
	Application string `json:"application"`
	// UID is metadata.uid of the Application, which a grant names.
	UID         string    `json:"uid"`
	DisplayName string    `json:"display_name,omitempty"`
	Versions    []Version `json:"versions"`
}

// Version is a version with access, and what a grant has to list so that nothing is missing to it.
type Version struct {
	Version string `json:"version"`
	// Level is nil for custom access.
	Level  *Level   `json:"level,omitempty"`
	Scopes []string `json:"scopes"`
}

// Level is an access level in words.
type Level struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Description string `json:"description,omitempty"`
}

// Offers returns what is offered to a tenant, and which tenant that is: the one in whose namespace the ServiceAccount is that
// the token was made for.
func (s *Server) Offers(ctx context.Context, token string) (tenant string, offers []Offer, err error) {
	for cursor, page := "", 0; ; page++ {
		if page == maxPages {
			return "", nil, errors.New("the token server's list of offers has no end")
		}
		var answer struct {
			Tenant     string  `json:"tenant"`
			Offers     []Offer `json:"offers"`
			NextCursor string  `json:"next_cursor"`
		}
		address := s.base + "/v1/offers"
		if cursor != "" {
			address += "?" + url.Values{"cursor": {cursor}}.Encode()
		}
		if err := s.getAs(ctx, address, token, &answer); err != nil {
			return "", nil, err
		}
		tenant, offers = answer.Tenant, append(offers, answer.Offers...)
		if cursor = answer.NextCursor; cursor == "" {
			return tenant, offers, nil
		}
	}
}

// Offer returns one offer by its names, nil where the tenant is offered nothing of these names, whether it exists or not.
func (s *Server) Offer(ctx context.Context, token, host, application string) (tenant string, offer *Offer, err error) {
	var answer struct {
		Tenant string `json:"tenant"`
		Offer
	}
	address := s.base + "/v1/offers/" + url.PathEscape(host) + "/" + url.PathEscape(application)
	err = s.getAs(ctx, address, token, &answer)
	refusal, is := errors.AsType[*Refusal](err)
	switch {
	case is && refusal.Status == http.StatusNotFound && refusal.Reason == string(v1alpha1.ReasonNotOffered):
		return "", nil, nil
	case err != nil:
		return "", nil, err
	}
	return answer.Tenant, &answer.Offer, nil
}

func (s *Server) getAs(ctx context.Context, address, token string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for offers: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return s.do(request, answer)
}
