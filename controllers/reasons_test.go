package controllers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

var _ = Describe("A reason of the decision", func() {
	It("has an answer, each of them", func() {
		for _, reason := range reasonsOf("../access/decide.go") {
			if _, none := unanswered[reason]; !none {
				Expect(answers[reason]).NotTo(BeEmpty(), "%s: on which object can somebody do something about it?", reason)
			}
		}
	})

	for reason, cases := range answers {
		It("is answered by a condition on an object that somebody can change, which says what: "+string(reason), func() {
			for _, broken := range cases {
				s := newScene()
				broken.change(s)
				Expect(s.decide()).To(Equal(reason))
				for _, answer := range broken.answers {
					s.holds(reason, answer)
				}
			}
		})
	}
})

// decide asks what the table is about.
func (s *scene) decide() v1alpha1.Reason {
	GinkgoHelper()
	known := newFacts(s.w.ctx, platform)
	decision := access.Decide(known, access.Question{
		Application: known.Application(s.host.Spec.Namespace, "kpi"), Version: "1.0.0", Tenant: s.user.Name, Now: noon,
	})
	Expect(known.err).NotTo(HaveOccurred())
	return decision.Reason
}

func (s *scene) holds(reason v1alpha1.Reason, a answer) {
	GinkgoHelper()
	object := a.object(s)
	var conditions, own []metav1.Condition
	switch o := object.(type) {
	case versionOf:
		s.w.reconcile(o.Application)
		conditions, own = o.Status.Versions[0].Conditions, o.Status.Conditions
	default:
		s.w.reconcile(o)
		conditions = conditionsOf(o)
		own = conditions
	}
	if a.reason != "" {
		reason = a.reason
	}
	got, message := said(conditions, a.condition)
	Expect(got).To(Equal(reason))
	names := strings.NewReplacer("$host", s.host.Name, "$user", s.user.Name, "$twin", s.w.name("twin"), "$iot", s.w.name("iot"))
	for _, name := range a.names {
		Expect(message).To(ContainSubstring(names.Replace(name)))
	}
	ready := reasonOf(own, v1alpha1.ConditionReady) == v1alpha1.ReasonReady
	Expect(ready).To(Equal(!a.broken), "whether nothing has to be mended")
}

func conditionsOf(object client.Object) []metav1.Condition {
	switch o := object.(type) {
	case *v1alpha1.Tenant:
		return o.Status.Conditions
	case *v1alpha1.ResourceServer:
		return o.Status.Conditions
	case *v1alpha1.AccessLevel:
		return o.Status.Conditions
	case *v1alpha1.Application:
		return o.Status.Conditions
	case *v1alpha1.TenantGrant:
		return o.Status.Conditions
	}
	return nil
}

// reasonsOf returns the reasons that a Go file names. A reason's constant is called as the reason.
func reasonsOf(file string) []v1alpha1.Reason {
	GinkgoHelper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	Expect(err).NotTo(HaveOccurred())
	var reasons []v1alpha1.Reason
	ast.Inspect(parsed, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if name, found := strings.CutPrefix(selector.Sel.Name, "Reason"); found && name != "" && name != "ForClient" {
			reasons = append(reasons, v1alpha1.Reason(name))
		}
		return true
	})
	Expect(len(reasons)).To(BeNumerically(">", 15), "is the test reading the right file?")
	return reasons
}
