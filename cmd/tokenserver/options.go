package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"

	"countersign.dev/internal/program"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/token"
)

const (
	// defaultStaleness is how long a replica that is cut off from the API server goes on issuing.
	defaultStaleness = 5 * time.Minute
	// minStaleness is well above the time between two proofs of freshness, so that a slow one refuses nobody.
	minStaleness = time.Minute
	// minLifetime leaves a token long enough to be used.
	minLifetime = time.Minute
)

// options is the command line.
type options struct {
	kubeconfig, issuer, signingKeys string
	listenAddress, metricsAddress   string
	tlsCertFile, tlsPrivateKeyFile  string
	tlsTerminatedUpstream           bool
	maxStaleness, tokenLifetime     time.Duration
	shutdownDelay                   time.Duration
	maxConnections                  int
	limits                          limit.Config
	trustedProxies                  proxies
	logLevel                        string
	version                         bool
}

func defaults() *options {
	return &options{
		listenAddress: "127.0.0.1:8080", maxStaleness: defaultStaleness, tokenLifetime: token.DefaultLifetime, logLevel: "info",
		maxConnections: defaultConnections, limits: defaultLimits(),
	}
}

func (o *options) flags(out io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet("tokenserver", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(out)
	flags.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig,
		"file that says how to reach the API server; without it as kubectl does, or as a pod does")
	flags.StringVar(&o.issuer, "issuer", o.issuer,
		"URL at which clients reach this server, as https://tokens.example.com; the operator needs the same (required)")
	flags.StringVar(&o.signingKeys, "signing-keys", o.signingKeys,
		"directory with the operator's Secret countersign-signing-keys, as a kubelet mounts it (required)")
	flags.StringVar(&o.listenAddress, "listen-address", o.listenAddress, "address for clients")
	flags.StringVar(&o.metricsAddress, "metrics-address", o.metricsAddress,
		"address for /metrics, /healthz and /readyz, as :9090; empty: no metrics (/healthz and /readyz are at listen-address, too)")
	flags.StringVar(&o.tlsCertFile, "tls-cert-file", o.tlsCertFile, "certificate for TLS in PEM, read again when it changes")
	flags.StringVar(&o.tlsPrivateKeyFile, "tls-private-key-file", o.tlsPrivateKeyFile, "private key for TLS in PEM")
	flags.BoolVar(&o.tlsTerminatedUpstream, "tls-terminated-upstream", o.tlsTerminatedUpstream,
		"serve without TLS on an address that others reach, because a proxy in front has it")
	flags.DurationVar(&o.maxStaleness, "max-staleness", o.maxStaleness,
		"age of the view of the cluster past which nothing is issued; at least 1m")
	flags.DurationVar(&o.tokenLifetime, "token-lifetime", o.tokenLifetime, "how long a token lives, from 1m to 1h")
	o.trafficFlags(flags)
	flags.StringVar(&o.logLevel, "log-level", o.logLevel, "debug, info, warn or error")
	flags.BoolVar(&o.version, "version", o.version, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(out, `The token server of Countersign: it issues tokens to the applications of a cluster.

Usage:
  tokenserver --issuer https://tokens.example.com --signing-keys /etc/countersign/signing-keys [flags]

Example:
  tokenserver --kubeconfig ~/.kube/config --issuer http://127.0.0.1:8080 --signing-keys ./keys

Flags:
%s`, flags.FlagUsages())
	}
	return flags
}

// check says what to write instead of what cannot be.
func (o *options) check() error {
	if _, err := program.Issuer(o.issuer); err != nil {
		return err
	}
	if o.signingKeys == "" {
		return errors.New("--signing-keys is required: the directory with the operator's Secret countersign-signing-keys")
	}
	if info, err := os.Stat(o.signingKeys); err != nil || !info.IsDir() {
		return fmt.Errorf("--signing-keys %s is no directory that can be read", o.signingKeys)
	}
	if o.maxStaleness < minStaleness {
		return fmt.Errorf("--max-staleness %s is too short: at least %s, or a slow API server would refuse everybody",
			o.maxStaleness, minStaleness)
	}
	if o.tokenLifetime < minLifetime || o.tokenLifetime > token.MaxLifetime {
		return fmt.Errorf("--token-lifetime %s is not from %s to %s", o.tokenLifetime, minLifetime, token.MaxLifetime)
	}
	if err := o.checkTraffic(); err != nil {
		return err
	}
	return o.checkTransport()
}

// checkTransport refuses to take client secrets in the clear where others could listen.
func (o *options) checkTransport() error {
	host, _, err := net.SplitHostPort(o.listenAddress)
	switch {
	case err != nil:
		return fmt.Errorf("--listen-address %s is no address; write it as 127.0.0.1:8080 or :8443", o.listenAddress)
	case (o.tlsCertFile == "") != (o.tlsPrivateKeyFile == ""):
		return errors.New("--tls-cert-file and --tls-private-key-file go together")
	case o.tlsCertFile != "" || o.tlsTerminatedUpstream || program.Loopback(host):
		return nil
	}
	return fmt.Errorf("--listen-address %s is reached by others, and client secrets would travel in the clear: give "+
		"--tls-cert-file and --tls-private-key-file, or --tls-terminated-upstream where a proxy in front has TLS", o.listenAddress)
}
