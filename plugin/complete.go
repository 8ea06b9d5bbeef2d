package plugin

import (
	"github.com/spf13/cobra"
)

// completeApplicationThenTenant completes an application of the namespace, and then a tenant.
func (p *plugin) completeApplicationThenTenant(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return p.completeApplication(cmd, args, "")
	case 1:
		return p.completeTenant(cmd, args, "")
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeApplication completes an application of the namespace, and its versions. Who may not list them gets nothing: a
// completion is no place for errors.
func (p *plugin) completeApplication(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	facts, namespace, err := p.look(cmd.Context())
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	found, _ := facts.Applications(namespace)
	for _, app := range found {
		names = append(names, app.Name)
		for i := range app.Spec.Versions {
			names = append(names, app.Name+"@"+string(app.Spec.Versions[i].Version))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeTenant completes the name of a Tenant.
func (p *plugin) completeTenant(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	facts, _, err := p.look(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, tenant := range facts.Tenants() {
		names = append(names, tenant.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeGrant completes the application of a grant of the namespace, as <host tenant>/<application>.
func (p *plugin) completeGrant(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	facts, namespace, err := p.look(cmd.Context())
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	found, _ := facts.Grants(namespace)
	for _, grant := range found {
		names = append(names, string(grant.Spec.Application.HostTenant)+"/"+grant.Spec.Application.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag completes the values of a flag that the command has.
func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the command has no such flag, which its first run shows
	}
}
