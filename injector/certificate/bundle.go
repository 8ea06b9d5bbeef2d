package certificate

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

const (
	organization   = "countersign-injector"
	pemCertificate = "CERTIFICATE"
)

// bundleWith returns the bundle with the owner's certificates in it and without what nobody needs: those that have expired,
// and those that the owner had before its restart. Certificates of others, whoever they are, stay.
func bundleWith(bundle []byte, owner string, own [][]byte, now time.Time) []byte {
	var kept [][]byte
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		text := pem.EncodeToMemory(block)
		if !forgotten(block, owner, now) || slices.ContainsFunc(own, func(o []byte) bool { return bytes.Equal(o, text) }) {
			kept = append(kept, text)
		}
	}
	for _, text := range own {
		if !slices.ContainsFunc(kept, func(k []byte) bool { return bytes.Equal(k, text) }) {
			kept = append(kept, text)
		}
	}
	return bytes.Join(kept, nil)
}

func forgotten(block *pem.Block, owner string, now time.Time) bool {
	if block.Type != pemCertificate {
		return false
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !slices.Equal(certificate.Subject.Organization, []string{organization}) {
		return false
	}
	return now.After(certificate.NotAfter) || certificate.Subject.CommonName == owner
}
