package plugin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
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
		Use:   "rotate <application>[@version]",
		Short: "Give an application new credentials; the old ones stay valid for the overlap",
		Long: `Ask the operator for new credentials of a version, or of all, by a word in the annotation countersign.dev/rotate of the
Application. The old ones stay valid for spec.credentialPolicy.overlap, so that running pods go on; pods that start afterwards get
the new ones.

Rights: get and patch on applications in the host's namespace; with --wait, list and watch (API group countersign.dev; ClusterRole
countersign-application-administrator, part of admin).`,
		Example: `  kubectl countersign rotate kpi-dashboard@1.0.0 -n operator-co
  kubectl countersign rotate kpi-dashboard -n operator-co --wait`,
	})
}

func (p *plugin) rotateAndRevoke() *cobra.Command {
	return p.rotation(&rotateFlags{annotation: v1alpha1.AnnotationRotateAndRevoke}, &cobra.Command{
		Use:   "rotate-and-revoke <application>[@version]",
		Short: "Give an application new credentials, and end the old ones at once: for a secret that leaked",
		Long: `Ask the operator for new credentials of a version, or of all, and end every older one at once, by a word in the annotation
countersign.dev/rotate-and-revoke of the Application. Pods that run with an old secret are refused from then on: restart them.
Tokens that were issued before are good until they end, 15 or 30 minutes at most, unless the API asks the introspection endpoint.

Rights: as for 'rotate'.`,
		Example: `  kubectl countersign rotate-and-revoke kpi-dashboard@1.0.0 -n operator-co --wait
  kubectl rollout restart deployment kpi-dashboard -n operator-co`,
	})
}

func (p *plugin) rotation(o *rotateFlags, cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = cobra.ExactArgs(1), p.completeApplication
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.runRotate(cmd.Context(), o, args[0]) }
	cmd.Flags().BoolVar(&o.wait, "wait", false, "Wait until the new credentials stand in the Secret.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", time.Minute, "How long to wait.")
	return cmd
}

func (p *plugin) runRotate(ctx context.Context, o *rotateFlags, argument string) error {
	named, err := parseReference(argument)
	if err != nil {
		return err
	}
	if named.host != "" {
		return fmt.Errorf("%q: name the application alone, and the namespace of its host (--namespace)", argument)
	}
	c, namespace, err := p.connect()
	if err != nil {
		return err
	}
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	app := &v1alpha1.Application{}
	app.Namespace, app.Name = namespace, named.application
	var before map[string]string
	var words string
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		before, words, err = o.ask(ctx, c, app, named.version, nonce)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "application.countersign.dev/%s annotated: %s=%s\n", app.Name, o.annotation, words)
	if !o.wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return p.waitForCredentials(ctx, c, app, before)
}

// ask writes the annotation, and returns it and the credentials that were the newest before.
func (o *rotateFlags) ask(
	ctx context.Context, c client.Client, app *v1alpha1.Application, version, nonce string,
) (before map[string]string, words string, err error) {
	key := client.ObjectKeyFromObject(app)
	if err := c.Get(ctx, key, app); err != nil {
		return nil, "", fmt.Errorf("looking for Application %s: %w", key, err)
	}
	if version != "" && !lists(app, version) {
		return nil, "", fmt.Errorf("the Application %s has no version %s in spec.versions", key, version)
	}
	before, words = newestCredentials(app, version), newWords(app.Annotations[o.annotation], version, nonce)
	// The resourceVersion goes along: what somebody else asks for at the same time is not overwritten.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": app.ResourceVersion, "annotations": map[string]string{o.annotation: words},
	}})
	if err == nil {
		err = c.Patch(ctx, app, client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		return nil, "", fmt.Errorf("annotating Application %s: %w", key, err)
	}
	return before, words, nil
}

func (p *plugin) nonce() (string, error) {
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(p.Rand, nonce); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return hex.EncodeToString(nonce), nil
}

// newWords is what the annotation says with a new word for the version, or for all. What is asked for other versions stays:
// it may not have been acted on yet.
func newWords(present, version, nonce string) string {
	if version == "" {
		return nonce
	}
	var items []string
	for item := range strings.SplitSeq(present, ",") {
		item = strings.TrimSpace(item)
		if of, _, named := strings.Cut(item, "="); item != "" && (!named || of != version) {
			items = append(items, item)
		}
	}
	return strings.Join(append(items, version+"="+nonce), ",")
}

func lists(app *v1alpha1.Application, version string) bool {
	for i := range app.Spec.Versions {
		if string(app.Spec.Versions[i].Version) == version {
			return true
		}
	}
	return false
}
