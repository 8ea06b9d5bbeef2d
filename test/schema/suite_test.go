// Package schema_test holds the five kinds' schema against a real API server: what is refused, with a message that says
// what to write instead, and what defaults fill in.
package schema_test

import (
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/api/v1alpha1"
)

var api client.Client

func TestSchema(t *testing.T) {
	log.SetLogger(logr.Discard())
	RegisterFailHandler(Fail)
	RunSpecs(t, "Schema")
}

var _ = BeforeSuite(func() {
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	DeferCleanup(environment.Stop) // also where it starts and then refuses the kinds
	config, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	config.QPS = -1

	scheme := runtime.NewScheme()
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	api, err = client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	api = client.WithFieldValidation(api, "Strict")
})
