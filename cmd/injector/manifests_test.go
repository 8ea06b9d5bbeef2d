package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// documented returns the block of YAML in docs/injector.md that has the text in it.
func documented(t *testing.T, text string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "injector.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range strings.Split(string(data), "```yaml\n")[1:] {
		if block, _, _ := strings.Cut(after, "```"); strings.Contains(block, text) {
			return block
		}
	}
	t.Fatalf("docs/injector.md has no YAML with %q", text)
	return ""
}

func manifest(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "injector", "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// build is what kustomize makes of a kustomization that stands beside config/default.
func build(t *testing.T, kustomization string) string {
	t.Helper()
	config, err := filepath.Abs(filepath.Join("..", "..", "config"))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if config, err = filepath.Rel(overlay, config); err != nil {
		t.Fatal(err)
	}
	kustomization = strings.ReplaceAll(kustomization, "../", config+"/")
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", overlay).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// deployment returns the injector's Deployment among the objects.
func deployment(t *testing.T, objects string) *appsv1.Deployment {
	t.Helper()
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(objects))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			t.Fatal("there is no Deployment of the injector")
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(document, []byte("kind: Deployment\n")) || !bytes.Contains(document, []byte("\n  name: countersign-injector\n")) {
			continue
		}
		found := &appsv1.Deployment{}
		if err := yaml.UnmarshalStrict(document, found); err != nil {
			t.Fatal(err)
		}
		return found
	}
}

func TestTheInjectorCanLiveInAnotherNamespaceAsTheDocumentationSays(t *testing.T) {
	t.Parallel()
	overlay := documented(t, "namespace: platform")
	withCertManager := strings.Replace(overlay, "../injector]", "../injector, ../injector/cert-manager]", 1) +
		documented(t, "cert-manager.io~1inject-ca-from")
	for _, kustomization := range []string{overlay, withCertManager} {
		for line := range strings.Lines(build(t, kustomization)) {
			if strings.Contains(line, "countersign-system") {
				t.Errorf("this stays behind: %s", line)
			}
		}
	}
}

func TestOneNodeOrOneDrainDoesNotStopAllInjectors(t *testing.T) {
	injector := deployment(t, manifest(t))
	spread := injector.Spec.Template.Spec.TopologySpreadConstraints
	if len(spread) != 1 || spread[0].TopologyKey != "kubernetes.io/hostname" ||
		!labels.SelectorFromSet(spread[0].LabelSelector.MatchLabels).Matches(labels.Set(injector.Spec.Template.Labels)) {
		t.Errorf("its replicas are spread by %v", spread)
	}
}

func TestTheComponentForClientCertificatesAddsToEitherInjector(t *testing.T) {
	t.Parallel()
	for _, components := range []string{"../injector", "../injector, ../injector/cert-manager"} {
		injector := deployment(t, build(t, "resources: [../default]\ncomponents: ["+components+", ../injector/client-ca]"))
		pod := injector.Spec.Template.Spec
		if args := pod.Containers[0].Args; len(args) < 4 || args[len(args)-1] != "--client-ca-file=/etc/countersign/clients/ca.crt" {
			t.Errorf("with %s its arguments are %v", components, args)
		}
		volumes := []string{}
		for _, mount := range pod.Containers[0].VolumeMounts {
			volumes = append(volumes, mount.Name)
		}
		if !slices.Contains(volumes, "clients") || slices.Contains(volumes, "tls") != strings.Contains(components, "cert-manager") ||
			len(pod.Volumes) != len(volumes) {
			t.Errorf("with %s it mounts %v of %v", components, volumes, pod.Volumes)
		}
	}
}

func TestTheDocumentedNetworkPolicyIsForTheInjectorsPorts(t *testing.T) {
	policy := &networkingv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(documented(t, "kind: NetworkPolicy")), policy); err != nil {
		t.Fatal(err)
	}
	injector := deployment(t, manifest(t))
	if policy.Namespace != injector.Namespace ||
		!labels.SelectorFromSet(policy.Spec.PodSelector.MatchLabels).Matches(labels.Set(injector.Spec.Template.Labels)) {
		t.Errorf("it is for the pods %v of %s", policy.Spec.PodSelector, policy.Namespace)
	}
	var ports []string
	for _, port := range injector.Spec.Template.Spec.Containers[0].Ports {
		ports = append(ports, port.Name)
	}
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			if !slices.Contains(ports, port.Port.StrVal) {
				t.Errorf("the injector has no port %s", port.Port.StrVal)
			}
		}
	}
}
