package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"countersign.dev/internal/program"
)

// serviceAccountNamespace is where a kubelet tells a pod its namespace.
const serviceAccountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// defaultNamespace is where Countersign is installed.
const defaultNamespace = "countersign-system"

// options is the command line.
type options struct {
	kubeconfig, namespace, issuer      string
	leaderElect                        bool
	metricsAddress, healthProbeAddress string
	logLevel                           string
	version                            bool
	keys                               keyOptions
}

func defaults() *options {
	return &options{leaderElect: true, metricsAddress: "0", healthProbeAddress: "0", logLevel: "info", keys: defaultKeyOptions()}
}

func (o *options) flags(out io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet("operator", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(out)
	flags.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig,
		"file that says how to reach the API server; without it as kubectl does, or as a pod does")
	flags.StringVar(&o.namespace, "namespace", o.namespace,
		"namespace of Countersign itself: the signing keys and the lease; default: the pod's own, else "+defaultNamespace)
	flags.StringVar(&o.issuer, "issuer", o.issuer,
		"URL at which clients reach the token server, as https://tokens.example.com; the token server needs the same (required)")
	flags.BoolVar(&o.leaderElect, "leader-elect", o.leaderElect, "work only while holding the lease, so that one of several operators does")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", o.metricsAddress, "address for /metrics, as :8081; 0: none")
	flags.StringVar(&o.healthProbeAddress, "health-probe-bind-address", o.healthProbeAddress,
		"address for /healthz and /readyz, as :8082; 0: none")
	o.keys.flags(flags)
	flags.StringVar(&o.logLevel, "log-level", o.logLevel, "debug, info, warn or error")
	flags.BoolVar(&o.version, "version", o.version, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(out, `The operator of Countersign: it turns Applications into Secrets with client credentials.

Usage:
  operator --issuer https://tokens.example.com [flags]

Example:
  operator --kubeconfig ~/.kube/config --issuer http://127.0.0.1:8080 --leader-elect=false

Flags:
%s`, flags.FlagUsages())
	}
	return flags
}

// complete checks what was given and fills in what was not.
func (o *options) complete() error {
	issuer, err := program.Issuer(o.issuer)
	if err != nil {
		return err
	}
	o.issuer = issuer
	if err := o.keys.check(issuer); err != nil {
		return err
	}
	if o.namespace == "" {
		o.namespace = ownNamespace()
	}
	return nil
}

func ownNamespace() string {
	text, err := os.ReadFile(serviceAccountNamespace)
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name
	}
	return defaultNamespace
}
