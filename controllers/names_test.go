package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// Names are not identities. What the credentials make of names is in package credentials' specs, what the token server does
// in package directory's tests.
var _ = Describe("A name", func() {
	again := func(s *scene, object client.Object) {
		GinkgoHelper()
		Expect(platform.Delete(s.w.ctx, object)).To(Succeed())
		object.SetUID("")
		object.SetResourceVersion("")
		s.w.create(object)
	}
	effective := func(s *scene) v1alpha1.Reason {
		GinkgoHelper()
		s.w.reconcile(s.grant)
		return reasonOf(s.grant.Status.Conditions, v1alpha1.ConditionEffective)
	}
	accepted := func(s *scene, object client.Object) v1alpha1.Reason {
		GinkgoHelper()
		s.w.reconcile(object)
		return reasonOf(conditionsOf(object), v1alpha1.ConditionAccepted)
	}

	It("brings an Application that was deleted nothing back: no consent, no credential, no client id", func() {
		s := newScene()
		s.w.reconcile(s.app)
		Expect(effective(s)).To(Equal(v1alpha1.ReasonGranted))
		old := s.app.Status.Versions[0]
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.app.Namespace, Name: "kpi.1.0.0"}}
		Expect(platform.Get(s.w.ctx, client.ObjectKeyFromObject(secret), secret)).To(Succeed())
		text := secret.Data["CLIENT_SECRET"]

		again(s, s.app)
		s.w.reconcile(s.app)
		Expect(s.app.Status.Versions[0].ClientID).NotTo(Equal(old.ClientID))
		Expect(s.app.Status.Versions[0].Verifiers).To(HaveLen(1))
		Expect(s.app.Status.Versions[0].Verifiers[0].SHA256).NotTo(Equal(old.Verifiers[0].SHA256))
		Expect(platform.Get(s.w.ctx, client.ObjectKeyFromObject(secret), secret)).To(Succeed())
		Expect(secret.Data["CLIENT_SECRET"]).NotTo(Equal(text))
		Expect(effective(s)).To(Equal(v1alpha1.ReasonApplicationReplaced))
	})

	It("of a Tenant that is created again for the same namespace is the same tenant's: who speaks there has not changed", func() {
		s := newScene()
		s.w.reconcile(s.app)
		before := s.app.Status.Versions[0]
		Expect(platform.Delete(s.w.ctx, s.host)).To(Succeed())
		Expect(accepted(s, s.app)).To(Equal(v1alpha1.ReasonTenantNotHosting))
		Expect(s.app.Status.Versions[0].Verifiers).To(Equal(before.Verifiers), "nothing is touched without a host")
		Expect(effective(s)).To(Equal(v1alpha1.ReasonNotOffered))

		s.host.ResourceVersion, s.host.UID = "", ""
		s.w.create(s.host)
		Expect(accepted(s, s.app)).To(Equal(v1alpha1.ReasonAccepted))
		Expect(s.app.Status.Versions[0].Verifiers).To(Equal(before.Verifiers))
		Expect(s.app.Status.Versions[0].ClientID).To(Equal(before.ClientID))
		again(s, s.user)
		Expect(effective(s)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("of a Tenant that is created again for another namespace leaves everything behind in the old one", func() {
		s := newScene()
		s.w.reconcile(s.app)
		moves := func(tenant *v1alpha1.Tenant) {
			GinkgoHelper()
			Expect(platform.Delete(s.w.ctx, tenant)).To(Succeed())
			tenant.ResourceVersion, tenant.UID, tenant.Spec.Namespace = "", "", "new-"+tenant.Name
			s.w.create(namespaceOf(tenant))
			s.w.create(tenant)
		}

		By("moving the host, who registers the application there under its old name")
		moves(s.host)
		moved := s.w.application(s.host, s.user)
		Expect(accepted(s, s.app)).To(Equal(v1alpha1.ReasonTenantNotHosting))
		Expect(accepted(s, moved)).To(Equal(v1alpha1.ReasonAccepted))
		Expect(effective(s)).To(Equal(v1alpha1.ReasonApplicationReplaced))

		By("moving the user, whose grant stays where nobody speaks for it")
		edit(s.w, s.grant, func(g *v1alpha1.TenantGrant) { g.Spec.Application.UID = moved.UID })
		Expect(effective(s)).To(Equal(v1alpha1.ReasonGranted))
		moves(s.user)
		Expect(effective(s)).To(Equal(v1alpha1.ReasonTenantMismatch))
	})

	It("of a namespace that two Tenants claim speaks for neither, and for the one that is left", func() {
		s := newScene()
		s.w.reconcile(s.app)
		verifiers := s.app.Status.Versions[0].Verifiers
		for _, tenant := range []*v1alpha1.Tenant{s.host, s.user} {
			twin := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: "twin-" + tenant.Name}, Spec: tenant.Spec}
			s.w.create(twin)
			if tenant == s.host {
				Expect(accepted(s, s.app)).To(Equal(v1alpha1.ReasonTenantNotHosting))
				Expect(effective(s)).To(Equal(v1alpha1.ReasonNotOffered))
			} else {
				Expect(effective(s)).To(Equal(v1alpha1.ReasonTenantMismatch))
			}
			Expect(platform.Delete(s.w.ctx, twin)).To(Succeed())
			Expect(accepted(s, s.app)).To(Equal(v1alpha1.ReasonAccepted))
			Expect(effective(s)).To(Equal(v1alpha1.ReasonGranted))
		}
		Expect(s.app.Status.Versions[0].Verifiers).To(Equal(verifiers))

		By("leaving the namespace to the other one, who is another tenant")
		twin := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: s.w.name("other")}, Spec: s.user.Spec}
		s.w.create(twin)
		Expect(platform.Delete(s.w.ctx, s.user)).To(Succeed())
		Expect(effective(s)).To(Equal(v1alpha1.ReasonTenantMismatch))
	})

	It("that looks like another's is not it: a-1 with version 0, a with version 1-0", func() {
		s := newScene()
		first, second := s.app.DeepCopy(), s.app.DeepCopy()
		for app, names := range map[*v1alpha1.Application][2]string{first: {"a-1", "0"}, second: {"a", "1-0"}} {
			app.ObjectMeta = metav1.ObjectMeta{Namespace: s.app.Namespace, Name: names[0]}
			app.Spec.Versions[0].Version = v1alpha1.VersionName(names[1])
			s.w.create(app)
			s.w.reconcile(app)
			Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
		}
		one, other := first.Status.Versions[0], second.Status.Versions[0]
		Expect(one.SecretName).To(Equal("a-1.0"))
		Expect(other.SecretName).To(Equal("a.1-0"))
		Expect(one.ClientID).NotTo(Equal(other.ClientID))
		grant := s.w.grant(s.user, s.host, "a", second.UID)
		s.w.reconcile(grant)
		_, message := said(grant.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(message).To(Equal("tokens can be had by version 1-0 (assets:read timeseries:read)"))
	})
})
