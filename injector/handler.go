package injector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/time/rate"
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
	// Live reads from the API server: a pod that is created right after its Application, or a change of it, is not refused.
	Live client.Reader
	// LiveReads bounds how often that is done: as often as somebody names what is not there, and perhaps nobody knows who.
	LiveReads *rate.Limiter
}

var _ admission.Handler = (*Handler)(nil)

// Handle adds the variables, or refuses the pod with a message for the people who see the events of its controller: a pod
// that is labelled and would start without credentials is a mistake that is best found here.
func (h *Handler) Handle(ctx context.Context, request admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := json.Unmarshal(request.Object.Raw, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("reading the pod: %w", err))
	}
	for _, label := range []string{v1alpha1.LabelApplication, v1alpha1.LabelVersion} {
		value, labelled := pod.Labels[label]
		if !labelled {
			return admission.Allowed("it is not labelled with " + label)
		}
		if value == "" {
			return admission.Denied(emptyLabel(label))
		}
	}
	asked := question{
		application: client.ObjectKey{Namespace: request.Namespace, Name: pod.Labels[v1alpha1.LabelApplication]},
		version:     pod.Labels[v1alpha1.LabelVersion],
	}
	app, err := h.answer(ctx, asked)
	var refused refusal
	switch {
	case errors.As(err, &refused) && refused.stale:
		return admission.Errored(http.StatusTooManyRequests, err)
	case errors.As(err, &refused):
		return admission.Denied(refused.Error())
	case err != nil:
		return admission.Errored(http.StatusInternalServerError, err)
	}
	variables := environment.Of(app.Spec.CredentialPolicy.Environment)
	names := make([]string, 0, len(variables))
	for _, variable := range variables {
		names = append(names, variable.Name)
	}
	operations := Patch(pod, secretNameOf(app, asked.version), names)
	if len(operations) == 0 {
		return admission.Allowed("its containers have the variables already")
	}
	return admission.Patched("", operations...)
}

// question is whether the version of the application has credentials for a pod.
type question struct {
	application client.ObjectKey
	version     string
}

// answer returns the Application, or why the pod is refused: a refusal. None is given for what a cache does not know yet.
func (h *Handler) answer(ctx context.Context, asked question) (*v1alpha1.Application, error) {
	app, err := look(ctx, h.Applications, asked)
	var refused refusal
	if !errors.As(err, &refused) {
		return app, err
	}
	if !h.LiveReads.Allow() {
		refused.stale = true
		return nil, refused
	}
	return look(ctx, h.Live, asked)
}

// look is what there is to say by one reader.
func look(ctx context.Context, reader client.Reader, asked question) (*v1alpha1.Application, error) {
	app := &v1alpha1.Application{}
	err := reader.Get(ctx, asked.application, app)
	switch {
	case apierrors.IsNotFound(err), err == nil && app.DeletionTimestamp != nil: // one that is being deleted is absent
		return nil, asked.withoutApplication()
	case err != nil:
		return nil, fmt.Errorf("reading application %s: %w", asked.application, err)
	}
	if err := asked.refuse(app); err != nil {
		return nil, err
	}
	return app, nil
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
