package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/plugin/live"
)

// The exit statuses.
const (
	// Done: the command did what it says; for why, a token can be had.
	Done = 0
	// NotGranted: why found that no token can be had.
	NotGranted = 1
	// Failed: something went wrong, or could not be looked at for lack of rights. The message says what to do.
	Failed = 2
)

// Options are what the commands need of the process.
type Options struct {
	genericiooptions.IOStreams
	// Version is that of the program.
	Version string
	// TokenServer is the default of --token-server; it may be empty.
	TokenServer string
	Clock       clock.PassiveClock
	Rand        io.Reader
}

// Run runs the command line and returns the exit status. What fails is written to ErrOut.
func Run(ctx context.Context, o Options, args []string) int {
	root := New(o)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return Done
	case errors.Is(err, errNotGranted):
		return NotGranted
	case !errors.Is(err, errUnknown):
		fmt.Fprintf(o.ErrOut, "error: %v\n", err)
	}
	return Failed
}

// plugin is what all commands share.
type plugin struct {
	Options
	config *genericclioptions.ConfigFlags
}

// New returns the command with all its subcommands.
func New(o Options) *cobra.Command {
	p := &plugin{Options: o, config: genericclioptions.NewConfigFlags(true).WithWarningPrinter(o.IOStreams)}
	root := &cobra.Command{
		Use:   "kubectl-countersign",
		Short: "Who may act for which tenant, and why not",
		Long: `Look at tenants, applications and consents of Countersign with your own rights, and change them.

Exit status: 0 done; 1 'why' found that no token can be had; 2 something failed, or could not be looked at for lack of rights.`,
		Version:       o.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		// What kubectl shows: the words that people type.
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl countersign"},
	}
	root.SetIn(o.In)
	root.SetOut(o.Out)
	root.SetErr(o.ErrOut)
	p.config.AddFlags(root.PersistentFlags())
	root.AddCommand(
		p.why(), p.offers(), p.grant(), p.withdraw(), p.tenants(), p.applications(),
		p.rotate(), p.rotateAndRevoke(), p.credentials(), p.token(),
	)
	return root
}

// exactly takes that many arguments, and says otherwise how the command is written.
func exactly(count int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != count {
			return fmt.Errorf("%d arguments, want %d: %s (--help shows examples)", len(args), count, cmd.UseLine())
		}
		return nil
	}
}

// connect returns a client with the asker's rights, and the namespace that is meant where none is named.
func (p *plugin) connect() (client.WithWatch, string, error) {
	config, err := p.config.ToRESTConfig()
	if err != nil {
		return nil, "", fmt.Errorf("reading the kubeconfig: %w", err)
	}
	// The API server's own priorities keep one person's commands in bounds.
	config.QPS = -1
	namespace, _, err := p.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c, err := live.NewClient(config)
	return c, namespace, err
}

// look returns facts with the asker's rights, and the namespace that is meant where none is named.
func (p *plugin) look(ctx context.Context) (*live.Facts, string, error) {
	c, namespace, err := p.connect()
	if err != nil {
		return nil, "", err
	}
	return live.New(ctx, c), namespace, nil
}

// connectToHost returns a client with the asker's rights, and the namespace of the application: that of the host where the
// reference names one, otherwise the one that is meant.
func (p *plugin) connectToHost(ctx context.Context, named reference) (client.WithWatch, string, error) {
	c, namespace, err := p.connect()
	if err != nil || named.host == "" {
		return c, namespace, err
	}
	namespace, err = hostNamespace(live.New(ctx, c), named.host)
	return c, namespace, err
}

// hostNamespace returns the namespace of a host tenant.
func hostNamespace(facts *live.Facts, name string) (string, error) {
	host := access.AcceptedTenant(facts, name)
	if err := facts.Complete(); err != nil {
		return "", fmt.Errorf("%w. Without Tenants, name the application without its host, and the namespace (--namespace)", err)
	}
	if host == nil {
		return "", noTenant("", name)
	}
	return host.Namespace, nil
}

// inNamespace adds to a refusal for lack of rights where it was looked: the namespace may be another than was meant.
func inNamespace(err error, namespace string) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%w. The namespace is %s (--namespace names another)", err, namespace)
	}
	return err
}

// note writes a line for people beside what a program reads.
func (p *plugin) note(format string, args ...any) { fmt.Fprintf(p.ErrOut, format+"\n", args...) }
