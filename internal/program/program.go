// Package program owns what the programs say alike on their command lines: the issuer, the log, the way to the API
// server. It knows nothing of what they do. The packages of cmd call it.
package program

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Issuer checks an issuer (RFC 8414 section 2): https, a host, and nothing behind it. Tokens name it and clients compare it
// byte for byte. Over http it may only be on a loopback host.
func Issuer(text string) (string, error) {
	const hint = "write it as https://tokens.example.com"
	if text == "" {
		return "", errors.New("--issuer is required: the URL at which clients reach the token server; " + hint)
	}
	issuer, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("--issuer is no URL (%w); %s", err, hint)
	case issuer.Host == "" || issuer.Hostname() == "" || issuer.Opaque != "":
		return "", fmt.Errorf("--issuer %s has no host; %s", text, hint)
	case text != issuer.Scheme+"://"+issuer.Host:
		return "", fmt.Errorf("--issuer %s must be a scheme and a host alone, in lowercase, without path, query, user or "+
			"trailing slash; %s", text, hint)
	case !sanePort(issuer):
		return "", fmt.Errorf("--issuer %s has a colon and behind it no port from 1 to 65535; %s", text, hint)
	case issuer.Host != strings.ToLower(issuer.Host):
		return "", fmt.Errorf("--issuer %s must be in lowercase, as clients compare it byte for byte; %s", text, hint)
	case issuer.Scheme == "https", issuer.Scheme == "http" && Loopback(issuer.Hostname()):
		return text, nil
	}
	return "", fmt.Errorf("--issuer %s must be https (http is for a loopback host alone); %s", text, hint)
}

// sanePort reports whether there is no port, or one that can be connected to.
func sanePort(issuer *url.URL) bool {
	if issuer.Host == issuer.Hostname() || issuer.Host == "["+issuer.Hostname()+"]" {
		return true
	}
	port, err := strconv.ParseUint(issuer.Port(), 10, 16)
	return err == nil && port > 0
}

// Loopback reports whether the host is this machine's own, by its name or address.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Logger returns a log of JSON lines, at the level debug, info, warn or error.
func Logger(w io.Writer, level string) (*slog.Logger, error) {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %s is none of debug, info, warn, error", level)
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: at})), nil
}

// Cluster returns how to reach the API server: by the kubeconfig file of that path; without one as kubectl does, by
// $KUBECONFIG or ~/.kube/config; and without these as a pod does.
func Cluster(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the API server (give --kubeconfig, or run in a pod): %w", err)
	}
	// API priority and fairness is what bounds us, not client-go's 5 requests a second.
	config.QPS = -1
	return config, nil
}
