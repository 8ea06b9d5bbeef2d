package kill

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const version = "1.0.0"

// fleet is many applications of one tenant, each with a Deployment that follows its credentials.
type fleet struct {
	*testing.T
	// host is the tenant, and its namespace.
	host string
	// size is how many applications there are.
	size int
	// pods hold what was in the Secrets when they started.
	pods []pod
}

// register makes the applications, and returns when each of them has a pod that gets tokens.
func register(t *testing.T, host string, size int) *fleet {
	t.Helper()
	f := &fleet{T: t, host: host, size: size}
	must(t, platform.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: host}}))
	must(t, platform.Create(t.Context(), &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: host}, Spec: v1alpha1.TenantSpec{
		Namespace: host, Hosting: &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}},
	}}))
	for i := range size {
		name := fmt.Sprintf("kpi-%d", i)
		must(t, platform.Create(t.Context(), deployment(host, name)))
		must(t, platform.Create(t.Context(), &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Namespace: host, Name: name},
			Spec: v1alpha1.ApplicationSpec{
				ResourceServers: []string{"iot"},
				Versions: []v1alpha1.ApplicationVersion{{
					Version: version, Access: &v1alpha1.Access{Level: "limited"},
					Workloads: []v1alpha1.Workload{{Kind: v1alpha1.WorkloadDeployment, Name: name}},
				}},
			},
		}))
	}
	eventually(t, "all are ready", func() bool {
		return !slices.ContainsFunc(f.applications(), func(app v1alpha1.Application) bool {
			return !meta.IsStatusConditionTrue(app.Status.Conditions, string(v1alpha1.ConditionReady)) ||
				app.Status.Versions[0].WorkloadsCredentialID == ""
		})
	})
	f.startPods()
	f.everyoneIsServed()
	return f
}

func deployment(namespace, name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kpi", Image: "example.com/kpi"}}},
			},
		},
	}
}

func (f *fleet) applications() []v1alpha1.Application {
	f.Helper()
	list := &v1alpha1.ApplicationList{}
	must(f.T, platform.List(f.Context(), list, client.InNamespace(f.host)))
	if len(list.Items) != f.size {
		f.Fatalf("there are %d applications", len(list.Items))
	}
	return list.Items
}

// secrets returns the applications' Secrets, by application.
func (f *fleet) secrets() map[string]*corev1.Secret {
	f.Helper()
	list := &corev1.SecretList{}
	must(f.T, platform.List(f.Context(), list, client.InNamespace(f.host)))
	secrets := map[string]*corev1.Secret{}
	for i := range list.Items {
		secrets[list.Items[i].Annotations[v1alpha1.AnnotationApplication]] = &list.Items[i]
	}
	if len(secrets) != f.size || len(list.Items) != f.size {
		f.Fatalf("there are %d Secrets of %d applications", len(list.Items), len(secrets))
	}
	return secrets
}

func (f *fleet) deployments() map[string]*appsv1.Deployment {
	f.Helper()
	list := &appsv1.DeploymentList{}
	must(f.T, platform.List(f.Context(), list, client.InNamespace(f.host)))
	deployments := map[string]*appsv1.Deployment{}
	for i := range list.Items {
		deployments[list.Items[i].Name] = &list.Items[i]
	}
	return deployments
}

// edit patches every application.
func (f *fleet) edit(change func(*v1alpha1.Application)) {
	f.Helper()
	for _, app := range f.applications() {
		patch := client.MergeFrom(app.DeepCopy())
		change(&app)
		must(f.T, platform.Patch(f.Context(), &app, patch))
	}
}

// askForRotation puts the word on every application.
func (f *fleet) askForRotation(word string) {
	f.Helper()
	f.edit(func(app *v1alpha1.Application) {
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1alpha1.AnnotationRotate, word)
	})
}

// unfinished is how many applications have not come to the end of the rotation.
func (f *fleet) unfinished(word string) int {
	f.Helper()
	count := 0
	for _, app := range f.applications() {
		entry := app.Status.Versions[0]
		if entry.Rotated != word || entry.WorkloadsCredentialID != entry.Verifiers[0].ID {
			count++
		}
	}
	return count
}

func (f *fleet) awaitRotation(word string) {
	f.Helper()
	eventually(f.T, "all have rotated for the word "+word, func() bool {
		select {
		case err := <-running.Failed():
			f.Fatal(err)
		default:
		}
		return f.unfinished(word) == 0
	})
}

// startPods starts a pod of each application, with what stands in its Secret now.
func (f *fleet) startPods() {
	f.Helper()
	for _, secret := range f.secrets() {
		f.pods = append(f.pods, podOf(secret))
	}
}
