package workloads

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// skew is by how much the operator's clock may be behind the API server's: rather one roll too many than pods that keep a secret
// until it is refused.
const skew = 2 * time.Hour

// tell finds out whether the workload can be patched, and where it has not heard of the credential yet, writes its id into the
// pod template. Told says whether it wrote. A workload that was created after the credential was in the Secret has it anyway,
// and does not roll for it.
//
// A merge patch makes no workload, as server-side apply would. One that says what is there already changes nothing, not even a
// resourceVersion, so that nothing has to be read.
func (p *Phase) tell(
	ctx context.Context, namespace string, workload v1alpha1.Workload, current *v1alpha1.Verifier, missed bool,
) (told bool, err error) {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationCredentialID: current.ID}},
	}}})
	if err != nil {
		return false, fmt.Errorf("writing a patch: %w", err)
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(string(workload.Kind)))
	object.Namespace, object.Name = namespace, workload.Name
	write := func(options ...client.PatchOption) error {
		options = append(options, client.FieldOwner(v1alpha1.FieldManager))
		return p.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), options...)
	}
	if err := write(client.DryRunAll); err != nil {
		return false, err //nolint:wrapcheck // outcome.add says of which workload
	}
	if !missed || object.CreationTimestamp.After(current.DeliveryTime.Add(skew)) {
		return false, nil
	}
	if err := write(); err != nil {
		return false, err //nolint:wrapcheck // as above
	}
	return true, nil
}
