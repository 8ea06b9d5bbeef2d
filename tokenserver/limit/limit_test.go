package limit_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"countersign.dev/tokenserver/limit"
)

var (
	epoch  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	config = limit.Config{ClientRate: 2, ClientBurst: 10, FailureRate: 1, FailureBurst: 3}
)

func TestAClientHasItsBurstAndThenItsRate(t *testing.T) {
	clock := clocktesting.NewFakeClock(epoch)
	l := limit.New(config, clock)
	for i := range 10 {
		if wait, ok := l.Client("a", 1, 1); !ok {
			t.Fatalf("request %d has to wait %s", i, wait)
		}
	}
	if wait, ok := l.Client("a", 1, 1); ok || wait != 500*time.Millisecond {
		t.Errorf("past the burst: %v, wait %s", ok, wait)
	}
	clock.Step(time.Second)
	for i := range 2 {
		if _, ok := l.Client("a", 1, 1); !ok {
			t.Errorf("request %d a second later has to wait", i)
		}
	}
	if _, ok := l.Client("a", 1, 1); ok {
		t.Error("a second brings more than the rate")
	}
}

func TestALimitedClientLimitsNobodyElse(t *testing.T) {
	l := limit.New(config, clocktesting.NewFakeClock(epoch))
	for range 1000 {
		l.Client("noisy", 5, 5)
	}
	for i := range 10 {
		if _, ok := l.Client("quiet", 1, 1); !ok {
			t.Errorf("request %d has to wait", i)
		}
	}
}

func TestWhatIsRefusedCostsNothing(t *testing.T) {
	l := limit.New(config, clocktesting.NewFakeClock(epoch))
	l.Client("a", 6, 6)
	// 4 are left. A request for 6 of which one is paid needs 5, and is told when there are 6.
	if wait, ok := l.Client("a", 5, 6); ok || wait != time.Second {
		t.Errorf("got %v, wait %s", ok, wait)
	}
	if _, ok := l.Client("a", 4, 4); !ok {
		t.Error("the refused request was charged")
	}
}

// Retry-After is in whole seconds, rounded up: the client comes then, and must not be sent away again.
func TestWhoComesWhenToldIsAdmitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := limit.Config{
			ClientRate:  rapid.Float64Range(0.01, 1000).Draw(t, "rate"),
			ClientBurst: rapid.IntRange(5, 200).Draw(t, "burst"),
		}
		clock := clocktesting.NewFakeClock(epoch)
		l := limit.New(c, clock)
		for range rapid.IntRange(1, 300).Draw(t, "requests") {
			cost := rapid.IntRange(1, 5).Draw(t, "cost")
			wait, ok := l.Client("a", cost, cost)
			if ok {
				continue
			}
			if longest := time.Duration(float64(cost)/c.ClientRate*float64(time.Second)) + time.Microsecond; wait > longest || wait <= 0 {
				t.Fatalf("%d tokens at %f a second take %s, not %s", cost, c.ClientRate, longest, wait)
			}
			told := (wait + time.Second - 1).Truncate(time.Second)
			clock.Step(told)
			if wait, ok := l.Client("a", cost, cost); !ok {
				t.Fatalf("came after %s as told, and has to wait %s more", told, wait)
			}
		}
	})
}

func TestAnAddressOfIPv6IsItsSubnetAndOneOfIPv4Itself(t *testing.T) {
	for name, test := range map[string]struct {
		first, second string
		same          bool
	}{
		"two of one /64":               {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		"two /64s":                     {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		"the same with a zone":         {"fe80::1%eth0", "fe80::2", true},
		"two of IPv4":                  {"192.0.2.1", "192.0.2.2", false},
		"one of IPv4, written as IPv6": {"192.0.2.1", "::ffff:192.0.2.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			l := limit.New(config, clocktesting.NewFakeClock(epoch))
			for range 3 {
				l.Failure(netip.MustParseAddr(test.first))
			}
			if _, ok := l.Failure(netip.MustParseAddr(test.second)); ok == test.same {
				t.Errorf("the second may fail: %v", ok)
			}
		})
	}
}

func TestAnAddressThatIsNotKnownIsLimitedLikeAnyOther(t *testing.T) {
	l := limit.New(config, clocktesting.NewFakeClock(epoch))
	for range 3 {
		l.Failure(netip.Addr{})
	}
	if _, ok := l.Failure(netip.Addr{}); ok {
		t.Error("it is not limited")
	}
}

func TestARateOfZeroIsNoLimitAndRemembersNobody(t *testing.T) {
	for name, l := range map[string]*limit.Limiter{
		"zero": limit.New(limit.Config{ClientBurst: 5, FailureBurst: 1}, clocktesting.NewFakeClock(epoch)), "none": nil,
	} {
		for range 100 {
			_, client := l.Client("a", 5, 5)
			if _, address := l.Failure(netip.MustParseAddr("192.0.2.1")); !client || !address {
				t.Fatalf("%s: client %v, address %v", name, client, address)
			}
		}
		if clients, addresses := l.Remembered(); clients+addresses != 0 {
			t.Errorf("%s: it remembers %d clients and %d addresses", name, clients, addresses)
		}
	}
}

func TestHoweverManyComeTheMemoryIsBounded(t *testing.T) {
	l := limit.New(config, clocktesting.NewFakeClock(epoch))
	var address [16]byte
	for i := range uint32(100_000) {
		binary.BigEndian.PutUint32(address[4:], i)
		l.Failure(netip.AddrFrom16(address))
		l.Client(fmt.Sprint(i), 1, 1)
	}
	clients, addresses := l.Remembered()
	const most, atLeast = 1 << 16, 1 << 15
	if clients > most || addresses > most || clients < atLeast || addresses < atLeast {
		t.Errorf("it remembers %d clients and %d addresses", clients, addresses)
	}
}

func TestTheLongestUnseenIsForgottenFirst(t *testing.T) {
	l := limit.New(config, clocktesting.NewFakeClock(epoch))
	l.Client("a", 10, 10)
	for i := range 100_000 {
		l.Client(fmt.Sprint(i), 1, 1)
		if i%100 == 0 {
			if _, ok := l.Client("a", 1, 1); ok {
				t.Fatalf("it was forgotten while it came again and again, after %d others", i)
			}
		}
	}
}

func TestThoseWhoComeAtOnceGetTheBurstBetweenThem(t *testing.T) {
	l := limit.New(limit.Config{ClientRate: 1, ClientBurst: 5}, clocktesting.NewFakeClock(epoch))
	const clients = 5000
	var admitted atomic.Int64
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for i := range clients {
				// Each client is new to all of them at about the same time.
				for range 3 {
					if _, ok := l.Client(fmt.Sprint(i), 1, 1); ok {
						admitted.Add(1)
					}
				}
			}
		})
	}
	running.Wait()
	if admitted.Load() != 5*clients {
		t.Errorf("%d were admitted, not %d", admitted.Load(), 5*clients)
	}
}
