//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTheSigningKeysOfTheOperatorReachTheTokenServerByTheKubeletsMount(t *testing.T) {
	secret := &corev1.Secret{}
	if err := platform.Get(t.Context(), client.ObjectKey{Namespace: countersign, Name: "countersign-signing-keys"}, secret); err != nil {
		t.Fatal(err)
	}
	published := tokenServer.keys(t)
	if len(published) == 0 {
		t.Fatal("the token server publishes no key")
	}
	kept := keyIDs(t, secret.Data["standard.json"])
	for _, id := range published {
		if !slices.Contains(kept, id) {
			t.Errorf("the token server publishes %s, and the operator keeps %v", id, kept)
		}
	}
}

func TestAKeyThatIsRemovedIsGoneFromTokenServersThatRunOnAndNoRequestFails(t *testing.T) {
	s := newScene(t, nil)
	pod := s.start("app", nil, s.asking(fromSecret(s.podSpec())))
	leaked := keyOf(t, s.token(pod).Body.AccessToken)
	if !slices.Contains(tokenServer.keys(t), leaked) {
		t.Fatalf("the key %s that signs is not published", leaked)
	}
	before := restarts(t)

	kubectl(t, "annotate", "-n", countersign, "secret", "countersign-signing-keys", "countersign.dev/remove-key="+leaked)
	eventually(t, "no token server publishes the key or signs with it", func() error {
		for range 10 { // each asks one of the two
			if published := tokenServer.keys(t); slices.Contains(published, leaked) {
				return fmt.Errorf("one publishes %v", published)
			}
			if keyOf(t, s.token(pod).Body.AccessToken) == leaked {
				return fmt.Errorf("one signs with %s", leaked)
			}
		}
		return nil
	})
	s.verify(s.token(pod))
	s.servedThroughout(pod, nil)
	if after := restarts(t); !slices.Equal(after, before) {
		t.Errorf("the token servers that ran before were %v, and now %v", before, after)
	}
}

// restarts returns the token servers, and how often each was started again.
func restarts(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pod := range pods(t, "tokenserver") {
		found = append(found, fmt.Sprintf("%s, started again %d times", pod.Name, pod.Status.ContainerStatuses[0].RestartCount))
	}
	slices.Sort(found)
	return found
}

// keyOf returns the id of the key that a token is signed with.
func keyOf(t *testing.T, token string) string {
	t.Helper()
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(header, &values); err != nil {
		t.Fatalf("the header of %q: %v", token, err)
	}
	return values.KeyID
}

// keys returns the ids of the keys that the token server publishes.
func (f *front) keys(t *testing.T) []string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer+"/.well-known/jwks.json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v: %s", response.Status, err, body)
	}
	return keyIDs(t, body)
}

// keyIDs returns the ids of a document's keys.
func keyIDs(t *testing.T, document []byte) []string {
	t.Helper()
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.ID)
	}
	return ids
}
