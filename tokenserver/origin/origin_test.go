package origin_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"countersign.dev/tokenserver/origin"
)

// seen returns the Origin of a request that went through a Handler.
func seen(r *http.Request, trusted ...string) origin.Origin {
	config := origin.Config{Endpoint: func(*http.Request) string { return "/here" }}
	for _, text := range trusted {
		config.Trusted = append(config.Trusted, netip.MustParsePrefix(text))
	}
	var got origin.Origin
	origin.Handler(config, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = origin.From(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	return got
}

func TestTheAddressIsThePeersUnlessATrustedProxySaysAnother(t *testing.T) {
	const proxies, more = "10.0.0.0/8", "fd00::/8"
	for name, test := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"a peer":                                       {"192.0.2.1:1234", nil, "192.0.2.1"},
		"a peer of IPv6":                               {"[2001:db8::1]:1234", nil, "2001:db8::1"},
		"a peer of IPv4 on a socket of IPv6":           {"[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		"a peer with a zone":                           {"[fe80::1%eth0]:1234", nil, "fe80::1"},
		"a peer that is nobody's proxy and says so":    {"192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		"a proxy":                                      {"10.1.1.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		"a proxy on a socket of IPv6":                  {"[::ffff:10.1.1.1]:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		"a proxy that says nothing":                    {"10.1.1.1:1234", nil, "10.1.1.1"},
		"a proxy behind a proxy":                       {"10.1.1.1:1234", []string{"198.51.100.7, 10.2.2.2"}, "198.51.100.7"},
		"proxies of both families, in lines":           {"[fd00::1]:1", []string{"198.51.100.7", "10.2.2.2, fd00::2"}, "198.51.100.7"},
		"a client that forges":                         {"10.1.1.1:1234", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		"a client that forges in a line of its own":    {"10.1.1.1:1234", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7"},
		"a client that forges a trusted one":           {"10.1.1.1:1234", []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		"a proxy that is the client":                   {"10.1.1.1:1234", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3"},
		"with a port":                                  {"10.1.1.1:1234", []string{"198.51.100.7:5678"}, "198.51.100.7"},
		"IPv6 in brackets":                             {"10.1.1.1:1234", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 in brackets with a port":                 {"10.1.1.1:1234", []string{"[2001:db8::1]:5678"}, "2001:db8::1"},
		"what is no address":                           {"10.1.1.1:1234", []string{"unknown"}, "10.1.1.1"},
		"what is no address, before a proxy":           {"10.1.1.1:1234", []string{"198.51.100.7, _hidden, 10.2.2.2"}, "10.1.1.1"},
		"what is no address, where a client writes":    {"10.1.1.1:1234", []string{"<script>, 198.51.100.7"}, "198.51.100.7"},
		"an empty header":                              {"10.1.1.1:1234", []string{""}, "10.1.1.1"},
		"a trailing comma":                             {"10.1.1.1:1234", []string{"198.51.100.7,"}, "10.1.1.1"},
		"16 KiB of commas":                             {"10.1.1.1:1234", []string{strings.Repeat(",", 16<<10)}, "10.1.1.1"},
		"a peer that is no address, as a Unix socket":  {"@", nil, "invalid IP"},
		"a peer that is no address, whatever it says":  {"@", []string{"198.51.100.7"}, "invalid IP"},
		"a network that only looks like a proxy's":     {"100.0.0.1:1", []string{"198.51.100.7"}, "100.0.0.1"},
		"an address in decimal, which no proxy writes": {"10.1.1.1:1234", []string{"3325256711"}, "10.1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.peer
			for _, line := range test.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got := seen(r, proxies, more).Address.String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestWithoutTrustedProxiesNobodyIsBelieved(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.1.1.1:1234"
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	if got := seen(r).Address.String(); got != "10.1.1.1" {
		t.Errorf("got %s", got)
	}
}

func TestAUserAgentIsShortAndVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"curl/8.5.0":              "curl/8.5.0",
		"a\tb\x7fc":               "a?b?c",
		"\u202e\u2028ab":          "??ab",
		strings.Repeat("x", 5000): strings.Repeat("x", 256),
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", text)
		if got := seen(r); got.UserAgent != want || got.Endpoint != "/here" {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestOutsideOfAHandlerThereIsNoOrigin(t *testing.T) {
	if got := origin.From(httptest.NewRequest(http.MethodGet, "/", nil).Context()); got != (origin.Origin{}) {
		t.Errorf("got %+v", got)
	}
}
