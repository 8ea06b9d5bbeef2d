package plugin

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

type grantFlags struct {
	output
	server   tokenServer
	tenant   string
	uid      string
	scopes   []string
	level    string
	versions []string
	expires  string
	state    string
	dryRun   string
}

func (p *plugin) grant() *cobra.Command {
	o := &grantFlags{}
	cmd := &cobra.Command{
		Use:   "grant <host>/<application>",
		Short: "Consent that an application works on a tenant's data",
		Long: `Write the TenantGrant by which a tenant consents that an application of another tenant works on its data: in the namespace of
the tenant, with the application's UID and the scopes filled in from what is on offer (see 'offers'), and say what was
consented to. Scopes that are left out are those that the offered versions need.

A grant that is there already is changed in what a flag names and in nothing else, and what changes is said.

With --uid nothing is looked up: then --scope is needed, and --tenant where no grant in the namespace says whose it is.

Rights: get, list, create and update on tenantgrants in the namespace of the tenant (API group countersign.dev; ClusterRole
countersign-tenant-administrator, part of admin), and those of 'offers' unless --uid is given.`,
		Example: `  # What do they ask for? Nothing is written.
  kubectl countersign grant operator-co/kpi-dashboard -n tenant-acme --dry-run=client -o yaml

  # Consent to reading, until the end of 2027, for one version.
  kubectl countersign grant operator-co/kpi-dashboard -n tenant-acme \
    --scope assets:read,timeseries:read --version 1.0.0 --expires 2027-12-31T00:00:00Z

  # Refuse for now, and go on.
  kubectl countersign grant operator-co/kpi-dashboard -n tenant-acme --state Suspended
  kubectl countersign grant operator-co/kpi-dashboard -n tenant-acme --state Active`,
		Args:              exactly(1),
		ValidArgsFunction: p.completeGrant,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.runGrant(cmd, o, args[0]) },
	}
	o.addTo(cmd, "json", "yaml", "name")
	o.server.addTenantTo(cmd.Flags(), p.TokenServer)
	flags := cmd.Flags()
	flags.StringVar(&o.tenant, "tenant", "", "The tenant that consents; that of the namespace where left out.")
	flags.StringVar(&o.uid, "uid", "", "metadata.uid of the Application, as its host says it; looked up where left out.")
	flags.StringSliceVar(&o.scopes, "scope", nil, "Scopes to consent to; those that the offered versions need where left out.")
	flags.StringVar(&o.level, "level", "", "Consent to the scopes of this access level, written out: a level that grows widens no grant.")
	flags.StringSliceVar(&o.versions, "version", nil, "Consent to these versions alone; '*' takes the restriction from a grant.")
	flags.StringVar(&o.expires, "expires", "", "When the consent ends, as 2027-12-31T00:00:00Z or in 30d; 'never' takes the end from a grant.")
	flags.StringVar(&o.state, "state", "", "Active or Suspended.")
	flags.StringVar(&o.dryRun, "dry-run", "none", "client: print what would be sent; server: let the API server check it and keep nothing.")
	completeFlag(cmd, "tenant", p.completeTenant)
	completeFlag(cmd, "state", cobra.FixedCompletions([]string{"Active", "Suspended"}, cobra.ShellCompDirectiveNoFileComp))
	completeFlag(cmd, "dry-run", cobra.FixedCompletions([]string{"client", "server", "none"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagsMutuallyExclusive("scope", "level")
	return cmd
}

func (o *grantFlags) check() error {
	if !slices.Contains([]string{"none", "client", "server"}, o.dryRun) {
		return fmt.Errorf("--dry-run %s is not known: use client, server or none", o.dryRun)
	}
	if o.uid != "" && !uid.MatchString(o.uid) {
		return fmt.Errorf("--uid %s is no UID: it is metadata.uid of the Application, as 5f9e2a71-0c4d-4f7e-9d55-2f6f0b7f3c11", o.uid)
	}
	return o.output.check()
}

// uid is what the API server gives objects.
var uid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (p *plugin) runGrant(cmd *cobra.Command, o *grantFlags, argument string) error {
	if err := o.check(); err != nil {
		return err
	}
	named, err := parseHosted(argument)
	if err != nil {
		return err
	}
	c, namespace, err := p.connect()
	if err != nil {
		return err
	}
	ctx, key := cmd.Context(), client.ObjectKey{Namespace: namespace, Name: access.GrantName(named.host, named.application)}
	grant := &v1alpha1.TenantGrant{}
	err = c.Get(ctx, key, grant)
	switch {
	case apierrors.IsNotFound(err):
		return p.createGrant(ctx, c, o, named, namespace)
	case err != nil:
		return fmt.Errorf("looking whether there is a TenantGrant %s: %w", key, inNamespace(err, namespace))
	}
	if since := grant.DeletionTimestamp; since != nil {
		return fmt.Errorf("TenantGrant %s is being deleted since %s, held by finalizers (%s): whatever is written into it, it grants "+
			"nothing. Wait until it is gone, and grant anew", key, since.UTC().Format(time.RFC3339), commas(grant.Finalizers))
	}
	return p.updateGrant(ctx, c, o, named, grant)
}

// createGrant writes a new grant.
func (p *plugin) createGrant(ctx context.Context, c client.Client, o *grantFlags, named reference, namespace string) error {
	terms, err := p.terms(ctx, o, named, o.covered(nil))
	if err != nil {
		return err
	}
	if err := p.checkPlace(ctx, terms.tenant, namespace); err != nil {
		return err
	}
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: access.GrantName(named.host, named.application)},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(terms.tenant),
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(named.host), Name: named.application, UID: types.UID(terms.uid),
			},
			Scopes: terms.scopes,
		},
	}
	if err := o.apply(&grant.Spec, p.Clock.Now()); err != nil {
		return err
	}
	grant.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TenantGrant"))
	if o.dryRun != "client" {
		if err := c.Create(ctx, grant, o.createOptions()...); err != nil {
			return fmt.Errorf("creating TenantGrant %s/%s: %w", namespace, grant.Name, err)
		}
	}
	return p.printGrant(o, grant, "created", consent(grant))
}

func (o *grantFlags) createOptions() []client.CreateOption {
	if o.dryRun == "server" {
		return []client.CreateOption{client.DryRunAll}
	}
	return nil
}

func (o *grantFlags) updateOptions() []client.UpdateOption {
	if o.dryRun == "server" {
		return []client.UpdateOption{client.DryRunAll}
	}
	return nil
}

// errNoScopes is what a grant without scopes ends with.
var errNoScopes = errors.New("no version is on offer that has access, so that there is nothing to consent to yet: wait for the " +
	"application's administrator, or write scopes out (--scope)")
