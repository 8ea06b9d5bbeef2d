package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
)

const (
	// patience is how long a test waits for the injector before it fails: it shows its certificate after 5 seconds.
	patience = time.Minute
	// asInjector makes the test's own program the injector: loggers and signals belong to a whole process.
	asInjector = "COUNTERSIGN_TEST_AS_INJECTOR"
)

func TestMain(m *testing.M) {
	if os.Getenv(asInjector) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// cluster is a real API server that asks the injector about pods.
type cluster struct {
	*WithT
	client.Client
	kubeconfig, address string
	// clients makes the API server's client certificate.
	clients authority
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	g := NewWithT(t)
	c := &cluster{WithT: g, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), address: freeAddress(t), clients: newAuthority(t)}
	control := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	t.Cleanup(func() { g.Expect(control.Stop()).To(Succeed()) })
	control.ControlPlane.GetAPIServer().Configure().Set("admission-control-config-file", c.admission(t))
	config, err := control.Start()
	g.Expect(err).NotTo(HaveOccurred())
	scheme := runtime.NewScheme()
	g.Expect(corev1.AddToScheme(scheme)).To(Succeed())
	g.Expect(admissionregistrationv1.AddToScheme(scheme)).To(Succeed())
	g.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	c.Client, err = client.New(config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(c.kubeconfig, control.KubeConfig, 0o600)).To(Succeed())
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// configure creates the configuration of config/injector, with the injector's address here in place of the Service.
func (c *cluster) configure(ctx context.Context) {
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "injector", "webhook.yaml"))
	c.Expect(err).NotTo(HaveOccurred())
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	c.Expect(yaml.UnmarshalStrict(data, configuration)).To(Succeed())
	_, port, err := net.SplitHostPort(c.address)
	c.Expect(err).NotTo(HaveOccurred())
	url := "https://localhost:" + port + *configuration.Webhooks[0].ClientConfig.Service.Path
	configuration.Webhooks[0].ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: &url}
	c.Expect(c.Create(ctx, configuration)).To(Succeed())
}

// start starts the program, and returns how to stop it as a kubelet does.
func (c *cluster) start(t *testing.T, flags ...string) (stop func() error, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{
		"--kubeconfig", c.kubeconfig, "--listen-address", c.address, "--host", "localhost",
	}, flags...)...)
	command.Env = append(os.Environ(), asInjector+"=1")
	command.Stderr = log
	c.Expect(command.Start()).To(Succeed())
	return func() error {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		return command.Wait()
	}, log
}

func (c *cluster) application(ctx context.Context, keys *v1alpha1.EnvironmentKeys) {
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kpi"},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Versions: []v1alpha1.ApplicationVersion{
				{Version: "1.0.0", Access: &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:read"}}}, {Version: "2.0.0"},
			},
			CredentialPolicy: v1alpha1.CredentialPolicy{Environment: v1alpha1.Environment{Type: v1alpha1.EnvironmentCustom, Keys: keys}},
		},
	}
	c.Expect(c.Create(ctx, app)).To(Succeed())
}

// pod is what the API server makes of a pod with these labels, without storing it.
func (c *cluster) pod(ctx context.Context, namespace, application, version string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "kpi-", Labels: map[string]string{}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "before", Image: "before"}},
			Containers:     []corev1.Container{{Name: "kpi", Image: "kpi", Env: []corev1.EnvVar{{Name: "CLIENT", Value: "mine"}}}},
		},
	}
	for label, value := range map[string]string{v1alpha1.LabelApplication: application, v1alpha1.LabelVersion: version} {
		if value != "" {
			pod.Labels[label] = value
		}
	}
	return pod, c.Create(ctx, pod, client.DryRunAll)
}

func envOf(container corev1.Container) []string {
	var env []string
	for _, variable := range container.Env {
		if ref := variable.ValueFrom; ref != nil {
			env = append(env, fmt.Sprintf("%s from %s/%s", variable.Name, ref.SecretKeyRef.Name, ref.SecretKeyRef.Key))
			continue
		}
		env = append(env, variable.Name+"="+variable.Value)
	}
	return env
}

func TestLabelledPodsGetReferencesAndOthersNeverMeetTheInjector(t *testing.T) {
	t.Parallel()
	c, ctx := newCluster(t), t.Context()
	c.configure(ctx)
	labelled := func() error {
		_, err := c.pod(ctx, "default", "kpi", "1.0.0")
		return err
	}

	// Nobody answers: a labelled pod is not created without its credentials, any other is.
	c.Expect(labelled()).To(MatchError(ContainSubstring("pods.injector.countersign.dev")))
	for _, labels := range [][2]string{{"", ""}, {"kpi", ""}, {"", "1.0.0"}} {
		_, err := c.pod(ctx, "default", labels[0], labels[1])
		c.Expect(err).NotTo(HaveOccurred())
	}
	c.Expect(c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "countersign-system"}})).To(Succeed())
	_, err := c.pod(ctx, "countersign-system", "kpi", "1.0.0")
	c.Expect(err).NotTo(HaveOccurred(), "Countersign's own pods must not wait for it")

	stop, log := c.start(t)
	const noApplication = "names application kpi, which is not in namespace default"
	c.Eventually(labelled).WithTimeout(patience).WithPolling(100*time.Millisecond).
		Should(MatchError(ContainSubstring(noApplication)), "%s", log)

	c.application(ctx, &v1alpha1.EnvironmentKeys{ClientID: "CLIENT", ClientSecret: "PASSWORD"})
	pod, err := c.pod(ctx, "default", "kpi", "1.0.0")
	c.Expect(err).NotTo(HaveOccurred(), "not even right after its Application")
	c.Expect(envOf(pod.Spec.InitContainers[0])).To(Equal([]string{
		"CLIENT from kpi.1.0.0/CLIENT", "PASSWORD from kpi.1.0.0/PASSWORD",
	}))
	c.Expect(envOf(pod.Spec.Containers[0])).To(Equal([]string{"PASSWORD from kpi.1.0.0/PASSWORD", "CLIENT=mine"}))

	for version, complaint := range map[string]string{
		"v1.0.0": "application kpi has no version v1.0.0, which the label countersign.dev/version names",
		"2.0.0":  "version 2.0.0 of application kpi has no access, and so no credentials",
	} {
		_, err := c.pod(ctx, "default", "kpi", version)
		c.Expect(err).To(MatchError(ContainSubstring(complaint)))
	}

	// A version is no longer in coming than an application.
	app := &v1alpha1.Application{}
	c.Expect(c.Get(ctx, client.ObjectKey{Namespace: "default", Name: "kpi"}, app)).To(Succeed())
	for _, version := range []v1alpha1.VersionName{"3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0", "3.6.0", "3.7.0"} {
		app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{Version: version, Access: app.Spec.Versions[0].Access})
		c.Expect(c.Update(ctx, app)).To(Succeed())
		_, err := c.pod(ctx, "default", "kpi", string(version))
		c.Expect(err).NotTo(HaveOccurred(), "not even right after its version")
	}

	// Whoever reaches the port is answered, until client certificates are asked for.
	c.Expect(c.stranger(ctx)).To(Succeed())
	c.Expect(stop()).To(Succeed(), "%s", log)
	_, again := c.start(t, "--client-ca-file", c.clients.file(t))
	// A replica that restarts is known again.
	c.Eventually(labelled).WithTimeout(patience).WithPolling(100*time.Millisecond).Should(Succeed(), "%s", again)
	c.Expect(c.stranger(ctx)).To(MatchError(ContainSubstring("tls: certificate required")))
	c.Expect(c.stranger(ctx, newAuthority(t).client(t))).To(MatchError(ContainSubstring("tls:")))
	c.Expect(c.stranger(ctx, c.clients.client(t))).To(Succeed())

	app.Finalizers = []string{"example.com/hold"}
	c.Expect(c.Update(ctx, app)).To(Succeed())
	c.Expect(c.Delete(ctx, app)).To(Succeed())
	c.Eventually(labelled).WithTimeout(patience).WithPolling(100*time.Millisecond).
		Should(MatchError(ContainSubstring(noApplication)), "one that is being deleted is absent")
}
