package plugin

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"countersign.dev/internal/credential"
)

// newCredential is a client secret and what an Application lists of it.
type newCredential struct {
	ClientSecret string   `json:"clientSecret"`
	Verifier     verifier `json:"verifier"`
}

// verifier is an entry of spec.versions[].verifiers.
type verifier struct {
	SHA256         string `json:"sha256"`
	ExpirationTime string `json:"expirationTime"`
}

func (p *plugin) credentials() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credentials",
		Short: "Credentials of applications that run outside the cluster",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.credentialsNew())
	return cmd
}

// shortest is how long a secret lives at least.
const shortest = time.Minute

func (p *plugin) credentialsNew() *cobra.Command {
	o, expires := &output{}, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a client secret on this machine, and what the Application lists of it",
		Long: `Make a client secret for an application that runs outside the cluster, and print it once, with the entry of
spec.versions[].verifiers that lets the token server check it: its SHA-256 and when it ends. The secret is sent nowhere and kept
nowhere: hand it to the application. A version that lists verifiers gets no Secret from Countersign.

Rights: none. Listing the entry takes update or patch on applications in the host's namespace.`,
		Example: `  kubectl countersign credentials new --expires-in 90d
  kubectl countersign credentials new -o json | jq -r .clientSecret`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if expires < shortest {
				return fmt.Errorf("--expires-in %s is over before the secret could be listed: name a minute or more, as 90d", expires)
			}
			secret, err := credential.New(p.Rand)
			if err != nil {
				return fmt.Errorf("making a client secret: %w", err)
			}
			return p.printCredential(o, &newCredential{secret.Reveal(), verifier{
				secret.Hash().String(), p.Clock.Now().Add(expires).UTC().Truncate(time.Second).Format(time.RFC3339),
			}})
		},
	}
	o.addTo(cmd, "json", "yaml")
	const quarter = 90 * day
	addDuration(cmd.Flags(), &expires, "expires-in", quarter, "When the secret ends, as 90d or 36h; nobody but its owner rotates it.")
	return cmd
}

func (p *plugin) printCredential(o *output, made *newCredential) error {
	if o.encoded() {
		return p.encode(o, made)
	}
	_, err := fmt.Fprintf(p.Out, `# The client secret. It is shown this once, and kept nowhere.
%s

# For the version in spec.versions of the Application:
verifiers:
- sha256: %s
  expirationTime: %s
`, made.ClientSecret, made.Verifier.SHA256, made.Verifier.ExpirationTime)
	return err
}
