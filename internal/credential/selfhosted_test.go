package credential_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"countersign.dev/internal/credential"
)

func TestNoIDOfOursLooksLikeThatOfASelfHostedCredential(t *testing.T) {
	id, err := credential.NewID(rand.Reader)
	if err != nil || !credential.IsID(id) {
		t.Errorf("%q is an id: %v (%v)", id, credential.IsID(id), err)
	}
	for _, text := range []string{"", "sh:" + id, "sh:" + id[3:], "sa:" + id[3:], id[1:], id + "00", strings.Repeat("A", 16)} {
		if credential.IsID(text) {
			t.Errorf("%q passes for an id", text)
		}
	}
}

func TestASecretForASelfHostedApplicationComesWithTheEntryThatLetsItIn(t *testing.T) {
	end := time.Date(2027, 12, 31, 1, 0, 0, 5, time.FixedZone("", 3600))
	made, err := credential.NewSelfHosted(rand.Reader, end)
	if err != nil {
		t.Fatal(err)
	}
	var version struct {
		Verifiers []struct {
			SHA256         string    `json:"sha256"`
			ExpirationTime time.Time `json:"expirationTime"`
		} `json:"verifiers"`
	}
	text := "verifiers:\n" + made.Entry("    ")
	if err := yaml.UnmarshalStrict([]byte(text), &version); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	hash, err := credential.ParseHash(version.Verifiers[0].SHA256)
	if err != nil || !made.Secret.Hash().Equal(hash) {
		t.Errorf("the entry has the hash %v (%v)", hash, err)
	}
	if !version.Verifiers[0].ExpirationTime.Equal(end.Truncate(time.Second)) || !strings.Contains(text, `"2027-12-31T00:00:00Z"`) {
		t.Errorf("the entry ends otherwise:\n%s", text)
	}
	if made.ID() != "sh:"+hash.String()[:16] || !strings.Contains(text, made.ID()) {
		t.Errorf("the id is %s, the entry\n%s", made.ID(), text)
	}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		if printed := fmt.Sprintf(verb, made); strings.Contains(printed, made.Secret.Reveal()) {
			t.Errorf("%s prints the secret", verb)
		}
	}
}
