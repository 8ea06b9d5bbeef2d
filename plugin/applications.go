package plugin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

type applicationsFlags struct {
	output
	tenant string
	all    bool
}

func (p *plugin) applications() *cobra.Command {
	o := &applicationsFlags{}
	cmd := &cobra.Command{
		Use:   "applications",
		Short: "Who may act on a tenant's data, on what and since when",
		Long: `List the applications of other tenants that can have tokens for the tenant's data now, with the scopes that the tenant granted and
when it did. The tenant is that of the namespace, or --for. --all also lists grants by which no token can be had, with the reason.
Where nobody can say yet, since the operator has not looked at the grant's last change, the grant is listed and marked so.

Rights: list on tenantgrants in the namespace of the tenant (API group countersign.dev; ClusterRole
countersign-tenant-administrator, part of admin). Who may also look at everything else (list on tenants, resourceservers and
accesslevels, get on applications in the hosts' namespaces) sees the decision as it is now; all others see what the operator
wrote into the condition Effective of each grant.`,
		Example: `  # As an administrator of acme.
  kubectl countersign applications -n tenant-acme

  # As a platform operator.
  kubectl countersign applications --for acme --all -o wide`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runApplications(cmd, o) },
	}
	o.addTo(cmd, "wide", "json", "yaml")
	cmd.Flags().StringVar(&o.tenant, "for", "", "The tenant; that of the namespace where left out.")
	cmd.Flags().BoolVar(&o.all, "all", false, "Also grants by which no token can be had.")
	completeFlag(cmd, "for", p.completeTenant)
	return cmd
}

func (p *plugin) runApplications(cmd *cobra.Command, o *applicationsFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	facts, namespace, err := p.look(cmd.Context())
	if err != nil {
		return err
	}
	grants, namespace, err := o.grantsOf(facts, namespace)
	if err != nil {
		return err
	}
	slices.SortFunc(grants, func(a, b *v1alpha1.TenantGrant) int { return strings.Compare(a.Name, b.Name) })
	found := []actsOn{}
	for _, grant := range grants {
		row := newActsOn(grant)
		p.decideActsOn(facts, &row)
		found = append(found, row)
	}
	if err := facts.Err(); err != nil {
		return err
	}
	if err := facts.Complete(); err != nil {
		p.note("%v. What follows is what the operator wrote into the conditions of the grants.", err)
		for i, row := range found {
			found[i] = p.believeOperator(&row)
		}
	}
	if !o.all {
		found = slices.DeleteFunc(found, func(row actsOn) bool { return !row.Effective && !row.Unknown })
	}
	return p.printApplications(o, found, namespace)
}

// grantsOf returns the grants of the tenant that is asked about, and the namespace that they are in. Where Tenants may not be
// looked at, the grants say whose the namespace is.
func (o *applicationsFlags) grantsOf(facts *live.Facts, namespace string) ([]*v1alpha1.TenantGrant, string, error) {
	switch sees := facts.SeesTenants(); {
	case !sees:
	case o.tenant != "":
		tenant := facts.Tenant(o.tenant)
		if tenant == nil {
			return nil, "", noTenant(namespace, o.tenant)
		}
		namespace = tenant.Namespace
	case facts.Err() == nil && len(facts.TenantsClaiming(namespace)) == 0:
		return nil, "", fmt.Errorf("namespace %s speaks for no tenant: name the tenant's namespace (--namespace) or the tenant (--for)",
			namespace)
	}
	grants, seen := facts.Grants(namespace)
	if !seen {
		if err := facts.Err(); err != nil {
			return nil, "", err
		}
		// Tenants are not needed: with them more is seen.
		return nil, "", fmt.Errorf("%w. Is namespace %s that of your tenant (--namespace)?", live.LackingGrants(namespace), namespace)
	}
	if o.tenant == "" {
		return grants, namespace, nil
	}
	those := slices.DeleteFunc(slices.Clone(grants), func(g *v1alpha1.TenantGrant) bool { return string(g.Spec.Tenant) != o.tenant })
	if len(those) > 0 || facts.SeesTenants() {
		return those, namespace, nil
	}
	if len(grants) > 0 {
		return nil, "", fmt.Errorf("namespace %s is tenant %s's: for tenant %s, name its namespace (--namespace)", namespace,
			grants[0].Spec.Tenant, o.tenant)
	}
	return nil, "", fmt.Errorf("nothing says which tenant namespace %s is, and it has no grant: name the namespace of tenant %s "+
		"(--namespace), without --for", namespace, o.tenant)
}

func (p *plugin) printApplications(o *applicationsFlags, found []actsOn, namespace string) error {
	if o.encoded() {
		return p.encode(&o.output, found)
	}
	if len(found) == 0 {
		p.note("No application has a token for the tenant of namespace %s. --all also lists grants without effect.", namespace)
		return nil
	}
	t := &table{columns: []string{"HOST", "APPLICATION", "REASON", "SCOPES", "SINCE", "EXPIRES", "tenant", "versions", "message"}}
	for i := range found {
		row := &found[i]
		t.add(row.HostTenant, row.Application, row.reason(), strings.ReplaceAll(commas(row.Scopes), ",", " "),
			row.Since.Format(time.RFC3339), timeOr(row.Expires, "never"), row.Tenant, row.Versions, row.Message)
	}
	return p.print(&o.output, t)
}
