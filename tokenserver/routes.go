package tokenserver

import (
	"net/http"

	"countersign.dev/tokenserver/httpapi"
	"countersign.dev/tokenserver/insightshub"
	"countersign.dev/tokenserver/openapi"
)

// routes lists every endpoint. There is no other.
func (s *Server) routes() []route {
	standard, hub := s.deps.Keys.Standard(), s.deps.Keys.InsightsHub()
	hubKeys := httpapi.Public{FreshFor: hub.FirstMaxAge, Refuse: insightshub.WriteError, Document: func() (any, bool) {
		keys := hub.TokenKeys()
		return keys, len(keys.Keys) > 0
	}}
	routes := []route{
		{http.MethodPost, httpapi.PathToken, httpapi.Token{Exchange: s.exchange}},
		{http.MethodPost, httpapi.PathIntrospection, httpapi.Introspection{Exchange: s.exchange}},
		{http.MethodPost, httpapi.PathTokens, httpapi.Tokens{Exchange: s.exchange}},
		{http.MethodGet, httpapi.PathTenants, httpapi.Tenants{Exchange: s.exchange}},
		{http.MethodGet, httpapi.PathOffers, httpapi.Offers{Exchange: s.exchange}},
		{http.MethodGet, httpapi.PathOffer, httpapi.Offer{Exchange: s.exchange}},

		{http.MethodPost, insightshub.PathToken, insightshub.Token{Exchange: s.exchange}},
		{http.MethodPost, insightshub.PathTokens, insightshub.Tokens{Exchange: s.exchange}},
		{http.MethodGet, insightshub.PathUserTenants, insightshub.UserTenants{Exchange: s.exchange}},

		{http.MethodGet, "/healthz", http.HandlerFunc(alive)},
		{http.MethodGet, "/readyz", http.HandlerFunc(s.ready)},
	}
	// Public documents, which scripts of any origin may read.
	for _, document := range []route{
		{http.MethodGet, httpapi.PathKeys, httpapi.Keys(standard)},
		{http.MethodGet, httpapi.PathServerMetadata, httpapi.ServerMetadata(s.deps.Issuer)},
		{http.MethodGet, httpapi.PathOpenIDConfiguration, httpapi.OpenIDConfiguration(s.deps.Issuer, standard)},
		{http.MethodGet, insightshub.PathTokenKeys, hubKeys},
		{http.MethodGet, httpapi.PathOpenAPI, httpapi.OpenAPI(openapi.Document(s.deps.Issuer))},
	} {
		routes = append(routes, document, route{http.MethodOptions, document.path, http.HandlerFunc(httpapi.Preflight)})
	}
	return routes
}
