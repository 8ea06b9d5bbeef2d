package house_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"countersign.dev/controllers/signingkeys"
	"countersign.dev/internal/keyset"
	"countersign.dev/tokenserver/signer"
)

// The operator writes a Secret, a kubelet mounts it, the token server reads a directory: the manifest ties the names.
func TestTheTokenServersMountHasTheKeysAndATokenThatTellsWhetherItWorks(t *testing.T) {
	pod := read[appsv1.Deployment](t, "tokenserver/deployment.yaml", "Deployment")[0].Spec.Template.Spec
	secret, token := false, false
	for _, volume := range pod.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			secret = secret || source.Secret != nil && source.Secret.Name == signingkeys.SecretName && len(source.Secret.Items) == 0
			if source.ServiceAccountToken == nil {
				continue
			}
			lifetime := time.Duration(*source.ServiceAccountToken.ExpirationSeconds) * time.Second
			// A mount that is stuck must be known to be so before any key that it holds is removed.
			token = source.ServiceAccountToken.Path == signer.MountTokenFile && lifetime <= keyset.MaxTokenLifetime &&
				source.ServiceAccountToken.Audience != ""
		}
	}
	if !secret || !token {
		t.Errorf("the Secret is there: %t; a token of an hour at most, for nobody: %t", secret, token)
	}
	for _, container := range pod.Containers {
		for _, mount := range container.VolumeMounts {
			if mount.SubPath != "" {
				t.Errorf("%s is mounted with a subPath, which a kubelet never updates", mount.Name)
			}
		}
	}
}

func TestEveryEventAndFlagAndMetricOfTheSigningKeysIsDocumented(t *testing.T) {
	documentation, err := os.ReadFile(filepath.Join(root, "docs", "signing-keys.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := typedConstants(t, filepath.Join(root, "controllers", "signingkeys", "events.go"), "reason")
	if len(words) < 5 {
		t.Fatalf("found %d reasons only: is the test reading the right file?", len(words))
	}
	for file, marks := range map[string][]string{
		filepath.Join("cmd", "operator", "keyoptions.go"): {`, "signing-`, `, "jwks-`},
		filepath.Join("tokenserver", "keymetrics.go"):     {`prometheus.NewDesc("`},
		filepath.Join("api", "v1alpha1", "conditions.go"): {`Rotate = "`, `Rotated = "`, `RemoveKey = "`, `RemovedKey = "`},
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, mark := range marks {
			for _, rest := range strings.Split(string(text), mark)[1:] {
				word, _, _ := strings.Cut(rest, `"`)
				if strings.HasPrefix(mark, ", ") {
					word = strings.TrimPrefix(mark, `, "`) + word
				}
				words, found = append(words, word), found+1
			}
		}
		if found < 4 {
			t.Fatalf("found %d words in %s only", found, file)
		}
	}
	for _, word := range words {
		if !strings.Contains(string(documentation), word) {
			t.Errorf("docs/signing-keys.md does not mention %s", word)
		}
	}
}
