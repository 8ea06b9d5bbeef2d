package controllers

import (
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"countersign.dev/api/v1alpha1"
)

// What decides by conditions without knowing Countersign: kstatus, as Flux and others use it, and kubectl wait.
var _ = Describe("Who waits for an object", func() {
	// of is what kstatus makes of the object as the API server has it.
	of := func(w *world, object client.Object) status.Status {
		GinkgoHelper()
		kind, err := apiutil.GVKForObject(object, platform.Scheme())
		Expect(err).NotTo(HaveOccurred())
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(kind)
		Expect(platform.Get(w.ctx, client.ObjectKeyFromObject(object), u)).To(Succeed())
		result, err := status.Compute(u)
		Expect(err).NotTo(HaveOccurred())
		return result.Status
	}
	five := func(w *world) []client.Object {
		GinkgoHelper()
		host, user := w.stage()
		app := w.application(host, user)
		return []client.Object{
			host, &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: w.name("iot")}},
			&v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: w.name("limited")}},
			app, w.grant(user, host, app.Name, app.UID),
		}
	}
	touch := func(w *world, object client.Object) {
		GinkgoHelper()
		edit(w, object, func(o client.Object) {
			switch o := o.(type) {
			case *v1alpha1.Tenant:
				o.Spec.DisplayName = "edited"
			case *v1alpha1.ResourceServer:
				o.Spec.Scopes = append(o.Spec.Scopes, "edited")
			case *v1alpha1.AccessLevel:
				o.Spec.DisplayName = "edited"
			case *v1alpha1.Application:
				o.Spec.DisplayName = "edited"
			case *v1alpha1.TenantGrant:
				o.Spec.Scopes = append(o.Spec.Scopes, "edited")
			}
		})
	}
	// waits runs kubectl wait, which looks once, and says whether it found what it waits for.
	waits := func(object client.Object) error {
		GinkgoHelper()
		kind, err := apiutil.GVKForObject(object, platform.Scheme())
		Expect(err).NotTo(HaveOccurred())
		arguments := []string{"wait", "--for=condition=Ready", "--timeout=0", kind.Kind + "." + kind.Group, object.GetName()}
		if namespace := object.GetNamespace(); namespace != "" {
			arguments = append(arguments, "--namespace="+namespace)
		}
		_, stderr, err := kubectl.Run(arguments...)
		if err != nil {
			text := make([]byte, 1024)
			n, _ := stderr.Read(text)
			return fmt.Errorf("%w: %s", err, text[:n])
		}
		return nil
	}

	It("sees progress until the operator has looked at it, and after each edit: all five kinds", func() {
		w := newWorld()
		for _, object := range five(w) {
			Expect(of(w, object)).To(Equal(status.InProgressStatus), "%T, fresh", object)
			w.reconcile(object)
			Expect(of(w, object)).To(Equal(status.CurrentStatus), "%T", object)
			Expect(waits(object)).To(Succeed(), "%T", object)
			touch(w, object)
			Expect(of(w, object)).To(Equal(status.InProgressStatus), "%T, edited", object)
			Expect(waits(object)).To(MatchError(ContainSubstring("condition not met")), "%T, edited", object)
			w.reconcile(object)
			Expect(of(w, object)).To(Equal(status.CurrentStatus), "%T, edited and looked at", object)
		}
	})

	DescribeTable("is done where nothing has to be mended", func(change func(*scene) client.Object) {
		s := newScene()
		object := change(s)
		s.w.reconcile(object)
		Expect(of(s.w, object)).To(Equal(status.CurrentStatus))
	},
		Entry("a grant that is not offered, and then not there", func(s *scene) client.Object {
			edit(s.w, s.app, func(a *v1alpha1.Application) { a.Spec.Offer = nil })
			s.w.reconcile(s.grant)
			Expect(of(s.w, s.grant)).To(Equal(status.CurrentStatus))
			Expect(platform.Delete(s.w.ctx, s.app)).To(Succeed())
			return s.grant
		}),
		Entry("a grant that is suspended, and that then expires", func(s *scene) client.Object {
			edit(s.w, s.grant, func(g *v1alpha1.TenantGrant) { g.Spec.State = v1alpha1.StateSuspended })
			s.w.reconcile(s.grant)
			Expect(of(s.w, s.grant)).To(Equal(status.CurrentStatus))
			edit(s.w, s.grant, func(g *v1alpha1.TenantGrant) {
				g.Spec.State, g.Spec.ExpirationTime = v1alpha1.StateActive, &metav1.Time{Time: noon}
			})
			return s.grant
		}),
		Entry("a version that is suspended, and one without access", func(s *scene) client.Object {
			edit(s.w, s.app, func(a *v1alpha1.Application) {
				a.Spec.Versions = []v1alpha1.ApplicationVersion{suspended(custom("1.0.0", "assets:read")), {Version: "2.0"}}
			})
			return s.app
		}),
		Entry("an application whose host is suspended, and that host", func(s *scene) client.Object {
			edit(s.w, s.host, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended })
			s.w.reconcile(s.app)
			Expect(of(s.w, s.app)).To(Equal(status.CurrentStatus))
			return s.host
		}),
		Entry("an application that is handed over, and one whose transfer is pending", func(s *scene) client.Object {
			edit(s.w, s.app, func(a *v1alpha1.Application) {
				a.Spec.TransferTo = &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(s.user.Name), Application: "kpi"}
			})
			s.w.reconcile(s.app)
			Expect(of(s.w, s.app)).To(Equal(status.CurrentStatus))
			receiver := &v1alpha1.Application{Spec: *s.app.Spec.DeepCopy()}
			receiver.Namespace, receiver.Name = s.user.Spec.Namespace, "kpi"
			receiver.Spec.TransferTo, receiver.Spec.TransferFrom = nil, &v1alpha1.ApplicationPeer{
				Tenant: v1alpha1.TenantName(s.host.Name), Application: s.app.Name,
			}
			s.w.create(receiver)
			return s.app
		}),
	)

	DescribeTable("sees progress, until somebody has mended it", func(change func(*scene) client.Object) {
		s := newScene()
		object := change(s)
		s.w.reconcile(object)
		Expect(of(s.w, object)).To(Equal(status.InProgressStatus))
	},
		Entry("an application that names what is not there", func(s *scene) client.Object {
			edit(s.w, s.app, func(a *v1alpha1.Application) { a.Spec.ResourceServers = []string{"nowhere"} })
			return s.app
		}),
		Entry("an application whose Secret's name is taken", func(s *scene) client.Object {
			s.w.create(foreignSecret(s.app.Namespace, "kpi.1.0.0"))
			return s.app
		}),
		Entry("a grant of another tenant than its namespace's, and that tenant in a conflict", func(s *scene) client.Object {
			twin := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: s.w.name("twin")}, Spec: s.user.Spec}
			s.w.create(twin)
			s.w.reconcile(twin)
			Expect(of(s.w, twin)).To(Equal(status.InProgressStatus))
			return s.grant
		}),
		Entry("a tenant whose namespace is being deleted", func(s *scene) client.Object {
			Expect(platform.Delete(s.w.ctx, namespaceOf(s.user))).To(Succeed())
			return s.user
		}),
	)

	It("sees the end of what is being deleted, whatever its conditions say", func() {
		s := newScene()
		s.w.reconcile(s.grant)
		held(s.w, s.grant)
		Expect(of(s.w, s.grant)).To(Equal(status.TerminatingStatus))
	})
})
