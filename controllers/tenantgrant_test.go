package controllers

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A TenantGrant", func() {
	effective := func(grant *v1alpha1.TenantGrant) (v1alpha1.Reason, string) {
		GinkgoHelper()
		return said(grant.Status.Conditions, v1alpha1.ConditionEffective)
	}

	effect := func(grant *v1alpha1.TenantGrant) v1alpha1.Reason {
		GinkgoHelper()
		reason, _ := effective(grant)
		return reason
	}

	It("is Effective where both sides agree, with the version and its scopes", func() {
		w := newWorld()
		host, user := w.stage()
		app := w.application(host, user)
		grant := w.grant(user, host, app.Name, app.UID)
		w.reconcile(grant)
		Expect(reasonOf(grant.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
		reason, message := effective(grant)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(Equal("tokens can be had by version 1.0.0 (assets:read timeseries:read)"))
		Expect(grant.Status.ObservedGeneration).To(Equal(grant.Generation))
	})

	It("says what each version has beyond it, whatever the audience, and that tokens are narrowed", func() {
		w := newWorld()
		host, user := w.stage()
		w.create(&v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: w.name("billing")},
			Spec: v1alpha1.ResourceServerSpec{
				Audience: "https://" + w.name("billing") + ".example.com", Scopes: []v1alpha1.Scope{"invoices:read"},
			},
		})
		level := &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}}
		edit(w, level, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = append(l.Spec.Scopes, "invoices:read") })
		app := w.application(host, user)
		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.ResourceServers = append(a.Spec.ResourceServers, w.name("billing"))
			a.Spec.Versions = append(a.Spec.Versions,
				custom("1.1.0", "assets:read"), custom("2.0", "invoices:read"), suspended(custom("0.9", "assets:read")), custom("3.0", "assets:read"))
		})
		grant := w.grant(user, host, app.Name, app.UID)
		edit(w, grant, func(g *v1alpha1.TenantGrant) {
			g.Spec.Scopes = []v1alpha1.Scope{"assets:read"}
			g.Spec.Versions = []v1alpha1.VersionName{"0.9", "1.0.0", "1.1.0", "2.0"}
		})
		w.reconcile(grant)
		reason, message := effective(grant)
		Expect(reason).To(Equal(v1alpha1.ReasonAccessExceedsGrant))
		Expect(message).To(Equal("tokens can be had by version 1.0.0 (assets:read; beyond the grant: invoices:read timeseries:read), " +
			"1.1.0 (assets:read), none by 2.0 (beyond the grant: invoices:read); what is beyond the grant is in no token: to allow it, " +
			"add it to spec.scopes of TenantGrant " + grant.Namespace + "/" + grant.Name +
			"; none by 0.9 (VersionSuspended), 3.0 (VersionNotCovered)"))
		Expect(reasonOf(grant.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))

		By("granting what is missing")
		edit(w, grant, func(g *v1alpha1.TenantGrant) {
			g.Spec.Scopes = append(g.Spec.Scopes, "timeseries:read", "invoices:read")
		})
		w.reconcile(grant)
		Expect(effect(grant)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("is Effective also where the default audience alone is refused", func() {
		w := newWorld()
		host, user := w.stage()
		app := w.application(host, user)
		edit(w, app, func(a *v1alpha1.Application) { a.Spec.ResourceServers = []string{"nowhere", w.name("iot")} })
		grant := w.grant(user, host, app.Name, app.UID)
		w.reconcile(grant)
		Expect(effect(grant)).To(Equal(v1alpha1.ReasonGranted))
	})

	It("does not tell an application that is not offered from one that does not exist", func() {
		w := newWorld()
		host, user := w.stage()
		other := w.tenant("other", "")
		app := w.application(host, other)
		there := w.grant(user, host, app.Name, app.UID)
		nowhere := w.grant(user, host, "xyz", types.UID("0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"))
		w.reconcile(there)
		w.reconcile(nowhere)
		for i, condition := range there.Status.Conditions {
			twin := nowhere.Status.Conditions[i]
			twin.Message = strings.ReplaceAll(twin.Message, "xyz", app.Name)
			Expect(condition).To(Equal(twin))
		}
		Expect(effect(there)).To(Equal(v1alpha1.ReasonNotOffered))
	})

	It("for what the tenant hosts itself is told that none is needed, whatever it says", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		grant := w.grant(host, host, app.Name, app.UID)
		edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
		w.reconcile(grant)
		reason, message := effective(grant)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(ContainSubstring("1.0.0 (assets:read timeseries:read)"))
		Expect(message).To(ContainSubstring("needs none"))
	})

	It("of another tenant than its namespace's is not accepted, and has no effect", func() {
		w := newWorld()
		host, user := w.stage()
		other := w.tenant("other", "")
		app := w.application(host, user)
		grant := &v1alpha1.TenantGrant{
			ObjectMeta: metav1.ObjectMeta{Namespace: other.Spec.Namespace, Name: host.Name + "." + app.Name},
			Spec:       w.grant(user, host, app.Name, app.UID).Spec,
		}
		w.create(grant)
		w.reconcile(grant)
		for _, kind := range []v1alpha1.ConditionType{
			v1alpha1.ConditionAccepted, v1alpha1.ConditionReady, v1alpha1.ConditionEffective,
		} {
			reason, message := said(grant.Status.Conditions, kind)
			Expect(reason).To(Equal(v1alpha1.ReasonTenantMismatch))
			Expect(message).To(ContainSubstring(other.Name))
		}
	})

	It("is looked at again in the second in which it expires", func() {
		w := newWorld()
		host, user := w.stage()
		app := w.application(host, user)
		grant := w.grant(user, host, app.Name, app.UID)
		edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.ExpirationTime = &metav1.Time{Time: noon.Add(time.Hour)} })
		Expect(w.reconcile(grant).RequeueAfter).To(Equal(time.Hour))
		Expect(effect(grant)).To(Equal(v1alpha1.ReasonGranted))
		w.clock.SetTime(noon.Add(time.Hour))
		Expect(w.reconcile(grant).RequeueAfter).To(BeZero())
		Expect(effect(grant)).To(Equal(v1alpha1.ReasonGrantExpired))
	})
})

// custom is a version with custom access.
func custom(name string, scopes ...v1alpha1.Scope) v1alpha1.ApplicationVersion {
	return v1alpha1.ApplicationVersion{Version: v1alpha1.VersionName(name), Access: &v1alpha1.Access{Scopes: scopes}}
}

func suspended(version v1alpha1.ApplicationVersion) v1alpha1.ApplicationVersion {
	version.State = v1alpha1.StateSuspended
	return version
}

func foreignSecret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}
