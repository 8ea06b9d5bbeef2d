// Package limit owns how much one client may ask for and how often one address may fail to authenticate: a token bucket for
// each (golang.org/x/time/rate), in a memory of fixed size. It looks at nothing else of a request and answers nobody.
//
// Package exchange asks it: about a client only once it is proven who it is, so that nobody can spend another's; about an
// address only once an authentication has failed, so that nobody can lock out others behind the same address.
package limit

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// remembered is how many clients, and how many addresses, are remembered at most. Past that the one seen the longest ago is
// forgotten, which gives it a full bucket: a memory that is too small limits too little, and never a wrong one.
const remembered = 1 << 16

// subnetBits is how much of an IPv6 address names who has it: a subnet is what one customer, or one machine, gets.
const subnetBits = 64

// Config says how much is allowed. A rate of 0 is no limit.
type Config struct {
	// ClientRate is how much a client can ask for in a second in the long run, and ClientBurst at once: the requests that it
	// authenticated, a request for several tokens counting for as many.
	ClientRate  float64
	ClientBurst int
	// FailureRate is how many authentications can fail in a second from one address, and FailureBurst at once, before its
	// failures are told to slow down. An IPv6 address stands for its /64.
	FailureRate  float64
	FailureBurst int
}

// Limiter counts. It is safe for concurrent use. A nil one limits nobody.
type Limiter struct {
	clock    clock.PassiveClock
	clients  *buckets[string]
	failures *buckets[netip.Prefix]
}

// New returns a Limiter whose buckets are full.
func New(config Config, clock clock.PassiveClock) *Limiter {
	return &Limiter{
		clock:    clock,
		clients:  newBuckets[string](rate.Limit(config.ClientRate), config.ClientBurst, remembered),
		failures: newBuckets[netip.Prefix](rate.Limit(config.FailureRate), config.FailureBurst, remembered),
	}
}

// Client takes what an authenticated client's request costs, or returns false and takes nothing. Then the wait is the time
// until the client's bucket has what the whole request costs, of which this may be the rest.
func (l *Limiter) Client(id string, cost, whole int) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	return l.clients.take(l.clock.Now(), id, cost, whole)
}

// Failure notes an authentication that failed, or returns false where there were too many from that address. Then the wait
// is the time until there is room for another.
func (l *Limiter) Failure(address netip.Addr) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	return l.failures.take(l.clock.Now(), subnetOf(address), 1, 1)
}

// Remembered returns how many clients and how many addresses have a bucket.
func (l *Limiter) Remembered() (clients, addresses int) {
	if l == nil {
		return 0, 0
	}
	return l.clients.size(), l.failures.size()
}

// subnetOf returns whom an address stands for. What is no address, all of which share a bucket, is the zero Prefix.
func subnetOf(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = subnetBits
	}
	subnet, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return subnet
}
