package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

const (
	// lifetime is how long a certificate is valid: short, since nobody but the API server has to believe in it.
	lifetime = 24 * time.Hour
	// renewal is at what age a certificate gets its successor.
	renewal = 16 * time.Hour
	// skew is how far the API server's clock may be behind.
	skew = time.Hour
)

// pair is a certificate with its key.
type pair struct {
	serving tls.Certificate
	// pem is the certificate alone, as it stands in a caBundle.
	pem   []byte
	until time.Time
}

// newPair makes a self-signed certificate. It is a root for itself and nothing else: it is no CA.
func newPair(owner string, names []string, now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: owner},
		DNSNames:              names,
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return &pair{
		serving: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem:     pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der}),
		until:   template.NotAfter,
	}, nil
}
