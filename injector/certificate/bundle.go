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

// mine is what one replica has to do with a bundle.
type mine struct {
	// certificates are to stand in it, in PEM. retired is to stand in it no more.
	certificates [][]byte
	retired      []byte
	// predecessor is under whose name all others leave it. Empty: nobody's do.
	predecessor string
}

// bundleWith returns the bundle with the replica's certificates in it and without what nobody needs: those that have expired,
// the one that the replica showed before, and those of its predecessor. Certificates of others, whoever they are, stay.
func bundleWith(bundle []byte, m mine, now time.Time) []byte {
	var kept [][]byte
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		text := pem.EncodeToMemory(block)
		if contains(m.certificates, text) || !bytes.Equal(text, m.retired) && !forgotten(block, m.predecessor, now) {
			kept = append(kept, text)
		}
	}
	for _, text := range m.certificates {
		if !contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return bytes.Join(kept, nil)
}

func contains(list [][]byte, text []byte) bool {
	return slices.ContainsFunc(list, func(element []byte) bool { return bytes.Equal(element, text) })
}

func forgotten(block *pem.Block, predecessor string, now time.Time) bool {
	if block.Type != pemCertificate {
		return false
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !slices.Equal(certificate.Subject.Organization, []string{organization}) {
		return false
	}
	return now.After(certificate.NotAfter) || predecessor != "" && certificate.Subject.CommonName == predecessor
}
