package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/credentials"
	"countersign.dev/controllers/workloads"
)

// applications reconciles Applications: what they mean, their credentials, and the workloads that follow them.
type applications struct {
	Deps
	credentials *credentials.Phase
	workloads   *workloads.Phase
}

func newApplications(deps Deps) *applications {
	return &applications{
		Deps: deps,
		credentials: credentials.New(credentials.Deps{
			Client: deps.Client, Live: deps.Live, Clock: deps.Clock, Rand: deps.Rand, Issuer: deps.Issuer, Events: deps.Events,
		}),
		workloads: workloads.New(workloads.Deps{Client: deps.Client, Clock: deps.Clock, Events: deps.Events}),
	}
}

// Reconcile brings the credentials in order, and writes what was found in one write at the end.
func (r *applications) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	app := &v1alpha1.Application{}
	err := r.Client.Get(ctx, request.NamespacedName, app)
	if apierrors.IsNotFound(err) {
		return settled(reconcile.Result{}, r.credentials.Remove(ctx, request.NamespacedName))
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading the application: %w", err)
	}
	if gone, ok := deleting(app); ok {
		return settled(reconcile.Result{}, r.bury(ctx, app, gone))
	}
	after, err := r.keep(ctx, app)
	return settled(reconcile.Result{RequeueAfter: after}, err)
}

// keep is Reconcile for an application that is there. The duration says when there is something to do without anybody's
// change.
func (r *applications) keep(ctx context.Context, app *v1alpha1.Application) (time.Duration, error) {
	base, known := app.DeepCopy(), newFacts(ctx, r.Client)
	host := access.HostOf(known, app.Namespace)
	standing := credentials.Standing{Host: hosting(host), Revoked: revocation(known, app)}
	if known.err != nil {
		return 0, known.err // before anything is taken away for what could not be read
	}
	after, err := r.credentials.Reconcile(ctx, app, standing)
	if err != nil && (apierrors.IsConflict(err) || !lookedAt(app)) {
		return 0, err // what was said stays: it is about what was seen then
	}
	r.report(known, app, host)
	if known.err != nil {
		// Nothing of this is written: what could not be read would be reported as what is not there.
		return 0, errors.Join(known.err, err)
	}
	again, failed := r.workloads.Reconcile(ctx, base, app)
	after, err = sooner(after, again), errors.Join(err, failed)
	// Also after an error: a Secret that cannot be written is the user's to know.
	if failed := writeStatus(ctx, r.Client, base, app); failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, err // which is tried again sooner, with growing pauses
	}
	return after, nil
}

// sooner returns the sooner of two times to come; zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// lookedAt reports whether the credentials of every version were looked at as the spec is now, whatever came of it.
func lookedAt(app *v1alpha1.Application) bool {
	return slices.EqualFunc(app.Spec.Versions, app.Status.Versions,
		func(version v1alpha1.ApplicationVersion, entry v1alpha1.ApplicationVersionStatus) bool {
			ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady))
			return entry.Version == version.Version && ready != nil && ready.ObservedGeneration == app.Generation
		})
}

// bury removes the Secrets of an application that was deleted and is held by a finalizer, and says so.
func (r *applications) bury(ctx context.Context, app *v1alpha1.Application, gone finding) error {
	if err := r.credentials.Remove(ctx, client.ObjectKeyFromObject(app)); err != nil {
		return err
	}
	base, reporter := app.DeepCopy(), reporter{r.Clock, app.Generation}
	app.Status.ObservedGeneration, app.Status.Binding = app.Generation, nil
	meta.RemoveStatusCondition(&app.Status.Conditions, string(v1alpha1.ConditionBound))
	reporter.setAll(&app.Status.Conditions, gone)
	for i := range app.Status.Versions {
		conditions := &app.Status.Versions[i].Conditions
		reporter.set(conditions, v1alpha1.ConditionReady, gone)
		reporter.set(conditions, v1alpha1.ConditionEffective, gone)
	}
	return writeStatus(ctx, r.Client, base, app)
}

// hosting returns the name of a tenant that hosts, or "".
func hosting(host *access.Tenant) string {
	if host == nil || host.Stage == "" {
		return ""
	}
	return host.Name
}

// report sets everything in status but what the credentials are.
func (r *applications) report(known *facts, app *v1alpha1.Application, host *access.Tenant) {
	app.Status.ObservedGeneration, app.Status.HostTenant = app.Generation, ""
	if host != nil {
		app.Status.HostTenant = host.Name
	}
	reporter, conditions := reporter{r.Clock, app.Generation}, &app.Status.Conditions
	accepted, meant := acceptApplication(known, app, host), access.NewApplication(app)
	versions := make([]finding, 0, len(app.Status.Versions))
	for i := range app.Status.Versions {
		entry := &app.Status.Versions[i]
		effective := effectiveVersion(ask(known, meant, string(entry.Version), app.Status.HostTenant, r.Clock.Now()))
		if effective.good() && !credentials.Equipped(&app.Spec.Versions[i], entry, r.Clock.Now()) {
			effective = unequipped(entry, effective)
		}
		if effective.good() && host != nil {
			effective.message += beyondCeiling(known, host, meant.Version(string(entry.Version)))
		}
		reporter.set(&entry.Conditions, v1alpha1.ConditionEffective, effective)
		versions = append(versions, effective)
	}
	ready := readyApplication(app)
	if over := revocation(known, app); ready.good() && over != nil {
		ready = finding{over.Reason, over.Message}
	}
	reporter.setBoth(conditions, accepted, ready)
	reporter.set(conditions, v1alpha1.ConditionEffective, effectiveApplication(app, accepted, versions))
	reporter.setTransfers(conditions, known, meant, host)
}

// unequipped says why a version that could have a token has nothing to ask for it with: that its own credentials have
// ended, or what its Ready says. What it could have is said, too: the grants for it are woken by a change of that.
func unequipped(entry *v1alpha1.ApplicationVersionStatus, could finding) finding {
	why := finding{v1alpha1.ReasonCredentialsPending, "the version has no credentials yet"}
	expired := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionCredentialExpiring))
	ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady))
	switch {
	case expired != nil && expired.Reason == string(v1alpha1.ReasonCredentialsExpired):
		why = finding{v1alpha1.ReasonCredentialsExpired, expired.Message}
	case ready != nil && ready.Status == metav1.ConditionFalse:
		why = finding{v1alpha1.Reason(ready.Reason), ready.Message}
	}
	why.message += "; with credentials, " + could.message
	return why
}

func acceptApplication(known *facts, app *v1alpha1.Application, host *access.Tenant) finding {
	switch {
	case host == nil && len(known.TenantsClaiming(app.Namespace)) > 1:
		return finding{v1alpha1.ReasonTenantNotHosting, fmt.Sprintf(
			"more than one Tenant claims namespace %s (spec.namespace), so that none is accepted: ask the platform operator to delete "+
				"all but one", app.Namespace)}
	case host == nil:
		return finding{v1alpha1.ReasonTenantNotHosting, fmt.Sprintf(
			"namespace %s is no accepted tenant's: ask the platform operator for a Tenant with spec.namespace %s and spec.hosting",
			app.Namespace, app.Namespace)}
	case host.Stage == "":
		return finding{v1alpha1.ReasonTenantNotHosting, fmt.Sprintf(
			"tenant %s hosts nothing: ask the platform operator to set spec.hosting of Tenant %s", host.Name, host.Name)}
	}
	for _, name := range app.Spec.ResourceServers {
		if access.AcceptedResourceServer(known, name) == nil {
			return finding{v1alpha1.ReasonResourceServerNotFound, fmt.Sprintf(
				"spec.resourceServers names %s, which is no accepted ResourceServer: name another, or ask the platform operator for it",
				name)}
		}
	}
	if offer := app.Spec.Offer; offer != nil {
		if _, err := metav1.LabelSelectorAsSelector(offer.TenantSelector); err != nil {
			return finding{v1alpha1.ReasonInvalidSelector, fmt.Sprintf(
				"spec.offer.tenantSelector cannot be read and selects nobody: %v", err)}
		}
	}
	for i := range app.Spec.Versions {
		version := &app.Spec.Versions[i]
		if version.Access == nil || version.Access.Level == "" || known.Level(version.Access.Level) != nil {
			continue
		}
		return finding{v1alpha1.ReasonAccessLevelNotFound, fmt.Sprintf(
			"spec.versions[%s].access.level names %s, which is no AccessLevel: name another, or ask the platform operator for it",
			version.Version, version.Access.Level)}
	}
	return finding{v1alpha1.ReasonAccepted, "hosted by tenant " + host.Name}
}

// readyApplication computes Ready of an application that is accepted, from its versions and its binding.
func readyApplication(app *v1alpha1.Application) finding {
	for i := range app.Status.Versions {
		entry := &app.Status.Versions[i]
		ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady))
		if ready != nil && ready.Status != metav1.ConditionTrue {
			return finding{v1alpha1.Reason(ready.Reason), fmt.Sprintf("version %s: %s", entry.Version, ready.Message)}
		}
	}
	bound := meta.FindStatusCondition(app.Status.Conditions, string(v1alpha1.ConditionBound))
	if bound != nil && bound.Status == metav1.ConditionFalse && bound.Reason != string(v1alpha1.ReasonNothingToBind) {
		return finding{v1alpha1.Reason(bound.Reason), bound.Message}
	}
	if len(app.Spec.Versions) == 0 {
		return finding{v1alpha1.ReasonReady, "registered; it has no versions yet (spec.versions)"}
	}
	return finding{v1alpha1.ReasonReady, "every version with access has its credentials"}
}

var _ reconcile.Reconciler = (*applications)(nil)
