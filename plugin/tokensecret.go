package plugin

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/environment"
)

// credentials are what an application has in its environment.
type credentials struct{ clientID, clientSecret, tokenURL string }

// readCredentials reads a version's Secret, under the names that the Application gives its variables.
func readCredentials(ctx context.Context, c client.Client, key client.ObjectKey, version string) (*credentials, error) {
	app := &v1alpha1.Application{}
	if err := c.Get(ctx, key, app); err != nil {
		return nil, fmt.Errorf("looking for Application %s: %w", key, inNamespace(err, key.Namespace))
	}
	name, err := secretNameOf(app, version)
	if err != nil {
		return nil, err
	}
	secret, err := readSecret(ctx, c, app, name, version)
	if err != nil {
		return nil, err
	}
	values := map[environment.Fact]string{}
	for _, variable := range environment.Of(app.Spec.CredentialPolicy.Environment) {
		values[variable.Fact] = string(secret.Data[variable.Name])
	}
	found := &credentials{
		clientID: values[environment.ClientID], clientSecret: values[environment.ClientSecret], tokenURL: values[environment.TokenURL],
	}
	if found.clientID == "" || found.clientSecret == "" {
		return nil, fmt.Errorf("the Secret %s/%s has no client id and secret under the names that Application %s gives them "+
			"(spec.credentialPolicy.environment): its conditions say why", key.Namespace, name, key)
	}
	return found, nil
}

// secretNameOf returns the name of the Secret in which the operator keeps the version's credentials now: any name can be
// chosen for it, and another version's be what it would have had.
func secretNameOf(app *v1alpha1.Application, version string) (string, error) {
	listed := false
	for i := range app.Spec.Versions {
		v := &app.Spec.Versions[i]
		if string(v.Version) != version {
			continue
		}
		if listed = true; len(v.Verifiers) > 0 {
			return "", fmt.Errorf("version %s brings client secrets of its own (spec.versions[%[1]s].verifiers): there is no Secret with them, "+
				"and who runs the application has them", version)
		}
	}
	if !listed {
		return "", fmt.Errorf("the Application %s/%s has no version %s in spec.versions", app.Namespace, app.Name, version)
	}
	for i := range app.Status.Versions {
		if status := &app.Status.Versions[i]; string(status.Version) == version && status.SecretName != "" {
			return status.SecretName, nil
		}
	}
	return "", fmt.Errorf("version %s has no Secret with credentials yet: the conditions of Application %s/%s say why",
		version, app.Namespace, app.Name)
}

// readSecret reads the Secret, and takes it for the version's only where it says itself that it is.
func readSecret(ctx context.Context, c client.Client, app *v1alpha1.Application, name, version string) (*corev1.Secret, error) {
	key := client.ObjectKey{Namespace: app.Namespace, Name: name}
	secret := &corev1.Secret{}
	err := c.Get(ctx, key, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("there is no Secret %s: the conditions of Application %s/%s say why", key, app.Namespace, app.Name)
	case err != nil:
		return nil, fmt.Errorf("reading the credentials (needs get on secrets, which makes one the application): %w", inNamespace(err, key.Namespace))
	case secret.Type != v1alpha1.SecretTypeCredentials:
		return nil, fmt.Errorf("the Secret %s is of type %q: it is not Countersign's, and is left alone", key, secret.Type)
	}
	marks := map[string]string{
		v1alpha1.AnnotationApplication:    app.Name,
		v1alpha1.AnnotationApplicationUID: string(app.UID),
		v1alpha1.AnnotationVersion:        version,
		v1alpha1.AnnotationBindingVersion: "", // has the credentials, too, under other names
	}
	if _, marked := secret.Annotations[v1alpha1.AnnotationSecretName]; marked {
		marks[v1alpha1.AnnotationSecretName] = name // otherwise it is a copy of another Secret
	}
	for annotation, want := range marks {
		if secret.Annotations[annotation] != want {
			return nil, fmt.Errorf("the Secret %s is not that of version %s of this Application, by its annotation %s: the conditions of "+
				"Application %s/%s say why", key, version, annotation, app.Namespace, app.Name)
		}
	}
	return secret, nil
}
