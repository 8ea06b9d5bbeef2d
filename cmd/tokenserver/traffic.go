package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"countersign.dev/tokenserver/limit"
)

const (
	// defaultConnections keeps all connections together, each with TLS, below the memory that config/ gives a pod.
	defaultConnections = 16384
	// maxDelay is longer than any proxy takes to forget a server, and shorter than anybody waits for a pod to end.
	maxDelay = 5 * time.Minute
	// largestRequest is how many tokens one request can ask for: a smaller burst would refuse it for ever.
	largestRequest = 5
)

// defaultLimits is far above what a client needs that keeps its tokens, and what an address fails at by mistake.
func defaultLimits() limit.Config {
	return limit.Config{ClientRate: 50, ClientBurst: 100, FailureRate: 5, FailureBurst: 50}
}

// trafficFlags are the flags that bound what comes in.
func (o *options) trafficFlags(flags *pflag.FlagSet) {
	flags.Float64Var(&o.limits.ClientRate, "client-rate", o.limits.ClientRate,
		"requests that one client can make in a second in the long run, at this replica; one for several tokens counts for as many; 0: no limit")
	flags.IntVar(&o.limits.ClientBurst, "client-burst", o.limits.ClientBurst,
		"requests that one client can make at once; at least 5")
	flags.Float64Var(&o.limits.FailureRate, "failed-auth-rate", o.limits.FailureRate,
		"failed authentications in a second from one address (IPv6: one /64) past which failures are answered with 429; nothing else ever is; 0: no limit")
	flags.IntVar(&o.limits.FailureBurst, "failed-auth-burst", o.limits.FailureBurst,
		"failed authentications from one address at once; at least 1")
	flags.Var(&o.trustedProxies, "trusted-proxies",
		"addresses of the proxies in front, as 10.1.0.0/16,fd00::/8: what they say in X-Forwarded-For is the client's address; empty: nobody is believed")
	flags.IntVar(&o.maxConnections, "max-connections", o.maxConnections,
		"connections of clients at a time; more wait to be accepted; 0: no limit")
	flags.DurationVar(&o.shutdownDelay, "shutdown-delay", o.shutdownDelay,
		"how long to go on serving, not ready any more, after SIGTERM: as long as the cluster takes to send no more requests here")
}

func (o *options) checkTraffic() error {
	switch {
	case !(o.limits.ClientRate >= 0 && o.limits.FailureRate >= 0): // also where one is no number
		return errors.New("--client-rate and --failed-auth-rate are not below 0; 0 is no limit")
	case o.limits.ClientRate > 0 && o.limits.ClientBurst < largestRequest:
		return fmt.Errorf("--client-burst %d is too small: one request can ask for %d tokens; --client-rate=0 is no limit",
			o.limits.ClientBurst, largestRequest)
	case o.limits.FailureRate > 0 && o.limits.FailureBurst < 1:
		return fmt.Errorf("--failed-auth-burst %d is too small: at least 1; --failed-auth-rate=0 is no limit", o.limits.FailureBurst)
	case o.maxConnections < 0:
		return fmt.Errorf("--max-connections %d is below 0; 0 is no limit", o.maxConnections)
	case o.shutdownDelay < 0 || o.shutdownDelay > maxDelay:
		return fmt.Errorf("--shutdown-delay %s is not from 0s to %s", o.shutdownDelay, maxDelay)
	}
	return nil
}

// proxies is the value of --trusted-proxies.
type proxies []netip.Prefix

// Set is that of pflag.Value. A flag that is given again adds to it.
func (p *proxies) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		prefix, err := prefixOf(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		*p = append(*p, prefix)
	}
	return nil
}

// prefixOf reads a CIDR, or an address that stands for itself alone.
func prefixOf(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		if address.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%s has a zone: leave it out", text)
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no CIDR; write it as 10.1.0.0/16", text)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s is IPv4 in IPv6: write it as IPv4", text)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%s names an address inside of a network: %s is the network, %s/%d the address",
			text, prefix.Masked(), prefix.Addr(), prefix.Addr().BitLen())
	case prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%s is everybody: then each client could say that it is another", text)
	}
	return prefix, nil
}

// String is that of pflag.Value.
func (p *proxies) String() string {
	texts := make([]string, 0, len(*p))
	for _, prefix := range *p {
		texts = append(texts, prefix.String())
	}
	return strings.Join(texts, ",")
}

// Type is that of pflag.Value.
func (*proxies) Type() string { return "CIDRs" }
