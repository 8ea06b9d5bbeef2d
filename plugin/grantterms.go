package plugin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"countersign.dev/api/v1alpha1"
)

// apply writes into the spec what flags say beside scopes and UID.
func (o *grantFlags) apply(spec *v1alpha1.TenantGrantSpec, now time.Time) error {
	spec.Versions = o.covered(spec.Versions)
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
		duration, wrong := parseDuration(o.expires)
		if wrong != nil {
			return fmt.Errorf("--expires %s is neither a time as 2027-12-31T00:00:00Z, nor a duration as 30d or 720h, nor 'never'", o.expires)
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
	case "name":
		_, err := fmt.Fprintf(p.Out, "tenantgrant.countersign.dev/%s\n", grant.Name)
		return err
	case "json":
		return (&printers.JSONPrinter{}).PrintObj(grant, p.Out)
	case "yaml":
		return (&printers.YAMLPrinter{}).PrintObj(grant, p.Out)
	}
	if _, err := fmt.Fprintf(p.Out, "tenantgrant.countersign.dev/%s %s\n", grant.Name, done); err != nil {
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
