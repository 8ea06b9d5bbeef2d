package plugin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

type tenantsFlags struct {
	output
	all bool
}

// actsFor is one version of an application, and a tenant.
type actsFor struct {
	Tenant  string          `json:"tenant"`
	Version string          `json:"version"`
	Reason  v1alpha1.Reason `json:"reason"`
	Scopes  access.Scopes   `json:"scopes,omitempty"`
	// Since is when the tenant's grant was created, Expires when it ends; absent for the host's own data, which needs none.
	Since   *time.Time `json:"since,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	OwnData bool       `json:"ownData,omitempty"`
	Message string     `json:"message"`
}

func (p *plugin) tenants() *cobra.Command {
	o := &tenantsFlags{}
	cmd := &cobra.Command{
		Use:   "tenants [host/]<application>[@version]",
		Short: "The tenants that an application can act for, and with which scopes",
		Long: `List the tenants that tokens can be had for now, for each version of the application, with the scopes: the decision of the
token server on the objects as they are. --all also lists tenants that granted something and for which no token can be had, with
the reason.

Rights: get on applications in the host's namespace; list on tenants, resourceservers and accesslevels; list on tenantgrants in
all namespaces (API group countersign.dev; ClusterRole countersign-viewer, bound for the whole cluster, has them). An
application's administrator who has not these asks the token server as the application: GET /v1/tenants.`,
		Example: `  kubectl countersign tenants kpi-dashboard -n operator-co
  kubectl countersign tenants operator-co/kpi-dashboard@1.0.0 --all -o wide`,
		Args:              exactly(1),
		ValidArgsFunction: p.completeApplication,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.runTenants(cmd, o, args[0]) },
	}
	o.addTo(cmd, "wide", "json", "yaml")
	cmd.Flags().BoolVar(&o.all, "all", false, "Also tenants that granted something and for which no token can be had.")
	return cmd
}

func (p *plugin) runTenants(cmd *cobra.Command, o *tenantsFlags, argument string) error {
	if err := o.check(); err != nil {
		return err
	}
	named, err := parseReference(argument)
	if err != nil {
		return err
	}
	facts, namespace, err := p.look(cmd.Context())
	if err != nil {
		return err
	}
	app, err := findApplication(facts, named, namespace)
	if _, forbidden := errors.AsType[*live.Forbidden](err); err != nil && !forbidden {
		return err
	}
	var found []actsFor
	if err == nil {
		found = p.tenantsOf(facts, app, named.version, o.all)
	}
	if facts.Complete() != nil {
		// All rights that it takes are named at once.
		facts.LookAround()
		facts.Grants("")
	}
	if err := facts.Complete(); err != nil {
		where := ""
		if named.host == "" {
			where = fmt.Sprintf(" The namespace is %s (--namespace names another).", namespace)
		}
		return fmt.Errorf("%w.%s The token server tells the application itself: GET /v1/tenants with its credentials", err, where)
	}
	return p.printTenants(o, found)
}

// findApplication finds a live application by its reference.
func findApplication(facts *live.Facts, named reference, namespace string) (*access.Application, error) {
	if named.host != "" {
		var err error
		if namespace, err = hostNamespace(facts, named.host); err != nil {
			return nil, err
		}
	}
	app := facts.Application(namespace, named.application)
	if err := facts.Complete(); err != nil {
		return nil, err
	}
	if app == nil {
		return nil, fmt.Errorf("namespace %s has no Application %s: kubectl get applications -n %[1]s lists them", namespace, named.application)
	}
	if named.version != "" && app.Version(named.version) == nil {
		return nil, fmt.Errorf("the Application %s/%s has no version %s in spec.versions", namespace, app.Name, named.version)
	}
	return app, nil
}

// tenantsOf decides for every tenant that granted the application something, and for its host.
func (p *plugin) tenantsOf(facts *live.Facts, app *access.Application, version string, all bool) []actsFor {
	found := []actsFor{}
	host := access.HostOf(facts, app.Namespace)
	given := grantsFor(facts, host, app.Name)
	names := slices.Collect(maps.Keys(given))
	if host != nil && given[host.Name] == nil {
		names = append(names, host.Name)
	}
	slices.Sort(names)
	for _, tenant := range names {
		for i := range app.Versions {
			name := app.Versions[i].Name
			if version != "" && name != version {
				continue
			}
			d := access.Decide(facts, access.Question{Application: app, Version: name, Tenant: tenant, Now: p.Clock.Now()})
			if !all && !d.Granted() {
				continue
			}
			row := newActsFor(&d, tenant, name)
			if row.OwnData = host != nil && tenant == host.Name; !row.OwnData {
				row.dateBy(given[tenant])
			}
			found = append(found, row)
		}
	}
	return found
}

// grantsFor are the grants for the application by the tenants that they name. One in its tenant's namespace, where alone it
// grants something, goes before others.
func grantsFor(facts *live.Facts, host *access.Tenant, application string) map[string]*v1alpha1.TenantGrant {
	given := map[string]*v1alpha1.TenantGrant{}
	grants, _ := facts.Grants("")
	for _, grant := range grants {
		if host == nil || grant.Name != access.GrantName(host.Name, application) {
			continue
		}
		name := string(grant.Spec.Tenant)
		tenant := facts.Tenant(name)
		if given[name] == nil || tenant != nil && tenant.Namespace == grant.Namespace {
			given[name] = grant
		}
	}
	return given
}

func newActsFor(d *access.Decision, tenant, version string) actsFor {
	row := actsFor{Tenant: tenant, Version: version, Reason: d.Reason, Message: d.Message()}
	if !d.Granted() {
		return row
	}
	row.Scopes = d.Scopes
	if exceeding := d.Exceeding(); len(exceeding) > 0 {
		row.Reason = v1alpha1.ReasonAccessExceedsGrant
		row.Message += "; the version could use more than the grant lists: " + strings.Join(exceeding, " ")
	}
	return row
}

// dateBy writes down since when and until when the grant is, whether it has effect or not.
func (row *actsFor) dateBy(grant *v1alpha1.TenantGrant) {
	if grant == nil {
		return
	}
	since := grant.CreationTimestamp.UTC()
	row.Since = &since
	if end := grant.Spec.ExpirationTime; end != nil {
		at := end.UTC()
		row.Expires = &at
	}
}

func (p *plugin) printTenants(o *tenantsFlags, found []actsFor) error {
	if o.encoded() {
		return p.encode(&o.output, found)
	}
	if len(found) == 0 {
		p.note("There is no tenant that a token can be had for. --all also lists those that granted something.")
		return nil
	}
	t := &table{columns: []string{"TENANT", "VERSION", "REASON", "SCOPES", "SINCE", "EXPIRES", "message"}}
	for i := range found {
		row := &found[i]
		without := "<no grant>"
		if row.OwnData {
			without = "<own data>"
		}
		t.add(row.Tenant, row.Version, string(row.Reason), strings.Join(row.Scopes, " "), timeOr(row.Since, without),
			timeOr(row.Expires, "never"), row.Message)
	}
	return p.print(&o.output, t)
}

func timeOr(at *time.Time, otherwise string) string {
	if at == nil {
		return otherwise
	}
	return at.UTC().Format(time.RFC3339)
}
