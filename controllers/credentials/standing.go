package credentials

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"countersign.dev/api/v1alpha1"
)

// Standing is what an application as a whole may have. The zero value: nobody hosts it, so nothing is touched.
type Standing struct {
	// Host is the accepted tenant that hosts the application. Where it is empty, Secrets stay as they are and none is issued.
	Host string
	// Revoked says that every credential of every version is taken away, and none issued. Nil: it is not so. Once it is over,
	// each version gets a new credential; no old one comes back.
	Revoked *Revocation
}

// Revocation is why an application's credentials are taken away, as the versions' condition Ready says it; that is True
// where the reason is v1alpha1.ReasonReady.
type Revocation struct {
	Reason  v1alpha1.Reason
	Message string
}

// outdated is a Conflict where the caller judged another state of the application than the one that is to be changed: taking
// credentials away for what a cache once said cannot be undone.
func (s Standing) outdated(app *v1alpha1.Application, judged int64) error {
	if s.Revoked == nil || app.Generation == judged {
		return nil
	}
	return conflict(app, "it was changed while its credentials were to be revoked")
}

func conflict(app *v1alpha1.Application, why string) error {
	resource := v1alpha1.GroupVersion.WithResource("applications").GroupResource()
	return apierrors.NewConflict(resource, app.Name, fmt.Errorf("%s", why))
}
