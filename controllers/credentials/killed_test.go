package credentials

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

var _ = Describe("An operator that is killed twenty times during the rotation of fifty applications", func() {
	It("has rotated each exactly once at the end, and nobody lost a valid secret on the way", func() {
		const applications, kills, workers = 50, 20, 10
		random := rand.New(rand.NewPCG(20300601, 1)) // where the kills come, and in which order
		base := newWorld(GinkgoT())
		worlds := make([]*world, applications)
		for i := range worlds {
			w := *base
			w.key.Name = fmt.Sprintf("kpi-%d", i)
			worlds[i] = &w
			w.register(granted("1.0.0"))
		}
		everywhere := func(do func(*world)) {
			order := make(chan *world, applications)
			for _, i := range random.Perm(applications) {
				order <- worlds[i]
			}
			close(order)
			var group sync.WaitGroup
			for range workers {
				group.Go(func() {
					defer GinkgoRecover()
					for w := range order {
						do(w)
					}
				})
			}
			group.Wait()
		}
		everywhere(func(w *world) { w.settle() })
		old := base.standingSecrets()
		Expect(old).To(HaveLen(applications))
		everywhere(func(w *world) { w.annotate(v1alpha1.AnnotationRotate, "incident-17") })

		for range kills {
			var writes atomic.Int64
			last := 1 + random.Int64N(12)
			everywhere(func(w *world) {
				if writes.Load() >= last {
					return // it is dead
				}
				w.fault = func(int) (error, error) {
					switch n := writes.Add(1); {
					case n < last:
						return nil, nil
					case n == last:
						return nil, errCrash // done, and nobody heard of it
					}
					return errCrash, nil
				}
				_, _ = w.reconcile()
			})
			for name, text := range base.standingSecrets() {
				Expect(base.takes(name, text)).To(BeTrue(), "%s: a pod that starts now is refused", name)
				Expect(base.takes(name, old[name])).To(BeTrue(), "%s: a pod that runs is refused", name)
			}
		}
		everywhere(func(w *world) {
			w.heal()
			w.settle()
		})
		for name, text := range base.standingSecrets() {
			Expect(text).NotTo(Equal(old[name]))
			Expect(base.takes(name, text)).To(BeTrue())
			Expect(base.takes(name, old[name])).To(BeTrue())
		}
		for _, w := range worlds {
			entry := w.entry("1.0.0")
			Expect(entry.Verifiers).To(HaveLen(2))
			Expect(entry.Verifiers[0].Nonce).To(Equal("incident-17"))
			Expect(entry.Verifiers[1].Cause).To(Equal(v1alpha1.CauseIssue))
		}
	})
})

// standingSecrets returns the client secrets of the namespace's applications, by application, and looks at these anew.
func (w *world) standingSecrets() map[string]string {
	secrets, apps := &corev1.SecretList{}, &v1alpha1.ApplicationList{}
	w.must(w.platform.List(w.ctx, secrets, client.InNamespace(w.namespace)))
	w.must(w.platform.List(w.ctx, apps, client.InNamespace(w.namespace)))
	w.seen = map[string]*v1alpha1.Application{}
	for i := range apps.Items {
		w.seen[apps.Items[i].Name] = &apps.Items[i]
	}
	texts := map[string]string{}
	for i := range secrets.Items {
		if secret := &secrets.Items[i]; secret.Type == v1alpha1.SecretTypeCredentials {
			texts[secret.Annotations[v1alpha1.AnnotationApplication]] = textOf(secret)
		}
	}
	return texts
}

// takes reports whether the application that was seen last takes the text.
func (w *world) takes(application, text string) bool {
	return w.acceptedBy(w.seen[application], "1.0.0", text)
}
