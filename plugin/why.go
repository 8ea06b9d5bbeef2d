package plugin

import (
	"errors"

	"github.com/spf13/cobra"

	"countersign.dev/plugin/live"
)

// errNotGranted and errUnknown end why: what they say was printed.
var (
	errNotGranted = errors.New("not granted")
	errUnknown    = errors.New("not known")
)

type whyFlags struct {
	output
	audience string
	scopes   []string
}

func (p *plugin) why() *cobra.Command {
	o := &whyFlags{}
	cmd := &cobra.Command{
		Use:   "why [host/]<application>[@version] <tenant>",
		Short: "Why an application gets a token for a tenant, or why not",
		Long: `Make the decision that the token server makes, on the objects as they are now, and print its chain: each link from the
application to a token, the one that is broken, and what to do.

The application is a name in the namespace of --namespace, or <host tenant>/<application>. Without a version, each version that
the application has is decided upon, and a token can be had where one of them can have it.

Rights: list on tenants, resourceservers and accesslevels; get on applications in the host's namespace, get on tenantgrants in
the tenant's (all of API group countersign.dev; ClusterRole countersign-viewer, bound for the whole cluster, has them). A link
that may not be looked at is marked so, the others are decided upon all the same, and what the operator wrote into conditions
that may be read is printed beside. That is how the administrator of a tenant asks, who reads the own namespace alone: name the
application <host tenant>/<application>, in the namespace of the tenant.

Exit status: 0 a token can be had; 1 no token can be had; 2 it could not be found out.`,
		Example: `  # Which link is broken?
  kubectl countersign why kpi-dashboard@1.0.0 acme -n operator-co

  # May it write? Asked by anybody who may read both sides.
  kubectl countersign why operator-co/kpi-dashboard acme --scope assets:write

  # As an administrator of acme.
  kubectl countersign why operator-co/kpi-dashboard acme -n tenant-acme`,
		Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error { return p.runWhy(cmd, o, args) },
	}
	o.addTo(cmd, "json", "yaml")
	cmd.Flags().StringVar(&o.audience, "audience", "", "The audience of the token; the application's default where left out.")
	cmd.Flags().StringSliceVar(&o.scopes, "scope", nil, "Scopes that the token must carry; all that can be had where left out.")
	cmd.ValidArgsFunction = p.completeApplicationThenTenant
	return cmd
}

func (p *plugin) runWhy(cmd *cobra.Command, o *whyFlags, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	named, err := parseReference(args[0])
	if err != nil {
		return err
	}
	facts, namespace, err := p.look(cmd.Context())
	if err != nil {
		return err
	}
	sight, err := live.Look(facts, live.Question{
		Host: named.host, Namespace: namespace, Application: named.application, Version: named.version, Tenant: args[1],
		Audience: o.audience, Scopes: splitScopes(o.scopes), Now: p.Clock.Now(),
	})
	if err != nil {
		return err
	}
	report := newWhyReport(sight, args[1])
	if err := facts.Err(); err != nil {
		return err
	}
	if o.encoded() {
		err = p.encode(&o.output, report)
	} else {
		err = report.print(p.Out)
	}
	switch {
	case err != nil:
		return err
	case report.Verdict == live.Yes:
		return nil
	case report.Verdict == live.No:
		return errNotGranted
	}
	return errUnknown
}
