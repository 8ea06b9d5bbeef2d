package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// newestCredentials are the ids of the newest credential of each version that has one, or of the named version alone.
func newestCredentials(app *v1alpha1.Application, version string) map[string]string {
	newest := map[string]string{}
	for i := range app.Status.Versions {
		status := &app.Status.Versions[i]
		if name := string(status.Version); len(status.Verifiers) > 0 && (version == "" || name == version) {
			newest[name] = status.Verifiers[0].ID
		}
	}
	return newest
}

// waitForCredentials watches until every one of these versions has a newer credential in its Secret, and says so of each.
func (p *plugin) waitForCredentials(ctx context.Context, c client.WithWatch, app *v1alpha1.Application, before map[string]string) error {
	watch, err := c.Watch(ctx, &v1alpha1.ApplicationList{}, &client.ListOptions{
		Namespace: app.Namespace, FieldSelector: fields.OneTermEqualSelector("metadata.name", app.Name),
	})
	if err != nil {
		return fmt.Errorf("watching Application %s/%s: %w", app.Namespace, app.Name, err)
	}
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return p.notRotated(ctx, app, before)
		case event, open := <-watch.ResultChan():
			if !open {
				return p.notRotated(ctx, app, before)
			}
			seen, is := event.Object.(*v1alpha1.Application)
			if !is {
				continue
			}
			app = seen
			if p.reportRotated(app, before); len(before) == 0 {
				return nil
			}
		}
	}
}

// reportRotated takes out of the waiting versions those that are done, and says so.
func (p *plugin) reportRotated(app *v1alpha1.Application, waiting map[string]string) {
	for i := range app.Status.Versions {
		status := &app.Status.Versions[i]
		old, waits := waiting[string(status.Version)]
		if !waits || len(status.Verifiers) == 0 {
			continue
		}
		if newest := status.Verifiers[0]; newest.ID != old && newest.DeliveryTime != nil {
			fmt.Fprintf(p.Out, "version %s: credential %s is in Secret %s\n", status.Version, newest.ID, status.SecretName)
			delete(waiting, string(status.Version))
		}
	}
}

// notRotated says which versions were not done in time, and what the operator says of them.
func (p *plugin) notRotated(ctx context.Context, app *v1alpha1.Application, waiting map[string]string) error {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("waiting: %w", err)
	}
	p.notePending("application "+app.Name, app.Status.Conditions)
	for i := range app.Status.Versions {
		if _, waits := waiting[string(app.Status.Versions[i].Version)]; waits {
			p.notePending("version "+string(app.Status.Versions[i].Version), app.Status.Versions[i].Conditions)
		}
	}
	return fmt.Errorf("not done yet: version %s. The request stands; the conditions of Application %s/%s say what it waits for",
		commas(slices.Sorted(maps.Keys(waiting))), app.Namespace, app.Name)
}

func (p *plugin) notePending(of string, conditions []metav1.Condition) {
	if pending := meta.FindStatusCondition(conditions, string(v1alpha1.ConditionRotationPending)); pending != nil {
		p.note("%s: %s: %s", of, pending.Reason, pending.Message)
	}
}
