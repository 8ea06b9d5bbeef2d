//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	issuerHost = "tokens.example.com"
	issuer     = "https://" + issuerHost
)

// overlay is what the README has a user write, with TLS up to the pod, and with both optional parts.
const overlay = `
resources: [CONFIG/tls]
components: [CONFIG/injector, CONFIG/workloads]
images:
- {name: countersign/operator, newName: registry.example.com/countersign/operator, newTag: "1"}
- {name: countersign/tokenserver, newName: registry.example.com/countersign/tokenserver, newTag: "1"}
- {name: countersign/injector, newName: registry.example.com/countersign/injector, newTag: "1"}
configMapGenerator:
- {name: countersign, namespace: countersign-system, behavior: merge, literals: [issuer=https://tokens.example.com]}
secretGenerator:
- name: countersign-tls
  namespace: countersign-system
  type: kubernetes.io/tls
  files: [tls.crt, tls.key]
  options: {disableNameSuffixHash: true}
`

// front is the token server, seen by a client.
type front struct {
	address     string // of its Service
	certificate []byte // PEM
	client      *http.Client
}

// install installs Countersign as the README says, and returns when it is available.
func install(ctx context.Context) (*front, error) {
	directory := filepath.Join(os.Getenv("NODE_DIR"), "overlay")
	certificate, err := writeOverlay(directory)
	if err != nil {
		return nil, err
	}
	if _, err := run(ctx, "apply", "--server-side", "-k", directory); err != nil {
		return nil, err
	}
	progress("waiting for Countersign to be available")
	if _, err := run(ctx, "wait", "-n", countersign, "--for=condition=Available", "--timeout=240s", "deployment", "--all"); err != nil {
		return nil, err
	}
	if _, err := run(ctx, "apply", "--server-side", "-k", filepath.Join(root, "config", "levels")); err != nil {
		return nil, err
	}
	service := &corev1.Service{}
	if err := platform.Get(ctx, client.ObjectKey{Namespace: countersign, Name: "countersign-tokenserver"}, service); err != nil {
		return nil, err
	}
	return newFront(service.Spec.ClusterIP, certificate), nil
}

func newFront(address string, certificate []byte) *front {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return &front{address: address, certificate: certificate, client: &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true, // each request meets another pod
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(address, "443"))
			},
		},
	}}
}

// writeOverlay writes the overlay with a certificate, which it returns.
func writeOverlay(directory string) ([]byte, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	config, err := filepath.Abs(filepath.Join(root, "config"))
	if err != nil {
		return nil, err
	}
	// kustomize takes relative paths alone.
	if config, err = filepath.Rel(directory, config); err != nil {
		return nil, err
	}
	certificate, key, err := selfSigned(issuerHost)
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{
		"kustomization.yaml": []byte(strings.ReplaceAll(overlay, "CONFIG", config)), "tls.crt": certificate, "tls.key": key,
	} {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return certificate, nil
}

// selfSigned returns a certificate for the host, and its key, in PEM.
func selfSigned(host string) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generating a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("signing a certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}
