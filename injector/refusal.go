package injector

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"countersign.dev/api/v1alpha1"
)

// refusal is why a pod would get no credentials, and what to do, for people. It says of the application what its own
// developers need, and names nothing that the label does not: who asks is not always known.
type refusal struct {
	why string
	// stale: it is by a cache, and the API server was asked too often to ask again.
	stale bool
}

func (r refusal) Error() string {
	if r.stale {
		return r.why + "; this may have changed a moment ago, and too many pods were refused to look again: try again in a second"
	}
	return r.why
}

func refusef(format string, args ...any) error {
	return refusal{why: "countersign: " + fmt.Sprintf(format, args...)}
}

func emptyLabel(label string) string {
	return fmt.Sprintf("countersign: the label %s is empty: give it a value (has a template or a chart none for it?), or take the label off",
		label)
}

func (q question) withoutApplication() error {
	return refusef("the label %s names application %s, which is not in namespace %s: create the Application first, or correct the label",
		v1alpha1.LabelApplication, q.application.Name, q.application.Namespace)
}

// refuse says why no Secret is going to be there for the pod; nil where it is, sooner or later. What only ends with time or by
// others, as a suspension, is no reason: the Secret stays, and the token server refuses.
func (q question) refuse(app *v1alpha1.Application) error {
	version := versionOf(app, q.version)
	switch {
	case isHandedOver(app):
		return refusef("application %s was handed over to another (spec.transferTo), and its credentials are revoked: take the labels "+
			"off, or take spec.transferTo out to have it back", app.Name)
	case version == nil:
		return refusef("application %s has no version %s, which the label %s names: add it to spec.versions, or correct the label",
			app.Name, q.version, v1alpha1.LabelVersion)
	case len(version.Verifiers) > 0:
		return refusef("version %s of application %s brings its own client secrets (spec.versions[%s].verifiers), so that no Secret is "+
			"kept for it: give the pod the secret that you made yourself, without the labels, or take spec.versions[%s].verifiers out",
			q.version, app.Name, q.version, q.version)
	case version.Access == nil:
		return refusef("version %s of application %s has no access, and so no credentials: give it a level or scopes in "+
			"spec.versions[%s].access", q.version, app.Name, q.version)
	}
	return nil
}

func versionOf(app *v1alpha1.Application, version string) *v1alpha1.ApplicationVersion {
	for i := range app.Spec.Versions {
		if string(app.Spec.Versions[i].Version) == version {
			return &app.Spec.Versions[i]
		}
	}
	return nil
}

// isHandedOver goes by what the operator says: that both sides name each other is in objects that the injector may not read.
// An application that is taken back is its own again at once, before the operator says so.
func isHandedOver(app *v1alpha1.Application) bool {
	return app.Spec.TransferTo != nil && meta.IsStatusConditionTrue(app.Status.Conditions, string(v1alpha1.ConditionTransferredTo))
}
