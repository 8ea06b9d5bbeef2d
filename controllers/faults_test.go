package controllers

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"countersign.dev/api/v1alpha1"
)

var errUnreadable = errors.New("the API server is away")

// unreadable is the platform's client, but for objects of the kind and lists of it, which it cannot read.
func unreadable(kind client.Object) client.Client {
	name := reflect.TypeOf(kind).Elem().Name()
	concerned := func(object any) bool { return strings.HasPrefix(reflect.TypeOf(object).Elem().Name(), name) }
	return interceptor.NewClient(withoutIndex(platform), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if concerned(o) {
				return errUnreadable
			}
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if concerned(list) {
				return errUnreadable
			}
			return c.List(ctx, list, opts...)
		},
	})
}

var _ = Describe("A fact that cannot be read", func() {
	reconcileWith := func(w *world, c client.Client, object client.Object) error {
		deps := w.deps
		deps.Client = c
		var reconciler reconcile.Reconciler
		switch object.(type) {
		case *v1alpha1.Tenant:
			reconciler = newTenants(deps)
		case *v1alpha1.ResourceServer:
			reconciler = newResourceServers(deps)
		case *v1alpha1.Application:
			reconciler = newApplications(deps)
		case *v1alpha1.TenantGrant:
			reconciler = &tenantGrants{deps}
		}
		_, err := reconciler.Reconcile(w.ctx, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		return err
	}

	DescribeTable("is never reported as one that is not there: what was said stays, and the reconciler tries again",
		func(kind client.Object, of func(app *v1alpha1.Application, grant *v1alpha1.TenantGrant) client.Object) {
			w := newWorld()
			host, user := w.stage()
			app := w.application(host, user)
			grant := w.grant(user, host, app.Name, app.UID)
			w.reconcile(app)
			w.reconcile(grant)
			object := of(app, grant)
			before := object.DeepCopyObject()

			Expect(reconcileWith(w, unreadable(kind), object)).To(MatchError(errUnreadable))
			Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
			Expect(object).To(Equal(before))
		},
		Entry("an Application's Tenant", &v1alpha1.Tenant{}, applicationOf),
		Entry("an Application's ResourceServer", &v1alpha1.ResourceServer{}, applicationOf),
		Entry("an Application's AccessLevel", &v1alpha1.AccessLevel{}, applicationOf),
		Entry("a TenantGrant's Tenant", &v1alpha1.Tenant{}, grantOf),
		Entry("a TenantGrant's Application", &v1alpha1.Application{}, grantOf),
		Entry("a TenantGrant's ResourceServer", &v1alpha1.ResourceServer{}, grantOf),
		Entry("a TenantGrant's AccessLevel", &v1alpha1.AccessLevel{}, grantOf),
	)

	DescribeTable("leaves the status as it was where it is a Secret: nobody takes an edit for seen whose credentials were not",
		func(change func(*v1alpha1.Application)) {
			s := newScene()
			edit(s.w, s.app, func(a *v1alpha1.Application) { a.Spec.Versions = append(a.Spec.Versions, custom("2.0", "assets:read")) })
			s.w.reconcile(s.app)
			edit(s.w, s.app, change)
			before := s.app.DeepCopy()
			Expect(reconcileWith(s.w, unreadable(&corev1.Secret{}), s.app)).To(MatchError(errUnreadable))
			Expect(platform.Get(s.w.ctx, client.ObjectKeyFromObject(s.app), s.app)).To(Succeed())
			Expect(s.app).To(Equal(before))
		},
		Entry("a version was taken out", func(a *v1alpha1.Application) { a.Spec.Versions = a.Spec.Versions[:1] }),
		Entry("a version lost its access", func(a *v1alpha1.Application) { a.Spec.Versions[1].Access = nil }),
	)
})

func applicationOf(app *v1alpha1.Application, _ *v1alpha1.TenantGrant) client.Object { return app }

func grantOf(_ *v1alpha1.Application, grant *v1alpha1.TenantGrant) client.Object { return grant }

var _ = Describe("The largest grant that the schema admits", func() {
	It("has a status, too", func() {
		w := newWorld()
		host, user := w.stage()
		app := w.application(host, user)
		scopes := make([]v1alpha1.Scope, 64)
		for i := range scopes {
			scopes[i] = v1alpha1.Scope(fmt.Sprintf("%02d%s", i, strings.Repeat("s", 62)))
		}
		server := &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")}}
		edit(w, server, func(r *v1alpha1.ResourceServer) { r.Spec.Scopes = scopes })
		level := &v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}}
		edit(w, level, func(l *v1alpha1.AccessLevel) { l.Spec.Scopes = scopes })
		edit(w, app, func(a *v1alpha1.Application) {
			for i := range 31 {
				a.Spec.Versions = append(a.Spec.Versions, v1alpha1.ApplicationVersion{
					Version: v1alpha1.VersionName(fmt.Sprintf("%02d", i)), Access: &v1alpha1.Access{Scopes: scopes},
				})
			}
		})
		grant := w.grant(user, host, app.Name, app.UID)
		edit(w, grant, func(g *v1alpha1.TenantGrant) { g.Spec.Scopes = scopes })
		w.reconcile(grant)
		reason, message := said(grant.Status.Conditions, v1alpha1.ConditionEffective)
		Expect(reason).To(Equal(v1alpha1.ReasonGranted))
		Expect(message).To(HavePrefix("tokens can be had by version 1.0.0 (00sss"))
		Expect(message).To(HaveSuffix("s …"))
	})
})
