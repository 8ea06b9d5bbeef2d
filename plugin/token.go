package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/plugin/remote"
)

type tokenFlags struct {
	output
	server           tokenServer
	tenant, audience string
	scopes           []string
	raw              bool
}

func (p *plugin) token() *cobra.Command {
	o := &tokenFlags{}
	cmd := &cobra.Command{
		Use:   "token [host/]<application>@<version>",
		Short: "Ask for a token as the application would, and decode it",
		Long: `Read the credentials of an application's version from its Secret, ask the token server for a token as the application would, and
print what the token says. It is decoded and not verified. The credentials are not printed; the token itself is with --raw alone.

The token server is that of TOKEN_URL in the Secret, or --token-server, as through a port-forward.

Rights: get on applications (API group countersign.dev) in the application's namespace, and get on secrets there, which makes one
the application.`,
		Example: `  # What would the application get for acme?
  kubectl countersign token kpi-dashboard@1.0.0 --tenant acme -n operator-co

  # Call an API with it.
  curl -H "Authorization: Bearer $(kubectl countersign token kpi-dashboard@1.0.0 --tenant acme -n operator-co --raw)" …`,
		Args:              exactly(1),
		ValidArgsFunction: p.completeApplication,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.runToken(cmd.Context(), o, args[0]) },
	}
	o.addTo(cmd, "json", "yaml")
	o.server.addTo(cmd.Flags(), p.TokenServer)
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "The tenant whose data the token is for; the host tenant where left out.")
	cmd.Flags().StringVar(&o.audience, "audience", "", "The audience; the application's default where left out.")
	cmd.Flags().StringSliceVar(&o.scopes, "scope", nil, "Scopes to ask for; all that can be had where left out.")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "Print the token alone. Who has it can use it until it ends.")
	completeFlag(cmd, "tenant", p.completeTenant)
	cmd.MarkFlagsMutuallyExclusive("raw", "output")
	return cmd
}

func (p *plugin) runToken(ctx context.Context, o *tokenFlags, argument string) error {
	if err := o.check(); err != nil {
		return err
	}
	named, err := parseReference(argument)
	if err != nil {
		return err
	}
	if named.version == "" {
		return fmt.Errorf("%q: name application and version, as kpi-dashboard@1.0.0", argument)
	}
	c, namespace, err := p.connectToHost(ctx, named)
	if err != nil {
		return err
	}
	found, err := readCredentials(ctx, c, client.ObjectKey{Namespace: namespace, Name: named.application}, named.version)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(found.tokenURL, remote.PathToken)
	if o.server.url != "" && (base == "" || o.server.chosen()) {
		base = o.server.url
	}
	if base == "" {
		return errors.New("the Secret names no token server: name it by --token-server or COUNTERSIGN_SERVER")
	}
	server, err := remote.New(base, o.server.authority)
	if err != nil {
		return err
	}
	token, err := server.Token(ctx, remote.TokenRequest{
		ClientID: found.clientID, ClientSecret: found.clientSecret, Tenant: o.tenant, Audience: o.audience, Scopes: splitScopes(o.scopes),
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, hint(err, named, namespace, o))
	}
	return p.printToken(o, token)
}

// hint says how to find out more about a refusal.
func hint(err error, named reference, namespace string, o *tokenFlags) string {
	refusal, is := errors.AsType[*remote.Refusal](err)
	if !is || refusal.Reason == "" || o.tenant == "" {
		return ""
	}
	command := fmt.Sprintf("kubectl countersign why %s %s -n %s", named, o.tenant, namespace)
	if o.audience != "" {
		command += " --audience " + o.audience
	}
	if scopes := splitScopes(o.scopes); len(scopes) > 0 {
		command += " --scope " + strings.Join(scopes, ",")
	}
	return fmt.Sprintf(". '%s' shows the whole chain", command)
}

func (p *plugin) printToken(o *tokenFlags, token *remote.Token) error {
	if o.raw {
		_, err := fmt.Fprintln(p.Out, token.AccessToken)
		return err
	}
	claims, err := token.Claims()
	if err != nil {
		return err
	}
	if !o.encoded() {
		o.format = "json"
		p.note("Valid for %s. Decoded, not verified; --raw prints the token.", time.Duration(token.ExpiresIn)*time.Second)
	}
	return p.encode(&o.output, claims)
}
