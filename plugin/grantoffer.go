package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/remote"
)

// terms is who consents to what.
type terms struct {
	tenant, uid string
	scopes      []v1alpha1.Scope
}

// terms returns what flags say, and for the rest what is on offer; covered are the versions that the grant covers, empty for all.
func (p *plugin) terms(ctx context.Context, o *grantFlags, named reference, covered []v1alpha1.VersionName) (*terms, error) {
	t := &terms{tenant: o.tenant, uid: o.uid, scopes: asScopes(splitScopes(o.scopes))}
	if o.uid != "" {
		return t, p.termsByFlags(ctx, t)
	}
	tenant, offer, err := p.offerTo(ctx, o, named)
	if err != nil {
		return nil, err
	}
	if err := o.checkVersions(offer); err != nil {
		return nil, err
	}
	t.tenant, t.uid = tenant, offer.UID
	if len(t.scopes) == 0 {
		t.scopes = needed(offer, covered, o.level)
	}
	switch {
	case len(t.scopes) > 0:
		return t, nil
	case len(offer.Versions) == 0:
		return nil, errNoScopes
	case o.level != "":
		return nil, fmt.Errorf("no offered version%s has the level %s: 'offers' lists them, or write scopes out (--scope)",
			thatIsCovered(covered), o.level)
	case len(covered) > 0:
		return nil, fmt.Errorf("the grant covers version %s alone, and on offer is %s: to cover others, name them by --version, or "+
			"all by --version '*'", commas(covered), commas(versionsOn(offer)))
	}
	return nil, errNoScopes
}

// errNotOnOffer is what a look at the offer ends with where there is none.
var errNotOnOffer = errors.New("ask its administrator to offer it (spec.offer), or compare the names ('offers' lists them)")

// offerTo looks up the offer of the application.
func (p *plugin) offerTo(ctx context.Context, o *grantFlags, named reference) (tenant string, offer *remote.Offer, err error) {
	found, err := p.offeredTo(ctx, &o.server, o.tenant, &named)
	if err != nil {
		return "", nil, fmt.Errorf("%w. Without a look at the offer, name the application's UID (--uid) and the scopes (--scope)", err)
	}
	if len(found.Offers) == 0 {
		return "", nil, fmt.Errorf("no application %s of tenant %s is offered to this tenant: %w", named.application, named.host, errNotOnOffer)
	}
	return found.Tenant, &found.Offers[0], nil
}

// checkVersions refuses versions that are not on offer: a list of these alone ends all tokens.
func (o *grantFlags) checkVersions(offer *remote.Offer) error {
	offered := versionsOn(offer)
	unknown := slices.DeleteFunc(slices.Clone(o.versions), func(version string) bool {
		return version == "*" || slices.Contains(offered, version)
	})
	switch {
	case len(unknown) == 0:
		return nil
	case len(offered) == 0:
		return fmt.Errorf("version %s is not on offer, and no other: %w", commas(unknown), errNoScopes)
	}
	return fmt.Errorf("version %s is not on offer: on offer is %s. To consent to what is yet to come, name the application's UID: --uid %s",
		commas(unknown), commas(offered), offer.UID)
}

func versionsOn(offer *remote.Offer) []string {
	names := make([]string, len(offer.Versions))
	for i := range offer.Versions {
		names[i] = offer.Versions[i].Version
	}
	return names
}

func thatIsCovered(covered []v1alpha1.VersionName) string {
	if len(covered) == 0 {
		return ""
	}
	return " that the grant covers (" + commas(covered) + ")"
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

// checkPlace refuses a grant in a namespace that is not its tenant's, where it would grant nothing: by the Tenants, or where
// these may not be looked at, by the grants that are there.
func (p *plugin) checkPlace(ctx context.Context, tenant, namespace string) error {
	facts, _, err := p.look(ctx)
	if err != nil {
		return err
	}
	if facts.SeesTenants() {
		found := facts.Tenant(tenant)
		switch {
		case facts.Err() != nil:
			return facts.Err()
		case found == nil:
			return noTenant(namespace, tenant)
		case found.Namespace != namespace:
			return fmt.Errorf("the grants of tenant %s are in its namespace %s, and mean nothing in %s: --namespace %[2]s",
				tenant, found.Namespace, namespace)
		}
		return nil
	}
	grants, _ := facts.Grants(namespace)
	for _, grant := range grants {
		if string(grant.Spec.Tenant) != tenant {
			return fmt.Errorf("namespace %s is tenant %s's, as TenantGrant %s says: for tenant %s, name its namespace (--namespace)",
				namespace, grant.Spec.Tenant, grant.Name, tenant)
		}
	}
	return nil
}

// needed is what a grant has to list so that nothing is missing to the versions that it covers.
func needed(offer *remote.Offer, covered []v1alpha1.VersionName, level string) []v1alpha1.Scope {
	var scopes []string
	for _, version := range offer.Versions {
		covers := len(covered) == 0 || slices.Contains(covered, v1alpha1.VersionName(version.Version))
		if covers && (level == "" || version.Level != nil && version.Level.Name == level) {
			scopes = append(scopes, version.Scopes...)
		}
	}
	return asScopes(access.NewScopes(scopes...))
}
