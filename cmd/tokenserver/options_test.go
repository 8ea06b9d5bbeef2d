package main

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"countersign.dev/tokenserver/limit"
)

// parsed reads a command line that has what is required.
func parsed(t *testing.T, args ...string) (*options, error) {
	t.Helper()
	o := defaults()
	args = append([]string{"--issuer=https://tokens.example.com", "--signing-keys=" + t.TempDir()}, args...)
	if err := o.flags(&bytes.Buffer{}).Parse(args); err != nil {
		return nil, err
	}
	return o, o.check()
}

func TestTheDefaultsLimitAndTrustNobody(t *testing.T) {
	o, err := parsed(t)
	if err != nil {
		t.Fatal(err)
	}
	want := limit.Config{ClientRate: 50, ClientBurst: 100, FailureRate: 5, FailureBurst: 50}
	if o.limits != want || len(o.trustedProxies) != 0 || o.maxConnections != 16384 || o.shutdownDelay != 0 {
		t.Errorf("got %+v", o)
	}
}

func TestFlagsThatCannotBeAreRefusedWithWhatToWrite(t *testing.T) {
	for arg, hint := range map[string]string{
		"--client-rate=-1":                      "0 is no limit",
		"--client-rate=NaN":                     "0 is no limit",
		"--client-burst=4":                      "one request can ask for 5 tokens",
		"--failed-auth-rate=-0.5":               "0 is no limit",
		"--failed-auth-burst=0":                 "at least 1",
		"--max-connections=-1":                  "0 is no limit",
		"--shutdown-delay=-1s":                  "from 0s to 5m",
		"--shutdown-delay=1h":                   "from 0s to 5m",
		"--trusted-proxies=ingress":             "10.1.0.0/16",
		"--trusted-proxies=":                    "10.1.0.0/16",
		"--trusted-proxies=10.1.0.0/16,":        "10.1.0.0/16",
		"--trusted-proxies=10.1.2.3/16":         "10.1.0.0/16 is the network, 10.1.2.3/32 the address",
		"--trusted-proxies=0.0.0.0/0":           "everybody",
		"--trusted-proxies=::/0":                "everybody",
		"--trusted-proxies=::ffff:10.0.0.0/104": "write it as IPv4",
		"--trusted-proxies=fe80::1%eth0":        "zone",
	} {
		if _, err := parsed(t, arg); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: got %v, want a hint at %q", arg, err, hint)
		}
	}
}

func TestTrafficFlagsAreRead(t *testing.T) {
	o, err := parsed(t, "--client-rate=0.5", "--client-burst=5", "--failed-auth-rate=0", "--failed-auth-burst=0", "--max-connections=0",
		"--shutdown-delay=5s", "--trusted-proxies=10.1.0.0/16, fd00::/8", "--trusted-proxies=192.0.2.1,::ffff:192.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{
		netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.1/32"),
		netip.MustParsePrefix("192.0.2.2/32"),
	}
	if o.limits != (limit.Config{ClientRate: 0.5, ClientBurst: 5}) || o.maxConnections != 0 || o.shutdownDelay != 5*time.Second ||
		!slices.Equal(o.trustedProxies, proxies) {
		t.Errorf("got %+v", o)
	}
}

func TestHelpNamesEveryFlagWithWhatItIsFor(t *testing.T) {
	out := &bytes.Buffer{}
	if err := run(t.Context(), []string{"--help"}, out, out); err != nil {
		t.Fatal(err)
	}
	defaults().flags(out).VisitAll(func(flag *pflag.Flag) {
		if !strings.Contains(out.String(), "--"+flag.Name) || flag.Usage == "" {
			t.Errorf("--%s is not there", flag.Name)
		}
	})
}
