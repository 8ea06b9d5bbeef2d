package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("An object that was deleted and is held by somebody's finalizer", func() {
	var w *world
	var host, user *v1alpha1.Tenant
	var app *v1alpha1.Application

	BeforeEach(func() {
		w = newWorld()
		host, user = w.stage()
		app = w.application(host, user)
	})

	// held deletes an object that was Ready and that a finalizer keeps.
	held := func(object client.Object) {
		GinkgoHelper()
		edit(w, object, func(o client.Object) { o.SetFinalizers([]string{"example.com/wait"}) })
		w.reconcile(object)
		Expect(platform.Delete(w.ctx, object)).To(Succeed())
		DeferCleanup(func() {
			Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
			object.SetFinalizers(nil)
			Expect(platform.Update(w.ctx, object)).To(Succeed())
		})
		w.reconcile(object)
	}

	saysSo := func(conditions []metav1.Condition) {
		GinkgoHelper()
		Expect(conditions).NotTo(BeEmpty())
		for _, condition := range conditions {
			Expect(condition.Status).To(Equal(metav1.ConditionFalse), condition.Type)
			Expect(condition.Reason).To(Equal(string(v1alpha1.ReasonDeleting)), condition.Type)
			Expect(condition.Message).To(ContainSubstring("example.com/wait"))
		}
	}

	It("does not look as if it were there: a Tenant", func() {
		held(user)
		saysSo(user.Status.Conditions)
	})

	It("does not look as if it were there: a ResourceServer", func() {
		server := &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")}}
		held(server)
		saysSo(server.Status.Conditions)
	})

	It("does not look as if it were there: an AccessLevel", func() {
		level := &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}}
		held(level)
		saysSo(level.Status.Conditions)
	})

	It("does not look as if it were there: a TenantGrant", func() {
		grant := w.grant(user, host, app.Name, app.UID)
		held(grant)
		saysSo(grant.Status.Conditions)
	})

	It("does not look as if it were there: an Application, whose Secrets are gone", func() {
		w.reconcile(app)
		held(app)
		saysSo(app.Status.Conditions)
		saysSo(app.Status.Versions[0].Conditions)
		secret := foreignSecret(app.Namespace, "kpi.1.0.0")
		Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(secret), secret)).To(MatchError(ContainSubstring("not found")))
	})
})
