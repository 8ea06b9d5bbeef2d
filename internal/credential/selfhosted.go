package credential

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// SelfHostedPrefix begins the id of every credential that an application brings itself, and of no other. NewID makes none
// like it.
const SelfHostedPrefix = "sh:"

// selfHostedDigits is how many digits of a hash stand in an id: enough to find the entry of spec by it.
const selfHostedDigits = 16

// SelfHostedID is the id of a credential that an application brings itself (Application.spec.versions[].verifiers): sh: and
// the first 16 digits of the secret's hash. Nobody can choose it: whoever wanted that of another secret would have to find a
// hash that begins like it, and the schema refuses two of them in one version.
func SelfHostedID(h Hash) string { return SelfHostedPrefix + h.String()[:selfHostedDigits] }

// SelfHosted is a client secret for an application outside the cluster, with the entry of
// Application.spec.versions[].verifiers that lets it in. It prints as its entry, without the secret.
type SelfHosted struct {
	Secret Secret
	// Expires is when it ends, in whole seconds.
	Expires time.Time
}

// NewSelfHosted makes a secret that ends at that time.
func NewSelfHosted(random io.Reader, expires time.Time) (SelfHosted, error) {
	secret, err := New(random)
	if err != nil {
		return SelfHosted{}, err
	}
	return SelfHosted{Secret: secret, Expires: expires.UTC().Truncate(time.Second)}, nil
}

// ID is the credential's id, as tokens and the audit log have it.
func (s SelfHosted) ID() string { return SelfHostedID(s.Secret.Hash()) }

// Entry is the entry as YAML, a list item whose lines begin with the indent, to be put below verifiers:
//
//	# sh:7f3a000000000001
//	- sha256: 7f3a…
//	  expirationTime: "2027-12-31T00:00:00Z"
func (s SelfHosted) Entry(indent string) string {
	var entry strings.Builder
	for _, line := range []string{
		"# " + s.ID(),
		"- sha256: " + s.quotedHash(),
		fmt.Sprintf("  expirationTime: %q", s.Expires.UTC().Format(time.RFC3339)),
	} {
		entry.WriteString(indent + line + "\n")
	}
	return entry.String()
}

// String is Entry, so that no verb prints the secret.
func (s SelfHosted) String() string { return s.Entry("") }

// quotedHash is quoted: digits alone, or with one e among them, are a number in YAML.
func (s SelfHosted) quotedHash() string { return fmt.Sprintf("%q", s.Secret.Hash()) }
