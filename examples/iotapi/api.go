package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
)

// asset is a machine of a tenant.
type asset struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

// series is what a machine measured: the share of each hour that it ran, from 0 to 1.
type series struct {
	Asset   string    `json:"asset"`
	Running []float64 `json:"running"`
}

// newAPI serves GET /assets, GET /timeseries and POST /timeseries. Each needs a scope, and sees the token's tenant alone:
// no request can name another.
func newAPI(ctx context.Context, issuer, audience string) http.Handler {
	verifier := newVerifier(ctx, issuer, audience)
	mux := http.NewServeMux()
	mux.Handle("GET /assets", guarded(verifier, "assets:read", func(w http.ResponseWriter, c caller) {
		answer(w, map[string]any{"tenant": c.tenant, "assets": assetsOf(c.tenant)})
	}))
	mux.Handle("GET /timeseries", guarded(verifier, "timeseries:read", func(w http.ResponseWriter, c caller) {
		answer(w, map[string]any{"tenant": c.tenant, "timeseries": seriesOf(c.tenant)})
	}))
	mux.Handle("POST /timeseries", guarded(verifier, "timeseries:write", func(w http.ResponseWriter, _ caller) {
		w.WriteHeader(http.StatusNoContent) // an example: nothing is kept
	}))
	return mux
}

// guarded serves whoever has a good token with the scope, and says to others what is missing (RFC 6750 section 3).
func guarded(v verifier, scope string, serve func(http.ResponseWriter, caller)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := v.verify(r.Context(), r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="iotapi", error="invalid_token"`)
			http.Error(w, "invalid_token", http.StatusUnauthorized)
			return
		}
		if !c.may(scope) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="iotapi", error="insufficient_scope", scope=%q`, scope))
			http.Error(w, "insufficient_scope: this needs "+scope, http.StatusForbidden)
			return
		}
		serve(w, c)
	})
}

func answer(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that went away cannot be told anything.
	_, _ = w.Write(body)
}

// assetsOf makes up a tenant's machines, the same at every request.
func assetsOf(tenant string) []asset {
	machines := make([]asset, 2+numberOf(tenant)%3)
	for i := range machines {
		machines[i] = asset{ID: fmt.Sprintf("%s-pump-%d", tenant, i+1), Kind: "pump"}
	}
	return machines
}

func seriesOf(tenant string) []series {
	var all []series
	for _, machine := range assetsOf(tenant) {
		running := make([]float64, 24)
		for hour := range running {
			running[hour] = 0.8 + float64(numberOf(fmt.Sprintf("%s/%d", machine.ID, hour))%200)/1000
		}
		all = append(all, series{Asset: machine.ID, Running: running})
	}
	return all
}

func numberOf(text string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(text)) // a hash takes everything
	return hash.Sum32()
}
