package origin

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// headerForwardedFor is what proxies append their peer's address to. Forwarded (RFC 7239) is not read: one header is what
// an operator can keep clean, and every proxy in front of Kubernetes writes this one.
const headerForwardedFor = "X-Forwarded-For"

// addressOf returns the client's address: the peer's; and where the peer is a trusted proxy, the last address in
// X-Forwarded-For that is none. What stands left of that was written by the client. If there is anything that is no address
// before, the header says nothing, and the peer is what is known.
func addressOf(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, ok := parse(r.RemoteAddr)
	if !ok || !within(trusted, peer) {
		return peer
	}
	farthest := peer
	for _, line := range slices.Backward(r.Header.Values(headerForwardedFor)) {
		hops := strings.Split(line, ",")
		for _, hop := range slices.Backward(hops) {
			address, ok := parse(strings.TrimSpace(hop))
			if !ok {
				return peer
			}
			if !within(trusted, address) {
				return address
			}
			farthest = address
		}
	}
	return farthest
}

// parse reads an address, with or without a port. An IPv4 address in IPv6 is IPv4; a zone is of no use to anybody else.
func parse(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}

func within(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}
