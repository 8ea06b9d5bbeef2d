package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"countersign.dev/controllers/signingkeys"
)

const (
	// patience is how long a test waits for the operator before it fails.
	patience = 30 * time.Second
	// asOperator makes the test's own program the operator: loggers and signals belong to a whole process.
	asOperator = "COUNTERSIGN_TEST_AS_OPERATOR"
)

func TestMain(m *testing.M) {
	if os.Getenv(asOperator) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// operator is the program with these arguments, ready to be started. It is killed when the context is done.
func operator(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asOperator+"=1")
	return command
}

// The steps are those of somebody who installs Countersign and forgets something each time.
func TestTheOperatorSaysWhatIsMissingThenWorksThenLeavesNothingHeld(t *testing.T) {
	g := NewWithT(t)
	control := &envtest.Environment{}
	config, err := control.Start()
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(control.Stop()).To(Succeed()) })
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	args := []string{"--kubeconfig", kubeconfig, "--issuer", "https://tokens.example.com"}
	complaint := func() string {
		t.Helper()
		output, err := operator(t.Context(), args...).CombinedOutput()
		g.Expect(err).To(HaveOccurred(), "%s", output)
		return string(output)
	}

	g.Expect(complaint()).To(ContainSubstring("no such file"))
	g.Expect(os.WriteFile(kubeconfig, control.KubeConfig, 0o600)).To(Succeed())
	g.Expect(complaint()).To(ContainSubstring("install the CRDs first, with kubectl apply -k config/crd"))
	_, err = envtest.InstallCRDs(config, envtest.CRDInstallOptions{
		Paths: []string{filepath.Join("..", "..", "config", "crd", "bases")}, ErrorIfPathMissing: true,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(complaint()).To(ContainSubstring("namespace countersign-system does not exist: create it"))

	scheme := runtime.NewScheme()
	g.Expect(corev1.AddToScheme(scheme)).To(Succeed())
	g.Expect(coordinationv1.AddToScheme(scheme)).To(Succeed())
	platform, err := client.New(config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: defaultNamespace}}
	g.Expect(platform.Create(t.Context(), namespace)).To(Succeed())

	log := &strings.Builder{}
	working := operator(t.Context(), args...)
	working.Stdout, working.Stderr = log, log
	g.Expect(working.Start()).To(Succeed())
	keys := client.ObjectKey{Namespace: defaultNamespace, Name: signingkeys.SecretName}
	g.Eventually(func() error { return platform.Get(t.Context(), keys, &corev1.Secret{}) }, patience).Should(Succeed())
	g.Expect(working.Process.Signal(syscall.SIGTERM)).To(Succeed())
	g.Expect(working.Wait()).To(Succeed(), "an operator that is told to stop ends without an error: %s", fmt.Stringer(log))
	for line := range strings.Lines(log.String()) {
		g.Expect(line).To(And(HavePrefix("{"), HaveSuffix("}\n")), "its log is lines of JSON and nothing else")
	}

	lease := &coordinationv1.Lease{}
	g.Expect(platform.Get(t.Context(), client.ObjectKey{Namespace: defaultNamespace, Name: leaseName}, lease)).To(Succeed())
	g.Expect(lease.Spec.HolderIdentity).To(HaveValue(BeEmpty()), "the next operator need not wait for the lease to run out")
}
