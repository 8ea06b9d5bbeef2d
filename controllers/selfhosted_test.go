package controllers

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("An application that runs outside the cluster", func() {
	It("is effective by its own verifiers until the last one ends, and ready all along", func() {
		w := newWorld()
		host, _ := w.stage()
		app := w.application(host)
		edit(w, app, func(a *v1alpha1.Application) {
			a.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{{
				SHA256: strings.Repeat("0a", 32), ExpirationTime: metav1.Time{Time: noon.Add(30 * 24 * time.Hour)},
			}}
		})
		Expect(w.reconcile(app).RequeueAfter).To(Equal(23 * 24 * time.Hour))
		version := func() []metav1.Condition { return app.Status.Versions[0].Conditions }
		Expect(reasonOf(version(), v1alpha1.ConditionEffective)).To(Equal(v1alpha1.ReasonGranted))
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))

		w.clock.SetTime(noon.Add(30 * 24 * time.Hour))
		w.reconcile(app)
		reason, message := said(version(), v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonCredentialsExpired))
		Expect(message).To(ContainSubstring("2030-07-01T12:00:00Z"))
		Expect(meta.IsStatusConditionTrue(app.Status.Conditions, string(v1alpha1.ConditionCredentialExpiring))).To(BeTrue())
		Expect(reasonOf(app.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(v1alpha1.ReasonReady))
	})
})
