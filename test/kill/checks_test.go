package kill

import (
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// everyoneIsServed holds what is there now against what people rely on: what a pod gets that starts now stands in status and gets
// tokens, and so does what running pods have. Secrets are read before statuses, since they are written after them.
func (f *fleet) everyoneIsServed() {
	f.Helper()
	secrets := f.secrets()
	for _, app := range f.applications() {
		fresh := podOf(secrets[app.Name])
		if listed(&app, fresh.secret) == nil {
			f.Errorf("%s: status does not have what stands in the Secret", app.Name)
		}
		if slices.Contains(f.pods, fresh) {
			continue
		}
		if err := fresh.tokenWithin(f.Context(), lag); err != nil {
			f.Errorf("%s: a pod that starts now: %v", app.Name, err)
		}
	}
	for _, old := range f.pods {
		if err := old.token(f.Context()); err != nil {
			f.Errorf("%s: a pod that runs: %v", old.application, err)
		}
	}
	if f.Failed() {
		f.FailNow()
	}
}

// listed returns the verifier by which the token server takes the secret now, or nil where there is none.
func listed(app *v1alpha1.Application, text string) *v1alpha1.Verifier {
	secret, err := credential.Parse(text)
	if err != nil {
		return nil
	}
	for i := range app.Status.Versions[0].Verifiers {
		v := &app.Status.Versions[0].Verifiers[i]
		if hash, err := credential.ParseHash(v.SHA256); err == nil && hash.Equal(secret.Hash()) &&
			(v.ExpirationTime == nil || time.Now().Before(v.ExpirationTime.Time)) {
			return v
		}
	}
	return nil
}

// hasRotatedOnceForEach holds the applications and what was told of them against one rotation for each of the words, in their
// order.
func (f *fleet) hasRotatedOnceForEach(words ...string) {
	f.Helper()
	f.everyoneIsServed()
	secrets, deployments := f.secrets(), f.deployments()
	for _, app := range f.applications() {
		entry, secret, rolls := app.Status.Versions[0], secrets[app.Name], deployments[app.Name]
		if len(entry.Verifiers) != 1+len(words) {
			f.Errorf("%s: %d verifiers", app.Name, len(entry.Verifiers))
			continue
		}
		for i, v := range entry.Verifiers {
			cause, nonce := v1alpha1.CauseIssue, ""
			if i < len(words) {
				cause, nonce = v1alpha1.CauseRotation, words[len(words)-1-i]
			}
			if v.Cause != cause || v.Nonce != nonce || v.DeliveryTime == nil || (v.ExpirationTime == nil) != (i == 0) {
				f.Errorf("%s: verifier %d is %+v", app.Name, i, v)
			}
			if i > 0 && time.Until(v.ExpirationTime.Time) < 167*time.Hour {
				f.Errorf("%s: the overlap of verifier %d ends at %s", app.Name, i, v.ExpirationTime)
			}
		}
		current := entry.Verifiers[0].ID
		if v := listed(&app, podOf(secret).secret); v == nil || v.ID != current || secret.Annotations[v1alpha1.AnnotationCredentialID] != current {
			f.Errorf("%s: the Secret does not have the newest credential", app.Name)
		}
		word := words[len(words)-1]
		if entry.Rotated != word || secret.Annotations[v1alpha1.AnnotationRotated] != word {
			f.Errorf("%s: the word is %s in status and %s on the Secret", app.Name, entry.Rotated, secret.Annotations[v1alpha1.AnnotationRotated])
		}
		if told := rolls.Spec.Template.Annotations[v1alpha1.AnnotationCredentialID]; told != current || rolls.Generation != int64(1+len(words)) {
			f.Errorf("%s: its Deployment has credential %s of %s, and generation %d", app.Name, told, current, rolls.Generation)
		}
		if !meta.IsStatusConditionTrue(app.Status.Conditions, string(v1alpha1.ConditionReady)) {
			f.Errorf("%s is not ready", app.Name)
		}
	}
	f.nothingElseWasTold()
}

// nothingElseWasTold fails where an event speaks of anything but first credentials and rotations, or of a rotation that is in no
// status.
func (f *fleet) nothingElseWasTold() {
	f.Helper()
	ids := map[string][]string{}
	for _, app := range f.applications() {
		for _, v := range app.Status.Versions[0].Verifiers {
			ids[app.Name] = append(ids[app.Name], v.ID)
		}
	}
	list := &eventsv1.EventList{}
	must(f.T, platform.List(f.Context(), list, client.InNamespace(f.host)))
	for _, event := range list.Items {
		known := slices.ContainsFunc(ids[event.Regarding.Name], func(id string) bool { return strings.Contains(event.Note, id) })
		switch event.Reason {
		case "CredentialIssued", "CredentialRotated", "WorkloadUpdated":
			if !known {
				f.Errorf("%s: an event tells of a credential that is not there: %s: %s", event.Regarding.Name, event.Reason, event.Note)
			}
		default:
			f.Errorf("%s: %s: %s", event.Regarding.Name, event.Reason, event.Note)
		}
	}
}
