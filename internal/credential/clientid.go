package credential

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// suffixDigits is the number of digits at the end of a client id.
const suffixDigits = 12

// ClientID returns the client_id (RFC 6749 section 2.2) of one version of one application:
// <hostTenant>-<application>-<version>-<12 digits>. The digits come from the application's UID and the version, so that an
// application which is created again under the same name has other client ids.
func ClientID(hostTenant, application, version, uid string) string {
	return hostTenant + "-" + application + "-" + version + "-" + Suffix(uid, version)
}

// Suffix returns the 12 digits at the end of a client id. It is the part that does not depend on names, by which a version
// can be found without taking the id apart: the names may hold dashes themselves.
func Suffix(uid, version string) string {
	const bound = 1_000_000_000_000
	sum := sha256.Sum256([]byte(uid + "/" + version))
	return fmt.Sprintf("%0*d", suffixDigits, binary.BigEndian.Uint64(sum[:8])%bound)
}

// SuffixOf returns the part of a client id that Suffix made, or "" when the id is too short to have one.
func SuffixOf(clientID string) string {
	if len(clientID) <= suffixDigits {
		return ""
	}
	return clientID[len(clientID)-suffixDigits:]
}
