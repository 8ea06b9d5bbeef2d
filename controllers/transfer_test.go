package controllers

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A transfer", func() {
	var w *world
	var developer, host, user *v1alpha1.Tenant
	var theirs, ours *v1alpha1.Application // the developer's and the host's

	BeforeEach(func() {
		w = newWorld()
		host, user = w.stage()
		developer = w.tenant("dev", v1alpha1.HostingProduction, w.name("limited"))
		theirs, ours = w.application(developer, user), w.application(host, user)
	})

	peer := func(app *v1alpha1.Application) *v1alpha1.ApplicationPeer {
		return &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(app.Namespace), Application: app.Name}
	}
	gives := func(from, to *v1alpha1.Application) {
		GinkgoHelper()
		edit(w, from, func(a *v1alpha1.Application) { a.Spec.TransferTo = peer(to) })
	}
	takes := func(to, from *v1alpha1.Application) {
		GinkgoHelper()
		edit(w, to, func(a *v1alpha1.Application) { a.Spec.TransferFrom = peer(from) })
	}
	handOver := func(from, to *v1alpha1.Application) {
		GinkgoHelper()
		gives(from, to)
		takes(to, from)
	}
	says := func(app *v1alpha1.Application, kind v1alpha1.ConditionType, want v1alpha1.Reason, hints ...string) {
		GinkgoHelper()
		w.reconcile(app)
		reason, message := said(app.Status.Conditions, kind)
		Expect(reason).To(Equal(want))
		for _, hint := range append(hints, "Application "+app.Namespace+"/"+app.Name) {
			Expect(message).To(ContainSubstring(hint))
		}
	}
	silent := func(app *v1alpha1.Application, kind v1alpha1.ConditionType) {
		GinkgoHelper()
		w.reconcile(app)
		Expect(meta.FindStatusCondition(app.Status.Conditions, string(kind))).To(BeNil())
	}
	effective := func(app *v1alpha1.Application) v1alpha1.Reason {
		GinkgoHelper()
		w.reconcile(app)
		reason := reasonOf(app.Status.Versions[0].Conditions, v1alpha1.ConditionEffective)
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(reason))
		return reason
	}

	It("is complete where both name each other: the one is handed over and Ready, the other is as any", func() {
		w.reconcile(theirs)
		silent(theirs, v1alpha1.ConditionTransferredTo)
		handOver(theirs, ours)
		says(theirs, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonHandedOver, "spec.transferTo", "of tenant "+host.Name)
		says(ours, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTakenOver, "spec.transferFrom", "of tenant "+developer.Name)
		silent(theirs, v1alpha1.ConditionTransferredFrom)
		silent(ours, v1alpha1.ConditionTransferredTo)

		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonApplicationTransferred))
		Expect(reasonOf(theirs.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
		reason, message := said(theirs.Status.Versions[0].Conditions, v1alpha1.ConditionReady)
		Expect(reason).To(Equal(v1alpha1.ReasonReady))
		Expect(message).To(ContainSubstring("handed over to application kpi of tenant " + host.Name + " (spec.transferTo)"))
		Expect(theirs.Status.Versions[0].Verifiers).To(BeEmpty())
		Expect(secretOf(w, theirs)).To(BeEmpty())
		Expect(effective(ours)).To(Equal(v1alpha1.ReasonGranted))
		Expect(ours.Status.Versions[0].Verifiers).To(HaveLen(1))
		Expect(secretOf(w, ours)).NotTo(BeEmpty())
	})

	It("is pending with either half alone, and changes nothing", func() {
		gives(theirs, ours)
		says(theirs, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonTransferPending,
			"nothing changes: spec.transferTo of", "spec.transferFrom with tenant "+developer.Name+" and application kpi")
		silent(ours, v1alpha1.ConditionTransferredFrom)
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonGranted))

		edit(w, theirs, func(a *v1alpha1.Application) { a.Spec.TransferTo = nil })
		takes(ours, theirs)
		silent(theirs, v1alpha1.ConditionTransferredTo)
		says(ours, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTransferPending,
			"nothing changes: spec.transferFrom of", "spec.transferTo with tenant "+host.Name+" and application kpi")
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("does not tell a half that is missing from an application or a tenant that is not there", func() {
		texts := map[string]bool{}
		for _, named := range []v1alpha1.ApplicationPeer{
			*peer(ours), {Tenant: v1alpha1.TenantName(host.Name), Application: "xyz"}, {Tenant: "nobody", Application: "kpi"},
		} {
			edit(w, theirs, func(a *v1alpha1.Application) { a.Spec.TransferTo = &named })
			w.reconcile(theirs)
			condition := meta.FindStatusCondition(theirs.Status.Conditions, string(v1alpha1.ConditionTransferredTo))
			texts[condition.Reason+strings.NewReplacer(
				"application "+named.Application+" of tenant "+string(named.Tenant), "the other").Replace(condition.Message)] = true
		}
		Expect(texts).To(HaveLen(1))
	})

	It("to oneself changes nothing and says so on both halves", func() {
		handOver(theirs, theirs)
		says(theirs, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonTransferToItself, "spec.transferTo", "take it out")
		says(theirs, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTransferToItself, "spec.transferFrom", "take it out")
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("in a circle of two changes nothing and says so on all halves, and has effect when the circle is broken", func() {
		handOver(theirs, ours)
		handOver(ours, theirs)
		for _, app := range []*v1alpha1.Application{theirs, ours} {
			says(app, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonTransferCircular, "circle", "spec.transferTo")
			says(app, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTransferCircular, "circle", "spec.transferFrom")
			Expect(effective(app)).To(Equal(v1alpha1.ReasonGranted))
		}
		edit(w, ours, func(a *v1alpha1.Application) { a.Spec.TransferTo = nil })
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonApplicationTransferred))
		says(theirs, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTransferPending)
	})

	It("in a circle of three is the same, and whoever is concerned is woken", func() {
		third := &v1alpha1.Application{Spec: ours.Spec}
		third.Namespace, third.Name = host.Spec.Namespace, "third"
		w.create(third)
		handOver(theirs, ours)
		handOver(ours, third)
		handOver(third, theirs)
		for _, app := range []*v1alpha1.Application{theirs, ours, third} {
			says(app, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonTransferCircular)
			Expect(effective(app)).To(Equal(v1alpha1.ReasonGranted))
		}
		before := third.DeepCopy()
		edit(w, third, func(a *v1alpha1.Application) { a.Spec.TransferTo = nil })
		woken := wake{platform}.peersOfApplication(w.ctx, before)
		Expect(woken).To(ContainElements(requests([]client.Object{theirs, ours})))
		for _, app := range []*v1alpha1.Application{theirs, ours} {
			says(app, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonHandedOver)
		}
		says(third, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTakenOver)
		Expect(effective(third)).To(Equal(v1alpha1.ReasonGranted))

		By("deleting the tenant of the first, whose word counts no more")
		Expect(platform.Delete(w.ctx, developer)).To(Succeed())
		Expect(wake{platform}.peersOfTenant(w.ctx, developer)).To(ContainElements(requests([]client.Object{ours})))
		says(ours, v1alpha1.ConditionTransferredFrom, v1alpha1.ReasonTransferPending)
		says(ours, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonHandedOver)
	})

	It("ends when either side takes its half back, and no old credential comes back, whoever puts its Secret back", func() {
		for _, back := range []func(){
			func() { edit(w, theirs, func(a *v1alpha1.Application) { a.Spec.TransferTo = nil }) },
			func() { edit(w, ours, func(a *v1alpha1.Application) { a.Spec.TransferFrom = nil }) },
		} {
			w.reconcile(theirs)
			w.reconcile(ours)
			backup := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: theirs.Namespace, Name: "kpi.1.0.0"}}
			Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(backup), backup)).To(Succeed())
			old, kept := theirs.Status.Versions[0].Verifiers[0].SHA256, ours.Status.Versions[0].Verifiers
			handOver(theirs, ours)
			Expect(effective(theirs)).To(Equal(v1alpha1.ReasonApplicationTransferred))
			backup.ResourceVersion, backup.UID = "", ""
			w.create(backup)
			back()
			Expect(effective(theirs)).To(Equal(v1alpha1.ReasonGranted))
			Expect(effective(ours)).To(Equal(v1alpha1.ReasonGranted))
			for _, verifier := range theirs.Status.Versions[0].Verifiers {
				Expect(verifier.SHA256).NotTo(Equal(old))
			}
			Expect(secretOf(w, theirs)).NotTo(Or(BeEmpty(), Equal(string(backup.Data["CLIENT_SECRET"]))))
			Expect(ours.Status.Versions[0].Verifiers).To(Equal(kept), "who took over keeps what it has")
		}
	})

	It("ends with the application that took over, also with one that a finalizer holds", func() {
		handOver(theirs, ours)
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonApplicationTransferred))
		held(w, ours)
		Expect(effective(theirs)).To(Equal(v1alpha1.ReasonGranted))
		says(theirs, v1alpha1.ConditionTransferredTo, v1alpha1.ReasonTransferPending)
	})

	It("moves no consent: a grant for the one says so, and the other needs one of its own", func() {
		old := w.grant(user, developer, theirs.Name, theirs.UID)
		handOver(theirs, ours)
		w.reconcile(old)
		reason, message := said(old.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonApplicationTransferred))
		Expect(message).To(ContainSubstring("Application " + theirs.Namespace + "/kpi, spec.transferTo"))
		Expect(reasonOf(old.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))

		moved := w.grant(user, host, ours.Name, theirs.UID)
		w.reconcile(moved)
		Expect(reasonOf(moved.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonApplicationReplaced))
		edit(w, moved, func(g *v1alpha1.TenantGrant) { g.Spec.Application.UID = ours.UID })
		w.reconcile(moved)
		Expect(reasonOf(moved.Status.Conditions, v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonGranted))
	})
})

// secretOf returns the client secret of the application's version 1.0.0, or "" where there is no Secret.
func secretOf(w *world, app *v1alpha1.Application) string {
	GinkgoHelper()
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: app.Namespace, Name: app.Name + ".1.0.0"}
	Expect(client.IgnoreNotFound(platform.Get(w.ctx, key, secret))).To(Succeed())
	return string(secret.Data["CLIENT_SECRET"])
}
