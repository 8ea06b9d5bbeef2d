package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"countersign.dev/injector"
)

// authority makes client certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	a.certificate = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "clients of webhooks"}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign completes the template, and signs it by itself where there is no certificate yet.
func (a authority) sign(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := a.certificate
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func (a authority) client(t *testing.T) tls.Certificate {
	t.Helper()
	key := newKey(t)
	certificate := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}
}

// file is a file with the authority's own certificate.
func (a authority) file(t *testing.T) string {
	t.Helper()
	return write(t, "ca.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// admission is the file by which the API server knows what to show the injector, as docs/injector.md has it.
func (c *cluster) admission(t *testing.T) string {
	t.Helper()
	shown := c.clients.client(t)
	key, err := x509.MarshalPKCS8PrivateKey(shown.PrivateKey)
	c.Expect(err).NotTo(HaveOccurred())
	_, port, err := net.SplitHostPort(c.address)
	c.Expect(err).NotTo(HaveOccurred())
	kubeconfig, err := clientcmd.Write(clientcmdapi.Config{AuthInfos: map[string]*clientcmdapi.AuthInfo{
		net.JoinHostPort("localhost", port): {
			ClientCertificateData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shown.Leaf.Raw}),
			ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		},
	}})
	c.Expect(err).NotTo(HaveOccurred())
	return write(t, "admission.yaml", []byte(strings.Replace(documented(t, "kind: AdmissionConfiguration"),
		"/etc/kubernetes/webhooks.kubeconfig", write(t, "webhooks.kubeconfig", kubeconfig), 1)))
}

// stranger asks the injector about a pod without an API server, and fails where there is no answer.
func (c *cluster) stranger(ctx context.Context, certificates ...tls.Certificate) error {
	question, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &admissionv1.AdmissionRequest{UID: "1", Object: runtime.RawExtension{Raw: []byte(`{"metadata": {}}`)}},
	})
	c.Expect(err).NotTo(HaveOccurred())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.address+injector.Path, bytes.NewReader(question))
	c.Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/json")
	asker := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}}
	defer asker.CloseIdleConnections()
	response, err := asker.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	review := &admissionv1.AdmissionReview{}
	c.Expect(json.NewDecoder(response.Body).Decode(review)).To(Succeed())
	c.Expect(review.Response.Allowed).To(BeTrue(), "%v", review.Response)
	return nil
}
