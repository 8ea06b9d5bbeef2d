package injector

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/environment"
)

// Path is where the API server finds the webhook.
const Path = "/inject"

// Handler answers the API server's question about a new pod. Its zero value answers nothing.
type Handler struct {
	// Applications reads from a cache.
	Applications client.Reader
	// Live reads from the API server: a pod that is created right after its Application is not refused.
	Live client.Reader
}

var _ admission.Handler = (*Handler)(nil)

// Handle adds the variables, or refuses the pod with a message for the people who see the events of its controller: a pod
// that is labelled and would start without credentials is a mistake that is best found here.
func (h *Handler) Handle(ctx context.Context, request admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := json.Unmarshal(request.Object.Raw, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("reading the pod: %w", err))
	}
	name, version := pod.Labels[v1alpha1.LabelApplication], pod.Labels[v1alpha1.LabelVersion]
	if name == "" || version == "" {
		return admission.Allowed("it is not labelled with " + v1alpha1.LabelApplication + " and " + v1alpha1.LabelVersion)
	}
	app, err := h.application(ctx, client.ObjectKey{Namespace: request.Namespace, Name: name})
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	if refusal := refuse(app, request.Namespace, name, version); refusal != "" {
		return admission.Denied(refusal)
	}
	variables := environment.Of(app.Spec.CredentialPolicy.Environment)
	names := make([]string, 0, len(variables))
	for _, variable := range variables {
		names = append(names, variable.Name)
	}
	operations := Patch(pod, secretNameOf(app, version), names)
	if len(operations) == 0 {
		return admission.Allowed("its containers have the variables already")
	}
	return admission.Patched("", operations...)
}

// application returns the Application, or nil where it is absent.
func (h *Handler) application(ctx context.Context, key client.ObjectKey) (*v1alpha1.Application, error) {
	app := &v1alpha1.Application{}
	err := h.Applications.Get(ctx, key, app)
	if apierrors.IsNotFound(err) {
		err = h.Live.Get(ctx, key, app)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // absent is an answer
	case err != nil:
		return nil, fmt.Errorf("reading application %s: %w", key, err)
	case app.DeletionTimestamp != nil:
		return nil, nil //nolint:nilnil // as above: one that is being deleted is absent
	}
	return app, nil
}

// refuse says why the pod would get no credentials, and what to do; empty where it does.
func refuse(app *v1alpha1.Application, namespace, name, version string) string {
	if app == nil {
		return fmt.Sprintf("countersign: the label %s names application %s, which is not in namespace %s: "+
			"create the Application first, or correct the label", v1alpha1.LabelApplication, name, namespace)
	}
	versions := make([]string, 0, len(app.Spec.Versions))
	for i := range app.Spec.Versions {
		listed := &app.Spec.Versions[i]
		if string(listed.Version) != version {
			versions = append(versions, string(listed.Version))
			continue
		}
		if listed.Access == nil {
			return fmt.Sprintf("countersign: version %s of application %s has no access, and so no credentials: "+
				"give it a level or scopes in spec.versions[%s].access", version, name, version)
		}
		return ""
	}
	return fmt.Sprintf("countersign: the label %s names version %s, and application %s has %s: "+
		"add it to spec.versions, or correct the label", v1alpha1.LabelVersion, version, name, listOf(versions))
}

func listOf(versions []string) string {
	if len(versions) == 0 {
		return "none"
	}
	return strings.Join(versions, ", ")
}

// secretNameOf returns the name that the operator reports, or else the one that it is going to give the Secret: a pod waits
// for a Secret that is not there yet.
func secretNameOf(app *v1alpha1.Application, version string) string {
	for i := range app.Status.Versions {
		if entry := &app.Status.Versions[i]; string(entry.Version) == version && entry.SecretName != "" {
			return entry.SecretName
		}
	}
	for i := range app.Spec.Versions {
		if chosen := &app.Spec.Versions[i]; string(chosen.Version) == version && chosen.SecretName != "" {
			return chosen.SecretName
		}
	}
	return app.Name + "." + version
}
