package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A condition", func() {
	It("of a grant is not Effective while the version's Secret is somebody else's, and does not say whose", func() {
		w := newWorld()
		host, user := w.stage()
		foreign := foreignSecret(host.Spec.Namespace, "kpi.1.0.0")
		w.create(foreign)
		app := w.application(host, user)
		grant := w.grant(user, host, app.Name, app.UID)
		w.reconcile(grant)
		reason, message := said(grant.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonSecretNameConflict))
		Expect(message).NotTo(ContainSubstring(foreign.Name))

		Expect(platform.Delete(w.ctx, foreign)).To(Succeed())
		w.reconcile(grant)
		Expect(reasonOf(grant.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("of a version says what is beyond what its host may have", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.Versions[0].Access = &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:read", "assets:write"}}
		})
		w.reconcile(app)
		reason, message := said(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(And(ContainSubstring("assets:write"), ContainSubstring("spec.hosting.levels")))
	})

	It("of a tenant names the levels that are none", func() {
		w := newWorld()
		host := w.tenant("host", v1alpha1.HostingProduction, w.name("none"))
		w.reconcile(host)
		reason, message := said(host.Status.Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonReady))
		Expect(message).To(ContainSubstring("names " + w.name("none") + ", which is no AccessLevel"))
	})

	It("of an application whose namespace nobody hosts in names no Secret, for there is none", func() {
		w := newWorld()
		w.stage()
		app := w.application(w.tenant("nothing", ""))
		w.reconcile(app)
		Expect(app.Status.Versions[0].SecretName).To(BeEmpty())
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonTenantNotHosting))
	})
})
