package plugin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// nonceBytes is how many random bytes tell one request for a rotation from another.
const nonceBytes = 8

type rotateFlags struct {
	annotation string
	wait       bool
	timeout    time.Duration
}

func (p *plugin) rotate() *cobra.Command {
	return p.rotation(&rotateFlags{annotation: v1alpha1.AnnotationRotate}, &cobra.Command{
		Use:   "rotate [host/]<application>[@version]",
		Short: "Give an application new credentials; the old ones stay valid for the overlap",
		Long: `Ask the operator for new credentials of a version, or of all, by a word in the annotation countersign.dev/rotate of the
Application. The old ones stay valid for spec.credentialPolicy.overlap, so that running pods go on; pods that start afterwards get
the new ones.

A version that lists client secrets of its own (spec.versions[].verifiers) has nothing that the operator could rotate: make a new
one by 'credentials new', list it, and take the old entry out. That, and a version without access or credentials, is an error.

Rights: get and patch on applications in the host's namespace; with --wait, list and watch (API group countersign.dev; ClusterRole
countersign-application-administrator, part of admin).`,
		Example: `  kubectl countersign rotate kpi-dashboard@1.0.0 -n operator-co
  kubectl countersign rotate kpi-dashboard -n operator-co --wait`,
	})
}

func (p *plugin) rotateAndRevoke() *cobra.Command {
	return p.rotation(&rotateFlags{annotation: v1alpha1.AnnotationRotateAndRevoke}, &cobra.Command{
		Use:   "rotate-and-revoke [host/]<application>[@version]",
		Short: "Give an application new credentials, and end the old ones at once: for a secret that leaked",
		Long: `Ask the operator for new credentials of a version, or of all, and end every older one at once, by a word in the annotation
countersign.dev/rotate-and-revoke of the Application. Pods that run with an old secret are refused from then on: restart them.
Tokens that were issued before are good until they end, 15 or 30 minutes at most, unless the API asks the introspection endpoint.

A secret of a version that lists its own ends at once when its entry is taken out of spec.versions[].verifiers: to rotate such a
version is an error.

Rights: as for 'rotate'.`,
		Example: `  kubectl countersign rotate-and-revoke kpi-dashboard@1.0.0 -n operator-co --wait
  kubectl rollout restart deployment kpi-dashboard -n operator-co`,
	})
}

func (p *plugin) rotation(o *rotateFlags, cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = exactly(1), p.completeApplication
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.runRotate(cmd.Context(), o, args[0]) }
	cmd.Flags().BoolVar(&o.wait, "wait", false, "Wait until the new credentials stand in the Secret.")
	addDuration(cmd.Flags(), &o.timeout, "timeout", time.Minute, "How long to wait.")
	return cmd
}

func (p *plugin) runRotate(ctx context.Context, o *rotateFlags, argument string) error {
	named, err := parseReference(argument)
	if err != nil {
		return err
	}
	c, namespace, err := p.connectToHost(ctx, named)
	if err != nil {
		return err
	}
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	app := &v1alpha1.Application{}
	app.Namespace, app.Name = namespace, named.application
	var done *asked
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		done, err = o.ask(ctx, c, app, named.version, nonce)
		return err
	})
	if err != nil {
		return err
	}
	for _, note := range done.notes {
		p.note("%s", note)
	}
	fmt.Fprintf(p.Out, "application.countersign.dev/%s annotated: %s=%s\n", app.Name, o.annotation, done.words)
	if !o.wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return p.waitForCredentials(ctx, c, app, done.before)
}

// asked is what was asked of the operator.
type asked struct {
	// words is what the annotation says.
	words string
	// before are the credentials that were the newest before, by version.
	before map[string]string
	// notes are for people.
	notes []string
}

// ask writes the annotation.
func (o *rotateFlags) ask(ctx context.Context, c client.Client, app *v1alpha1.Application, version, nonce string) (*asked, error) {
	key := client.ObjectKeyFromObject(app)
	if err := c.Get(ctx, key, app); err != nil {
		return nil, fmt.Errorf("looking for Application %s: %w", key, inNamespace(err, key.Namespace))
	}
	rotated, others, err := rotatable(app, version)
	if err != nil {
		return nil, err
	}
	present := app.Annotations[o.annotation]
	words, readable := newWords(app, present, version, nonce)
	done := &asked{words: words, before: map[string]string{}}
	for _, name := range rotated {
		maps.Copy(done.before, newestCredentials(app, name))
	}
	for _, why := range others {
		done.notes = append(done.notes, "Not rotated: "+why.Error())
	}
	if !readable {
		done.notes = append(done.notes, fmt.Sprintf("The annotation said %q, which the operator does not act on: it is replaced.", present))
	}
	// The resourceVersion goes along: what somebody else asks for at the same time is not overwritten.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": app.ResourceVersion, "annotations": map[string]string{o.annotation: words},
	}})
	if err == nil {
		err = c.Patch(ctx, app, client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		return nil, fmt.Errorf("annotating Application %s: %w", key, err)
	}
	return done, nil
}

func (p *plugin) nonce() (string, error) {
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(p.Rand, nonce); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return hex.EncodeToString(nonce), nil
}
