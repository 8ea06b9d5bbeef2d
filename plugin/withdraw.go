package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

func (p *plugin) withdraw() *cobra.Command {
	suspend := false
	cmd := &cobra.Command{
		Use:   "withdraw <host>/<application>",
		Short: "Withdraw a tenant's consent",
		Long: `Delete the TenantGrant by which a tenant consented that an application works on its data, or suspend it (--suspend).

A token server that sees the cluster refuses within milliseconds; tokens that were issued before are good until they end, 15 or
30 minutes at most, unless the API asks the introspection endpoint.

Rights: delete on tenantgrants in the namespace of the tenant; with --suspend, patch (API group countersign.dev; ClusterRole
countersign-tenant-administrator, part of admin).`,
		Example: `  kubectl countersign withdraw operator-co/kpi-dashboard -n tenant-acme

  # For a while. 'grant --state Active' takes it back.
  kubectl countersign withdraw operator-co/kpi-dashboard -n tenant-acme --suspend`,
		Args:              exactly(1),
		ValidArgsFunction: p.completeGrant,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := parseHosted(args[0])
			if err != nil {
				return err
			}
			c, namespace, err := p.connect()
			if err != nil {
				return err
			}
			grant := &v1alpha1.TenantGrant{ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: access.GrantName(named.host, named.application),
			}}
			done, err := withdraw(cmd.Context(), c, grant, suspend)
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("namespace %s has no TenantGrant %s: 'kubectl countersign applications -n %[1]s' lists who may act on "+
					"the tenant's data", namespace, grant.Name)
			}
			if err != nil {
				return fmt.Errorf("withdrawing TenantGrant %s/%s: %w", namespace, grant.Name, inNamespace(err, namespace))
			}
			_, err = fmt.Fprintf(p.Out, "tenantgrant.countersign.dev/%s %s\n", grant.Name, done)
			return err
		},
	}
	cmd.Flags().BoolVar(&suspend, "suspend", false, "Suspend the grant, and keep what it says.")
	return cmd
}

func withdraw(ctx context.Context, c client.Client, grant *v1alpha1.TenantGrant, suspend bool) (done string, err error) {
	if !suspend {
		return "deleted", c.Delete(ctx, grant)
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"state":"Suspended"}}`))
	return "suspended", c.Patch(ctx, grant, patch)
}
