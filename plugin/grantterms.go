package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/remote"
)

// terms is who consents to what.
type terms struct {
	tenant, uid string
	scopes      []v1alpha1.Scope
}

// terms returns what flags say, and for the rest what is on offer.
func (p *plugin) terms(ctx context.Context, o *grantFlags, named reference) (*terms, error) {
	t := &terms{tenant: o.tenant, uid: o.uid, scopes: asScopes(splitScopes(o.scopes))}
	if o.uid != "" {
		return t, p.termsByFlags(ctx, t)
	}
	found, err := p.offeredTo(ctx, &o.server, o.tenant, &named)
	if err != nil {
		return nil, fmt.Errorf("%w. Without a look at the offer, name the application's UID (--uid) and the scopes (--scope)", err)
	}
	if len(found.Offers) == 0 {
		return nil, fmt.Errorf("no application %s of tenant %s is offered to this tenant: ask its administrator to offer it (spec.offer), "+
			"or compare the names ('offers' lists them)", named.application, named.host)
	}
	offer := &found.Offers[0]
	t.tenant, t.uid = found.Tenant, offer.UID
	if len(t.scopes) == 0 {
		t.scopes = needed(offer, o)
	}
	if len(t.scopes) == 0 && o.level != "" {
		return nil, fmt.Errorf("no offered version has the level %s: 'offers' lists them, or write scopes out (--scope)", o.level)
	}
	if len(t.scopes) == 0 {
		return nil, errNoScopes
	}
	return t, nil
}

// termsByFlags completes what can be known without a look at the offer: whose the namespace is.
func (p *plugin) termsByFlags(ctx context.Context, t *terms) error {
	if len(t.scopes) == 0 {
		return errors.New("with --uid nothing is looked up: write the scopes out (--scope), a level cannot be expanded")
	}
	if t.tenant != "" {
		return nil
	}
	facts, namespace, err := p.look(ctx)
	if err != nil {
		return err
	}
	if host := access.HostOf(facts, namespace); host != nil {
		t.tenant = host.Name
		return nil
	}
	grants, _ := facts.Grants(namespace)
	if len(grants) == 0 {
		return fmt.Errorf("nothing says which tenant namespace %s is: name it by --tenant", namespace)
	}
	t.tenant = string(grants[0].Spec.Tenant)
	return nil
}

// needed is what a grant has to list so that nothing is missing to the versions that it covers.
func needed(offer *remote.Offer, o *grantFlags) []v1alpha1.Scope {
	var scopes []string
	for _, version := range offer.Versions {
		covered := len(o.versions) == 0 || slices.Contains(o.versions, "*") || slices.Contains(o.versions, version.Version)
		if covered && (o.level == "" || version.Level != nil && version.Level.Name == o.level) {
			scopes = append(scopes, version.Scopes...)
		}
	}
	return asScopes(access.NewScopes(scopes...))
}

// apply writes into the spec what flags say beside scopes and UID.
func (o *grantFlags) apply(spec *v1alpha1.TenantGrantSpec, now time.Time) error {
	if len(o.versions) > 0 {
		spec.Versions = nil
	}
	for _, version := range o.versions {
		if version != "*" {
			spec.Versions = append(spec.Versions, v1alpha1.VersionName(version))
		}
	}
	switch v1alpha1.State(o.state) {
	case "":
	case v1alpha1.StateActive, v1alpha1.StateSuspended:
		spec.State = v1alpha1.State(o.state)
	default:
		return fmt.Errorf("--state %s is not known: use Active or Suspended", o.state)
	}
	return o.applyExpires(spec, now)
}

func (o *grantFlags) applyExpires(spec *v1alpha1.TenantGrantSpec, now time.Time) error {
	var end time.Time
	switch o.expires {
	case "":
		return nil
	case "never":
		spec.ExpirationTime = nil
		return nil
	}
	end, err := time.Parse(time.RFC3339, o.expires)
	if err != nil {
		duration, wrong := time.ParseDuration(o.expires)
		if wrong != nil {
			return fmt.Errorf("--expires %s is neither a time as 2027-12-31T00:00:00Z, nor a duration as 720h, nor 'never'", o.expires)
		}
		end = now.Add(duration)
	}
	if !end.After(now) {
		return fmt.Errorf("--expires %s has passed: to refuse at once, suspend the grant (--state Suspended) or withdraw it", o.expires)
	}
	spec.ExpirationTime = &metav1.Time{Time: end.UTC().Truncate(time.Second)}
	return nil
}

// grantChanges says what differs, a line for each field.
func grantChanges(before, after *v1alpha1.TenantGrantSpec) []string {
	var lines []string
	field := func(name, from, to string) {
		if from != to {
			lines = append(lines, fmt.Sprintf("%s: %s -> %s", name, from, to))
		}
	}
	if more := without(after.Scopes, before.Scopes); len(more) > 0 {
		lines = append(lines, "scopes added: "+commas(more))
	}
	if less := without(before.Scopes, after.Scopes); len(less) > 0 {
		lines = append(lines, "scopes taken out: "+commas(less))
	}
	field("uid", string(before.Application.UID), string(after.Application.UID))
	field("versions", versionsOf(before), versionsOf(after))
	field("expires", expiryOf(before.ExpirationTime), expiryOf(after.ExpirationTime))
	field("state", string(before.State), string(after.State))
	return lines
}

// consent says what a grant means.
func consent(grant *v1alpha1.TenantGrant) []string {
	spec := &grant.Spec
	lines := []string{fmt.Sprintf("tenant %s lets %s/%s (UID %s) have %s", spec.Tenant, spec.Application.HostTenant,
		spec.Application.Name, spec.Application.UID, commas(spec.Scopes))}
	lines = append(lines, fmt.Sprintf("versions: %s; expires: %s", versionsOf(spec), expiryOf(spec.ExpirationTime)))
	if spec.State == v1alpha1.StateSuspended {
		lines = append(lines, "it is Suspended: no token can be had until its state is Active")
	}
	return lines
}

// printGrant writes the object for programs, or what was done for people.
func (p *plugin) printGrant(o *grantFlags, grant *v1alpha1.TenantGrant, done string, lines []string) error {
	switch o.dryRun {
	case "client":
		done += " (dry run)"
	case "server":
		done += " (server dry run)"
	}
	grant.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TenantGrant"))
	grant.ManagedFields = nil
	switch o.format {
	case "json":
		return (&printers.JSONPrinter{}).PrintObj(grant, p.Out)
	case "yaml":
		return (&printers.YAMLPrinter{}).PrintObj(grant, p.Out)
	}
	if _, err := fmt.Fprintf(p.Out, "tenantgrant.countersign.dev/%s %s\n", grant.Name, done); err != nil || o.format == "name" {
		return err
	}
	_, err := fmt.Fprintf(p.Out, "  %s\n", strings.Join(lines, "\n  "))
	return err
}

func asScopes(texts []string) []v1alpha1.Scope {
	scopes := make([]v1alpha1.Scope, len(texts))
	for i, text := range texts {
		scopes[i] = v1alpha1.Scope(text)
	}
	return scopes
}

// without returns what of all is not among those.
func without(all, those []v1alpha1.Scope) []v1alpha1.Scope {
	return slices.DeleteFunc(slices.Clone(all), func(scope v1alpha1.Scope) bool { return slices.Contains(those, scope) })
}

func commas[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return strings.Join(texts, ",")
}

func versionsOf(spec *v1alpha1.TenantGrantSpec) string {
	if len(spec.Versions) == 0 {
		return "all, later ones too"
	}
	return commas(spec.Versions)
}

func expiryOf(at *metav1.Time) string {
	if at == nil {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}
