// Package origin owns where a request comes from and what it is addressed to: the client's address, which only proxies that
// the operator of the server trusts can say, the user agent, and the endpoint. It carries them to whoever limits, logs or
// counts, and knows nothing of what the request asks.
//
// Package tokenserver gives every request its Origin; the exchange and the metrics read it.
package origin

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// maxUserAgent bounds a user agent, which the client chose and every log line of the request copies, in bytes.
const maxUserAgent = 256

// Origin is where a request comes from. The zero value is that of a request outside of a Handler.
type Origin struct {
	// Address is the client's, as far as it is known: IPv4 or IPv6 without a zone. The zero Addr is unknown.
	Address netip.Addr
	// UserAgent is what the client calls itself, in visible ASCII. Nobody vouches for it, and it can hold what should not be
	// in it.
	UserAgent string
	// Endpoint is the path of the route that answers, or that of none: it comes from a closed set.
	Endpoint string
}

type key struct{}

// Config is what a Handler works with.
type Config struct {
	// Trusted are the addresses of proxies whose X-Forwarded-For is believed. Empty: nobody's.
	Trusted []netip.Prefix
	// Endpoint returns the Endpoint of a request.
	Endpoint func(*http.Request) string
}

// Handler gives each request its Origin.
func Handler(config Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := Origin{
			Address:   addressOf(r, config.Trusted),
			UserAgent: visible(r.UserAgent()),
			Endpoint:  config.Endpoint(r),
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, o)))
	})
}

// From returns the Origin of the request, or the zero value outside of a Handler.
func From(ctx context.Context) Origin {
	o, _ := ctx.Value(key{}).(Origin)
	return o
}

// visible makes a text of a client's short and harmless wherever it is shown.
func visible(text string) string {
	text = text[:min(len(text), maxUserAgent)]
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, text)
}
