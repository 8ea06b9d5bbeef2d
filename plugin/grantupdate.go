package plugin

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// updateGrant changes in a grant what flags name.
func (p *plugin) updateGrant(ctx context.Context, c client.Client, o *grantFlags, named reference, grant *v1alpha1.TenantGrant) error {
	if o.tenant != "" && o.tenant != string(grant.Spec.Tenant) {
		return fmt.Errorf("TenantGrant %s/%s is tenant %s's, which nothing can change: name the namespace of tenant %s (--namespace)",
			grant.Namespace, grant.Name, grant.Spec.Tenant, o.tenant)
	}
	before := grant.DeepCopy()
	if o.changesNothing() {
		return p.compareGrant(ctx, o, named, grant)
	}
	if err := p.checkUpdate(ctx, o, named, grant); err != nil {
		return err
	}
	if scopes := splitScopes(o.scopes); len(scopes) > 0 {
		grant.Spec.Scopes = asScopes(scopes)
	}
	if o.uid != "" {
		grant.Spec.Application.UID = types.UID(o.uid)
	}
	if err := o.apply(&grant.Spec, p.Clock.Now()); err != nil {
		return err
	}
	changes := grantChanges(&before.Spec, &grant.Spec)
	if len(changes) == 0 {
		return p.printGrant(o, grant, "unchanged", consent(grant))
	}
	if o.dryRun != "client" {
		// The resourceVersion that was read goes along: what somebody else consented to meanwhile is not overwritten.
		if err := c.Update(ctx, grant, o.updateOptions()...); err != nil {
			return fmt.Errorf("updating TenantGrant %s/%s: %w", grant.Namespace, grant.Name, err)
		}
	}
	return p.printGrant(o, grant, "updated", append(changes, consent(grant)...))
}

// changesNothing reports whether no flag names anything of a grant.
func (o *grantFlags) changesNothing() bool {
	return o.uid == "" && len(o.scopes) == 0 && o.level == "" && len(o.versions) == 0 && o.expires == "" && o.state == ""
}

// compareGrant holds a grant that is there, and that no flag changes, against what is on offer now.
func (p *plugin) compareGrant(ctx context.Context, o *grantFlags, named reference, grant *v1alpha1.TenantGrant) error {
	terms, err := p.terms(ctx, o, named, grant.Spec.Versions)
	if err != nil {
		return fmt.Errorf("TenantGrant %s/%s is there already, and no flag says what to change in it. What is on offer could not be "+
			"compared: %w", grant.Namespace, grant.Name, err)
	}
	if err := checkUID(grant, terms.uid, terms.scopes); err != nil {
		return err
	}
	if missing := without(terms.scopes, grant.Spec.Scopes); len(missing) > 0 {
		return fmt.Errorf("TenantGrant %s/%s is there already, and the offered versions that it covers could use more than it lists: %s. "+
			"To consent to that, write all scopes out: %s --scope %s", grant.Namespace, grant.Name, commas(missing),
			grantCommand(grant), commas(append(slices.Clone(grant.Spec.Scopes), missing...)))
	}
	return p.printGrant(o, grant, "unchanged", consent(grant))
}

// checkUpdate holds what flags say against what is on offer, and fills in the scopes of a level. What ends or suspends a consent
// takes no look at the offer.
func (p *plugin) checkUpdate(ctx context.Context, o *grantFlags, named reference, grant *v1alpha1.TenantGrant) error {
	if o.level != "" {
		covered := o.covered(grant.Spec.Versions)
		terms, err := p.terms(ctx, o, named, covered)
		if err != nil {
			return err
		}
		grant.Spec.Scopes = terms.scopes
		if o.uid != "" {
			return nil
		}
		return checkUID(grant, terms.uid, terms.scopes)
	}
	if o.uid != "" || len(o.versions) == 0 && len(o.scopes) == 0 {
		return nil
	}
	_, offer, err := p.offerTo(ctx, o, named)
	if err != nil {
		// It is the tenant's to consent to what it cannot look up.
		p.note("Could not compare with what is on offer: %v", err)
		return nil
	}
	scopes := asScopes(splitScopes(o.scopes))
	if len(scopes) == 0 {
		scopes = grant.Spec.Scopes
	}
	if err := checkUID(grant, offer.UID, scopes); err != nil {
		return err
	}
	return o.checkVersions(offer)
}

// checkUID refuses to change a grant for an earlier application, which grants the present one nothing, as if it did.
func checkUID(grant *v1alpha1.TenantGrant, present string, scopes []v1alpha1.Scope) error {
	if string(grant.Spec.Application.UID) == present {
		return nil
	}
	return fmt.Errorf("TenantGrant %s/%s is for an earlier application of that name, with the UID %s (%s). To consent to the present "+
		"one, say so: %s --uid %s --scope %s; or withdraw the grant, and grant anew", grant.Namespace, grant.Name,
		grant.Spec.Application.UID, v1alpha1.ReasonApplicationReplaced, grantCommand(grant), present, commas(scopes))
}

// grantCommand is the command that changes the grant.
func grantCommand(grant *v1alpha1.TenantGrant) string {
	return fmt.Sprintf("kubectl countersign grant %s/%s -n %s", grant.Spec.Application.HostTenant, grant.Spec.Application.Name,
		grant.Namespace)
}

// covered are the versions that the grant covers once the flags are applied; empty for all.
func (o *grantFlags) covered(present []v1alpha1.VersionName) []v1alpha1.VersionName {
	if len(o.versions) == 0 {
		return present
	}
	var covered []v1alpha1.VersionName
	for _, version := range o.versions {
		if version == "*" {
			return nil
		}
		covered = append(covered, v1alpha1.VersionName(version))
	}
	return covered
}
