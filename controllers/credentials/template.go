package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// templateManager owns the labels and annotations of credentialPolicy.secretTemplate, and nothing else: a key that leaves the
// template is taken off the Secret by the API server, which knows whose it is. Were they in the Secret's creation, they would be
// the operator's, too, and stay.
const templateManager = "countersign-secret-template"

// template is the labels and annotations that Secrets are to have besides Countersign's own. The zero value is none.
type template struct {
	labels, annotations map[string]string
	// mark tells two templates apart. It stands on the Secret, since what a cache holds does not say whose a label is.
	mark string
}

func templateOf(app *v1alpha1.Application) template {
	stated := app.Spec.CredentialPolicy.SecretTemplate
	if stated == nil || len(stated.Labels)+len(stated.Annotations) == 0 {
		return template{}
	}
	text, err := json.Marshal(stated)
	if err != nil {
		return template{} // maps of text: it cannot be
	}
	sum := sha256.Sum256(text)
	return template{
		labels: texts(stated.Labels), annotations: texts(stated.Annotations), mark: hex.EncodeToString(sum[:8]),
	}
}

func texts[V ~string](values map[string]V) map[string]string {
	out := make(map[string]string, len(values))
	for key, value := range values {
		out[key] = string(value)
	}
	return out
}

// isOn reports whether the Secret has what the template says, and nothing that a former one said.
func (t template) isOn(secret *corev1.Secret) bool {
	return secret.Annotations[v1alpha1.AnnotationTemplate] == t.mark &&
		contains(secret.Labels, t.labels) && contains(secret.Annotations, t.annotations)
}

func contains(all, some map[string]string) bool {
	for key, value := range some {
		if has, found := all[key]; !found || has != value {
			return false
		}
	}
	return true
}

// dress applies the template to the Secret where it is due. The UID is in it, so that it never makes a Secret, nor touches
// another one of that name; labels and annotations of others stay.
func (p *Phase) dress(ctx context.Context, secret *corev1.Secret, t template) error {
	if t.isOn(secret) {
		return nil
	}
	dressed := applycorev1.Secret(secret.Name, secret.Namespace).WithUID(secret.UID)
	if t.mark != "" {
		dressed.WithLabels(t.labels).WithAnnotations(t.annotations).
			WithAnnotations(map[string]string{v1alpha1.AnnotationTemplate: t.mark})
	}
	if err := p.Client.Apply(ctx, dressed, client.FieldOwner(templateManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying credentialPolicy.secretTemplate to secret %s: %w", secret.Name, err)
	}
	return nil
}
