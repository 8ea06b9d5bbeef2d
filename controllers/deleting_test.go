package controllers

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const foreign = "example.com/wait"

// held deletes an object in the foreground that somebody's finalizer holds, too: two keep it then, for the garbage
// collector does not run here. At the end of the spec both let it go.
func held(w *world, object client.Object) {
	GinkgoHelper()
	edit(w, object, func(o client.Object) { o.SetFinalizers([]string{foreign}) })
	Expect(platform.Delete(w.ctx, object, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
	DeferCleanup(func() { edit(w, object, func(o client.Object) { o.SetFinalizers(nil) }) })
}

var _ = Describe("An object that was deleted and is held by finalizers", func() {
	var w *world
	var host, user *v1alpha1.Tenant
	var app *v1alpha1.Application
	var grant *v1alpha1.TenantGrant

	BeforeEach(func() {
		w = newWorld()
		host, user = w.stage()
		app = w.application(host, user)
		grant = w.grant(user, host, app.Name, app.UID)
	})

	absent := func(conditions []metav1.Condition, finalizer string) {
		GinkgoHelper()
		Expect(len(conditions)).To(BeNumerically(">=", 2))
		for _, condition := range conditions {
			Expect(condition.Status).To(Equal(metav1.ConditionFalse), condition.Type)
			Expect(condition.Reason).To(Equal(string(v1alpha1.ReasonDeleting)), condition.Type)
			Expect(condition.Message).To(ContainSubstring(finalizer))
		}
	}

	kinds := map[string]struct {
		object     func() client.Object
		conditions func(client.Object) []metav1.Condition
		// version and granted are what the version and the grant say of a token from that moment on.
		version, granted v1alpha1.Reason
	}{
		"a Tenant": {
			func() client.Object { return user },
			func(o client.Object) []metav1.Condition { return o.(*v1alpha1.Tenant).Status.Conditions },
			v1alpha1.ReasonGranted, v1alpha1.ReasonTenantMismatch,
		},
		"a ResourceServer": {
			func() client.Object {
				return &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")}}
			},
			func(o client.Object) []metav1.Condition { return o.(*v1alpha1.ResourceServer).Status.Conditions },
			v1alpha1.ReasonAudienceNotAllowed, v1alpha1.ReasonAudienceNotAllowed,
		},
		"an AccessLevel": {
			func() client.Object {
				return &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}}
			},
			func(o client.Object) []metav1.Condition { return o.(*v1alpha1.AccessLevel).Status.Conditions },
			v1alpha1.ReasonAccessLevelNotFound, v1alpha1.ReasonAccessLevelNotFound,
		},
		"an Application": {
			func() client.Object { return app },
			func(o client.Object) []metav1.Condition {
				status := o.(*v1alpha1.Application).Status
				return slices.Concat(status.Conditions, status.Versions[0].Conditions)
			},
			v1alpha1.ReasonDeleting, v1alpha1.ReasonNotOffered,
		},
		"a TenantGrant": {
			func() client.Object { return grant },
			func(o client.Object) []metav1.Condition { return o.(*v1alpha1.TenantGrant).Status.Conditions },
			v1alpha1.ReasonGranted, v1alpha1.ReasonDeleting,
		},
	}

	for kind, of := range kinds {
		It("is absent from that moment and does not look as if it were there: "+kind, func() {
			object := of.object()
			w.reconcile(app)
			w.reconcile(object)
			held(w, object)
			w.reconcile(object)
			absent(of.conditions(object), foreign+", "+metav1.FinalizerDeleteDependents)
			w.reconcile(app)
			w.reconcile(grant)
			Expect(reasonOf(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)).To(Equal(of.version))
			Expect(reasonOf(grant.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(of.granted))

			By("leaving it to the foreground deletion alone")
			edit(w, object, func(o client.Object) { o.SetFinalizers([]string{metav1.FinalizerDeleteDependents}) })
			w.reconcile(object)
			absent(of.conditions(object), "finalizers "+metav1.FinalizerDeleteDependents)
			if object == client.Object(app) {
				secret := foreignSecret(app.Namespace, "kpi.1.0.0")
				Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(secret), secret)).
					To(MatchError(ContainSubstring("not found")), "its Secrets are gone")
			}
		})
	}
})
