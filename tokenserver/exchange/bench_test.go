package exchange

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/origin"
	"countersign.dev/tokenserver/token"
)

// BenchmarkAudit measures the line of a token that was issued, all of it.
func BenchmarkAudit(b *testing.B) {
	e := New(Deps{
		Log:   slog.New(slog.NewJSONHandler(io.Discard, nil)), //nolint:sloglint // encoding the line is measured
		Count: func(Face, Outcome, string) {}, CountToken: func(Face, string) {},
	})
	session := Session{face: Standard, client: directory.Client{
		ID: "operator-co-kpi-1.0.0-471108153390", Host: "operator-co", Application: &access.Application{Name: "kpi"},
		Version: "1.0.0", CredentialID: "7f3a000000000001",
	}}
	decision := access.Decision{
		Reason: v1alpha1.ReasonGranted, Audience: "https://api.example.com",
		Grant: &access.Grant{UID: "0b7f6a52-3c1d-4e9f-8a6b-5d4c3b2a1908", ResourceVersion: "48151"},
	}
	issued := token.Token{ID: "9a0c5d1f3b7e42688d2f4c6a8e0b1d35", Scopes: access.NewScopes("assets:read", "assets:write"), Algorithm: "ES256"}
	ctx := requestContext()
	b.ReportAllocs()
	for b.Loop() {
		e.issued(ctx, session, Request{Tenant: "acme"}, &decision, issued)
	}
}

func requestContext() context.Context {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", nil)
	r.Header.Set("User-Agent", "Go-http-client/1.1")
	var ctx context.Context
	config := origin.Config{Endpoint: func(*http.Request) string { return "/oauth2/token" }}
	origin.Handler(config, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).
		ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}
