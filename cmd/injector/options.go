package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/spf13/pflag"
)

// options is the command line.
type options struct {
	kubeconfig                         string
	listenAddress                      string
	certDir                            string
	clientCAFile                       string
	configuration                      string
	hosts                              []string
	metricsAddress, healthProbeAddress string
	logLevel                           string
	version                            bool

	// host and port are those of listenAddress, owner is who this replica is, clientCAs is what stands in clientCAFile.
	host      string
	port      int
	owner     string
	clientCAs *x509.CertPool
}

func defaults() *options {
	return &options{
		listenAddress: ":9443", configuration: "countersign-injector",
		hosts:          []string{"countersign-injector.countersign-system.svc"},
		metricsAddress: "0", healthProbeAddress: "0", logLevel: "info",
	}
}

func (o *options) flags(out io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet("injector", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(out)
	flags.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig,
		"file that says how to reach the API server; without it as kubectl does, or as a pod does")
	flags.StringVar(&o.listenAddress, "listen-address", o.listenAddress, "address for the API server's questions, over TLS")
	flags.StringVar(&o.configuration, "webhook-configuration", o.configuration,
		"MutatingWebhookConfiguration in which this program keeps the certificates that it makes")
	flags.StringSliceVar(&o.hosts, "host", o.hosts, "host name at which the API server finds this program; may be given several times")
	flags.StringVar(&o.certDir, "tls-cert-dir", o.certDir,
		"directory with tls.crt and tls.key, as cert-manager mounts it; without it the program makes and renews its own certificate")
	flags.StringVar(&o.clientCAFile, "client-ca-file", o.clientCAFile,
		"file with the certificates of the authorities that make the API server's client certificate; without it whoever reaches the "+
			"port is answered")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", o.metricsAddress, "address for /metrics, as :8081; 0: none")
	flags.StringVar(&o.healthProbeAddress, "health-probe-bind-address", o.healthProbeAddress,
		"address for /healthz and /readyz, as :8082; 0: none")
	flags.StringVar(&o.logLevel, "log-level", o.logLevel, "debug, info, warn or error")
	flags.BoolVar(&o.version, "version", o.version, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(out, `The pod injector of Countersign: it gives labelled pods their environment variables, by reference to a Secret.

Usage:
  injector [flags]

Example:
  injector --kubeconfig ~/.kube/config --listen-address 127.0.0.1:9443 --host localhost

Flags:
%s`, flags.FlagUsages())
	}
	return flags
}

// complete checks what was given and fills in what was not.
func (o *options) complete() error {
	host, text, err := net.SplitHostPort(o.listenAddress)
	if err != nil {
		return fmt.Errorf("--listen-address %s: %w; write it as :9443", o.listenAddress, err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("--listen-address %s has no port from 1 to 65535; write it as :9443", o.listenAddress)
	}
	o.host, o.port = host, int(port)
	if o.certDir == "" && len(o.hosts) == 0 {
		return errors.New("--host is required without --tls-cert-dir: the certificate is for these names")
	}
	if o.certDir == "" && o.configuration == "" {
		return errors.New("--webhook-configuration is required without --tls-cert-dir: the certificate is kept there")
	}
	if o.owner, err = os.Hostname(); err != nil {
		return fmt.Errorf("asking for the host's name, by which replicas are told apart: %w", err)
	}
	return o.readClientCAs()
}

func (o *options) readClientCAs() error {
	if o.clientCAFile == "" {
		return nil
	}
	data, err := os.ReadFile(o.clientCAFile)
	if err != nil {
		return fmt.Errorf("--client-ca-file: %w", err)
	}
	o.clientCAs = x509.NewCertPool()
	if !o.clientCAs.AppendCertsFromPEM(data) {
		return fmt.Errorf("--client-ca-file %s holds no certificate; give it in PEM", o.clientCAFile)
	}
	return nil
}
