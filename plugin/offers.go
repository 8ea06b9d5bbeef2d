package plugin

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"countersign.dev/plugin/remote"
)

type offersFlags struct {
	output
	server tokenServer
	tenant string
}

func (p *plugin) offers() *cobra.Command {
	o := &offersFlags{}
	cmd := &cobra.Command{
		Use:   "offers",
		Short: "What is on offer to a tenant, and which access each version asks for",
		Long: `List the applications that are offered to a tenant: each version that could work on the tenant's data, its access level in
words, and the scopes that a grant has to list so that nothing is missing. The tenant is that of the namespace, or --tenant.

Who may look at everything sees the objects; the administrator of a tenant asks the token server, which tells a tenant what is
offered to it and nothing about anything else. The command then makes a token of a ServiceAccount of the tenant's namespace,
valid for ten minutes and for the token server alone, and asks with it.

Rights: either list on tenants, resourceservers, accesslevels and applications in all namespaces (API group countersign.dev;
ClusterRole countersign-viewer, bound for the whole cluster, has them), or, with --token-server or COUNTERSIGN_SERVER, create on
serviceaccounts/token in the namespace of the tenant: for countersign-tenant, a ServiceAccount without rights that the platform
makes there, the ClusterRole countersign-tenant-administrator has it; for all, admin and edit have it.`,
		Example: `  # As an administrator of acme.
  kubectl countersign offers -n tenant-acme --token-server https://tokens.example.com

  # As a platform operator, with UIDs and what the levels mean.
  kubectl countersign offers --tenant acme -o wide`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			found, err := p.offeredTo(cmd.Context(), &o.server, o.tenant, nil)
			if err != nil {
				return err
			}
			return p.printOffers(&o.output, found)
		},
	}
	o.addTo(cmd, "wide", "json", "yaml")
	o.server.addTenantTo(cmd.Flags(), p.TokenServer)
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "The tenant; that of the namespace where left out.")
	completeFlag(cmd, "tenant", p.completeTenant)
	return cmd
}

func (p *plugin) printOffers(o *output, found *offered) error {
	if o.encoded() {
		return p.encode(o, newOffersReport(found))
	}
	t := &table{columns: []string{"HOST", "APPLICATION", "VERSION", "ACCESS", "SCOPES", "name", "uid", "description"}}
	for _, offer := range found.Offers {
		for _, version := range offer.Versions {
			access, description := words(version.Level)
			t.add(offer.HostTenant, offer.Application, version.Version, access, strings.Join(version.Scopes, " "), offer.DisplayName,
				offer.UID, description)
		}
		if len(offer.Versions) == 0 {
			t.add(offer.HostTenant, offer.Application, "<none>", "<no version has access>", "", offer.DisplayName, offer.UID, "")
		}
	}
	if len(t.rows) == 0 {
		p.note("Nothing is on offer to tenant %s.", found.Tenant)
		return nil
	}
	if err := p.print(o, t); err != nil {
		return err
	}
	p.note("On offer to tenant %s. To consent: kubectl countersign grant <host>/<application> -n %s", found.Tenant, found.namespace)
	return nil
}

// words are an access level's name and description for people.
func words(level *remote.Level) (name, description string) {
	if level == nil {
		return "custom", "scopes of its own"
	}
	return cmp.Or(level.DisplayName, level.Name), level.Description
}

// offersReport is what is on offer, as JSON and YAML have it: in the words of the API's kinds.
type offersReport struct {
	Tenant string        `json:"tenant"`
	Offers []offerReport `json:"offers"`
}

type offerReport struct {
	HostTenant  string          `json:"hostTenant"`
	Application string          `json:"application"`
	UID         string          `json:"uid"`
	DisplayName string          `json:"displayName,omitempty"`
	Versions    []versionReport `json:"versions"`
}

type versionReport struct {
	Version string       `json:"version"`
	Level   *levelReport `json:"level,omitempty"`
	Scopes  []string     `json:"scopes"`
}

type levelReport struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
}

func newOffersReport(found *offered) *offersReport {
	report := &offersReport{Tenant: found.Tenant, Offers: make([]offerReport, 0, len(found.Offers))}
	for i := range found.Offers {
		from := &found.Offers[i]
		offer := offerReport{from.HostTenant, from.Application, from.UID, from.DisplayName, make([]versionReport, 0, len(from.Versions))}
		for _, version := range from.Versions {
			offer.Versions = append(offer.Versions, versionReport{version.Version, (*levelReport)(version.Level), version.Scopes})
		}
		report.Offers = append(report.Offers, offer)
	}
	return report
}
