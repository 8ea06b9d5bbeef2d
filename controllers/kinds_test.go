package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A Tenant", func() {
	It("is accepted where its namespace is its own", func() {
		w := newWorld()
		tenant := w.tenant("acme", "")
		w.reconcile(tenant)
		Expect(reasonOf(tenant.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonAccepted))
		reason, message := said(tenant.Status.Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonReady))
		Expect(message).To(ContainSubstring("hosts nothing"))
		Expect(tenant.Status.Conditions[0].ObservedGeneration).To(Equal(tenant.Generation))
		Expect(tenant.Status.Conditions[0].LastTransitionTime.Time).To(BeTemporally("==", noon))
	})

	It("is not, nor is the other, where two claim one namespace, until one of them is gone", func() {
		w := newWorld()
		first := w.tenant("acme", "")
		second := &v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("acme2")}, Spec: v1alpha1.TenantSpec{Namespace: first.Spec.Namespace},
		}
		w.create(second)
		for tenant, other := range map[*v1alpha1.Tenant]string{first: second.Name, second: first.Name} {
			w.reconcile(tenant)
			for _, kind := range []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionReady} {
				reason, message := said(tenant.Status.Conditions, kind)
				Expect(reason).To(Equal(v1alpha1.ReasonNamespaceConflict))
				Expect(message).To(ContainSubstring(other))
			}
		}
		Expect(platform.Delete(w.ctx, second)).To(Succeed())
		w.reconcile(first)
		Expect(reasonOf(first.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonAccepted))
	})

	It("is accepted and not Ready without its namespace, which is its platform operator's to mend", func() {
		w := newWorld()
		tenant := &v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("acme")}, Spec: v1alpha1.TenantSpec{Namespace: w.name("acme")},
		}
		w.create(tenant)
		says := func(want v1alpha1.Reason) {
			GinkgoHelper()
			w.reconcile(tenant)
			reason, message := said(tenant.Status.Conditions, v1alpha1.ConditionReady)
			Expect(reason).To(Equal(want))
			Expect(reasonOf(tenant.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonAccepted))
			if want != v1alpha1.ReasonReady {
				Expect(message).To(ContainSubstring("namespace " + w.name("acme") + " (spec.namespace)"))
			}
		}
		says(v1alpha1.ReasonNamespaceNotFound)
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.name("acme")}}
		w.create(namespace)
		says(v1alpha1.ReasonReady)
		Expect(platform.Delete(w.ctx, namespace)).To(Succeed()) // no controller runs here that would end it
		says(v1alpha1.ReasonNamespaceTerminating)
	})

	It("says that it is suspended, and stays Ready: nothing has to be mended", func() {
		w := newWorld()
		tenant := w.tenant("acme", "")
		edit(w, tenant, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
		w.reconcile(tenant)
		reason, message := said(tenant.Status.Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonReady))
		Expect(message).To(ContainSubstring("until spec.state is Active"))
	})

	It("is written once and then left alone", func() {
		w := newWorld()
		tenant := w.tenant("acme", v1alpha1.HostingDevelopment, "limited")
		w.reconcile(tenant)
		version := tenant.ResourceVersion
		w.reconcile(tenant)
		Expect(tenant.ResourceVersion).To(Equal(version))
	})
})

var _ = Describe("A ResourceServer and an AccessLevel", func() {
	It("are accepted, but for an audience that another ResourceServer has", func() {
		w := newWorld()
		w.stage()
		server, level := &v1alpha1.ResourceServer{}, &v1alpha1.AccessLevel{}
		server.Name, level.Name = w.name("iot"), w.name("limited")
		w.reconcile(server)
		w.reconcile(level)
		Expect(reasonOf(server.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
		Expect(reasonOf(level.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))

		twin := &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: w.name("twin")}, Spec: server.Spec}
		w.create(twin)
		w.reconcile(server)
		reason, message := said(server.Status.Conditions, v1alpha1.ConditionAccepted)
		Expect(reason).To(Equal(v1alpha1.ReasonAudienceConflict))
		Expect(message).To(ContainSubstring(twin.Name))
	})
})

var _ = Describe("An Application", func() {
	It("is Ready with its credentials, and Effective for its own tenant", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		w.reconcile(app)
		Expect(app.Status.HostTenant).To(Equal(host.Name))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonAccepted))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
		reason, message := said(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(Equal("a token can be had with assets:read timeseries:read"))
		reason, message = said(app.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(Equal("tokens for the data of tenant " + host.Name + " itself can be had by version 1.0.0"))
		Expect(app.Status.ObservedGeneration).To(Equal(app.Generation))
	})

	It("sums up its versions in Effective: one is enough, and none says why not", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.Versions = append(a.Spec.Versions, suspended(custom("0.9", "assets:read")), v1alpha1.ApplicationVersion{Version: "2.0"})
		})
		w.reconcile(app)
		reason, message := said(app.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(HaveSuffix("can be had by version 1.0.0; none by 0.9 (VersionSuspended), 2.0 (AccessNotGranted)"))

		edit(w, app, func(a *v1alpha1.Application) { a.Spec.Versions = a.Spec.Versions[1:] })
		w.reconcile(app)
		reason, message = said(app.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonVersionSuspended))
		Expect(message).To(HavePrefix("version 0.9: the version is suspended"))
		Expect(message).To(HaveSuffix("; none by 2.0 (AccessNotGranted)"))

		edit(w, app, func(a *v1alpha1.Application) { a.Spec.Versions = nil })
		w.reconcile(app)
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonVersionNotFound))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
	})

	DescribeTable("says what does not resolve, and whom to ask",
		func(spoil func(*world, *v1alpha1.Tenant, *v1alpha1.Application), reason v1alpha1.Reason, hint string) {
			w := newWorld()
			host, _ := w.stage()
			app := w.application(host)
			spoil(w, host, app)
			w.reconcile(app)
			for _, kind := range []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionReady} {
				got, message := said(app.Status.Conditions, kind)
				Expect(got).To(Equal(reason))
				Expect(message).To(ContainSubstring(hint))
			}
		},
		Entry("no Tenant for its namespace", func(w *world, host *v1alpha1.Tenant, _ *v1alpha1.Application) {
			Expect(platform.Delete(w.ctx, host)).To(Succeed())
		}, v1alpha1.ReasonTenantNotHosting, "ask the platform operator"),
		Entry("a tenant that hosts nothing", func(w *world, host *v1alpha1.Tenant, _ *v1alpha1.Application) {
			edit(w, host, func(t *v1alpha1.Tenant) { t.Spec.Hosting = nil })
		}, v1alpha1.ReasonTenantNotHosting, "spec.hosting"),
		Entry("a ResourceServer that is not there", func(w *world, _ *v1alpha1.Tenant, app *v1alpha1.Application) {
			edit(w, app, func(a *v1alpha1.Application) { a.Spec.ResourceServers = append(a.Spec.ResourceServers, "nowhere") })
		}, v1alpha1.ReasonResourceServerNotFound, "names nowhere"),
		Entry("an AccessLevel that is not there", func(w *world, _ *v1alpha1.Tenant, app *v1alpha1.Application) {
			edit(w, app, func(a *v1alpha1.Application) { a.Spec.Versions[0].Access.Level = "nothing" })
		}, v1alpha1.ReasonAccessLevelNotFound, "spec.versions[1.0.0].access.level names nothing"),
		Entry("a selector that cannot be read", func(w *world, _ *v1alpha1.Tenant, app *v1alpha1.Application) {
			edit(w, app, func(a *v1alpha1.Application) {
				a.Spec.Offer = &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{
					MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "plan", Operator: "in", Values: []string{"gold"}}},
				}}
			})
		}, v1alpha1.ReasonInvalidSelector, "spec.offer.tenantSelector cannot be read and selects nobody"),
	)

	It("stays accepted while its host is suspended, and is effective no more", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		edit(w, host, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
		w.reconcile(app)
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionAccepted)).To(Equal(v1alpha1.ReasonAccepted))
		Expect(reasonOf(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonTenantSuspended))
	})

	It("is not Ready while one version is not, and names it", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		w.create(foreignSecret(app.Namespace, "kpi.1.0.0"))
		w.reconcile(app)
		reason, message := said(app.Status.Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonSecretNameConflict))
		Expect(message).To(ContainSubstring("version 1.0.0: Secret kpi.1.0.0"))
		before := app.DeepCopy()
		reason, message = said(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonSecretNameConflict), "there are no credentials to ask for a token with")
		Expect(message).To(HaveSuffix("; with credentials, a token can be had with assets:read timeseries:read"))

		By("changing what it could have, which concerns its grants all the same")
		level := &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}}
		edit(w, level, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = []v1alpha1.Scope{"assets:read"} })
		w.reconcile(app)
		Expect(concernsGrants().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: app})).To(BeTrue())
	})

	It("is not Ready while the Secret of its binding is somebody else's, and is where there is nothing to bind", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		w.create(foreignSecret(app.Namespace, "kpi.binding"))
		edit(w, app, func(a *v1alpha1.Application) { a.Spec.CredentialPolicy.BindingVersion = a.Spec.Versions[0].Version })
		w.reconcile(app)
		reason, message := said(app.Status.Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonSecretNameConflict))
		Expect(message).To(ContainSubstring("Secret kpi.binding"))
		edit(w, app, func(a *v1alpha1.Application) { a.Spec.Versions[0].Access = nil })
		w.reconcile(app)
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionBound)).To(Equal(v1alpha1.ReasonNothingToBind))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
	})

	It("is looked at when a Secret of a version's name changes, whatever that Secret says of itself", func() {
		secret := func(name, application string) *corev1.Secret {
			s := &corev1.Secret{Type: v1alpha1.SecretTypeCredentials}
			s.Namespace, s.Name = "host", name
			if application != "" {
				s.Annotations = map[string]string{v1alpha1.AnnotationApplication: application}
			}
			return s
		}
		request := func(name string) reconcile.Request {
			return reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "host", Name: name}}
		}
		Expect(applicationOfSecret(context.Background(), secret("kpi.1.0.0", "kpi"))).To(ConsistOf(request("kpi")))
		Expect(applicationOfSecret(context.Background(), secret("kpi.1.0.0", ""))).To(ConsistOf(request("kpi")))
		Expect(applicationOfSecret(context.Background(), secret("kpi.1.0.0", "other"))).To(ConsistOf(request("kpi"), request("other")))
		Expect(applicationOfSecret(context.Background(), secret("nameless", ""))).To(BeEmpty())
	})
})
