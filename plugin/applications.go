package plugin

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

type applicationsFlags struct {
	output
	tenant string
	all    bool
}

// actsOn is an application that a tenant consented to.
type actsOn struct {
	Tenant      string          `json:"tenant"`
	HostTenant  string          `json:"hostTenant"`
	Application string          `json:"application"`
	Effective   bool            `json:"effective"`
	Reason      v1alpha1.Reason `json:"reason"`
	// Scopes are those of the grant: no token for the tenant has others.
	Scopes   []v1alpha1.Scope `json:"scopes"`
	Versions string           `json:"versions"`
	Since    time.Time        `json:"since"`
	Expires  *time.Time       `json:"expires,omitempty"`
	Message  string           `json:"message"`

	conditions []metav1.Condition
}

func (p *plugin) applications() *cobra.Command {
	o := &applicationsFlags{}
	cmd := &cobra.Command{
		Use:   "applications",
		Short: "Who may act on a tenant's data, on what and since when",
		Long: `List the applications of other tenants that can have tokens for the tenant's data now, with the scopes that the tenant granted and
when it did. The tenant is that of the namespace, or --for. --all also lists grants by which no token can be had, with the reason.

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
	if o.tenant != "" && facts.SeesTenants() {
		tenant := facts.Tenant(o.tenant)
		if tenant == nil {
			return noTenant(namespace, o.tenant)
		}
		namespace = tenant.Namespace
	}
	grants, seen := facts.Grants(namespace)
	if !seen {
		return facts.Complete()
	}
	slices.SortFunc(grants, func(a, b *v1alpha1.TenantGrant) int { return strings.Compare(a.Name, b.Name) })
	found := []actsOn{}
	for _, grant := range grants {
		if o.tenant == "" || string(grant.Spec.Tenant) == o.tenant {
			row := newActsOn(grant)
			p.decideActsOn(facts, grant, &row)
			found = append(found, row)
		}
	}
	if err := facts.Err(); err != nil {
		return err
	}
	if err := facts.Complete(); err != nil {
		p.note("%v. What follows is what the operator wrote into the conditions of the grants.", err)
		for i := range found {
			p.believeOperator(&found[i])
		}
	}
	if !o.all {
		found = slices.DeleteFunc(found, func(row actsOn) bool { return !row.Effective })
	}
	return p.printApplications(o, found, namespace)
}

func newActsOn(grant *v1alpha1.TenantGrant) actsOn {
	spec := &grant.Spec
	row := actsOn{
		Tenant: string(spec.Tenant), HostTenant: string(spec.Application.HostTenant), Application: spec.Application.Name,
		Scopes: spec.Scopes, Versions: versionsOf(spec), Since: grant.CreationTimestamp.UTC(),
		conditions: grant.Status.Conditions,
	}
	if spec.ExpirationTime != nil {
		end := spec.ExpirationTime.UTC()
		row.Expires = &end
	}
	return row
}

// decideActsOn says whether the grant has effect: for any version, as the operator says it.
func (p *plugin) decideActsOn(facts *live.Facts, grant *v1alpha1.TenantGrant, row *actsOn) {
	var app *access.Application
	if host := access.AcceptedTenant(facts, row.HostTenant); host != nil {
		app = facts.Application(host.Namespace, row.Application)
	}
	if app == nil {
		row.Reason, row.Message = v1alpha1.ReasonApplicationNotFound, "there is no such application"
		return
	}
	row.Reason, row.Message = v1alpha1.ReasonVersionNotFound, "the application has no version"
	for i := len(app.Versions) - 1; i >= 0 && !row.Effective; i-- {
		d := access.Decide(facts, access.Question{
			Application: app, Version: app.Versions[i].Name, Tenant: row.Tenant, Now: p.Clock.Now(),
		})
		// What can be had by another grant, or by none, says nothing of this one.
		row.Effective = d.Granted() && d.GrantUID() == grant.UID
		row.Reason, row.Message = d.Reason, d.Message()
	}
}

// believeOperator says whether the grant has effect by the operator's condition.
func (p *plugin) believeOperator(row *actsOn) {
	row.Effective, row.Reason, row.Message = false, "", "the operator has not looked at it yet"
	if said := meta.FindStatusCondition(row.conditions, string(v1alpha1.ConditionEffective)); said != nil {
		row.Effective = said.Status == metav1.ConditionTrue
		row.Reason, row.Message = v1alpha1.Reason(said.Reason), said.Message
	}
	if end := row.Expires; row.Effective && end != nil && !p.Clock.Now().Before(*end) {
		row.Effective, row.Reason, row.Message = false, v1alpha1.ReasonGrantExpired, "the grant has expired"
	}
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
		t.add(row.HostTenant, row.Application, string(row.Reason), strings.ReplaceAll(commas(row.Scopes), ",", " "),
			row.Since.Format(time.RFC3339), timeOr(row.Expires, "never"), row.Tenant, row.Versions, row.Message)
	}
	return p.print(&o.output, t)
}
