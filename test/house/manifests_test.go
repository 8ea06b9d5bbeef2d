package house_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/tokenserver"
)

// kinds are the plural names of the five kinds.
var kinds = []string{"accesslevels", "applications", "resourceservers", "tenantgrants", "tenants"}

func TestNoRoleOfPeopleHasAVerbOnStatusOrOnEverything(t *testing.T) {
	roles := read[rbacv1.ClusterRole](t, "rbac/users.yaml", "ClusterRole")
	if len(roles) != 5 {
		t.Fatalf("found %d roles, want the five of the documentation", len(roles))
	}
	for _, role := range roles {
		for _, rule := range role.Rules {
			if role.Name == "countersign-tenant-administrator" && slices.Equal(rule.Resources, []string{"serviceaccounts/token"}) {
				asksForOffers(t, &rule)
				continue
			}
			if !slices.Equal(rule.APIGroups, []string{v1alpha1.GroupName}) {
				t.Errorf("%s has rights on %v", role.Name, rule.APIGroups)
			}
			for _, resource := range rule.Resources {
				if !slices.Contains(kinds, resource) {
					t.Errorf("%s has %v on %s", role.Name, rule.Verbs, resource)
				}
			}
			if slices.Contains(rule.Verbs, rbacv1.VerbAll) {
				t.Errorf("%s has every verb on %v", role.Name, rule.Resources)
			}
		}
	}
}

// asksForOffers fails the test where the rule makes tokens of another ServiceAccount than the one without rights.
func asksForOffers(t *testing.T, rule *rbacv1.PolicyRule) {
	t.Helper()
	if !slices.Equal(rule.APIGroups, []string{""}) || !slices.Equal(rule.ResourceNames, []string{"countersign-tenant"}) ||
		!slices.Equal(rule.Verbs, []string{"create"}) {
		t.Errorf("a tenant's administrator has %v on %v of %v %v", rule.Verbs, rule.Resources, rule.APIGroups, rule.ResourceNames)
	}
}

func TestWhoMayGrantOrConsentIsPartOfAdminAndWhoReadsOfView(t *testing.T) {
	const prefix = "rbac.authorization.k8s.io/aggregate-to-"
	want := map[string]map[string]string{
		"countersign-platform-operator":         nil,
		"countersign-catalog-viewer":            nil,
		"countersign-application-administrator": {prefix + "admin": "true"},
		"countersign-tenant-administrator":      {prefix + "admin": "true"},
		"countersign-viewer":                    {prefix + "view": "true"},
	}
	for _, role := range read[rbacv1.ClusterRole](t, "rbac/users.yaml", "ClusterRole") {
		labels, known := want[role.Name]
		if !known {
			t.Errorf("%s is not documented", role.Name)
		}
		for label, value := range role.Labels {
			if labels[label] != value {
				t.Errorf("%s has the label %s: %s", role.Name, label, value)
			}
		}
		if len(role.Labels) != len(labels) {
			t.Errorf("%s has the labels %v, want %v", role.Name, role.Labels, labels)
		}
	}
}

func TestTheTokenServerCanReadTheFiveKindsAndNothingElse(t *testing.T) {
	role := read[rbacv1.ClusterRole](t, "rbac/tokenserver.yaml", "ClusterRole")[0]
	if len(role.Rules) != 1 {
		t.Fatalf("it has %d rules, want one", len(role.Rules))
	}
	rule := role.Rules[0]
	if !slices.Equal(rule.APIGroups, []string{v1alpha1.GroupName}) || !slices.Equal(rule.Resources, kinds) ||
		!slices.Equal(rule.Verbs, []string{"get", "list", "watch"}) {
		t.Errorf("its rule is %v", rule)
	}
}

func TestTheTokenServerIsBoundToItsRoleAndToTheDiscoveryOfServiceAccountKeys(t *testing.T) {
	roles := []string{}
	for _, binding := range read[rbacv1.ClusterRoleBinding](t, "rbac/tokenserver.yaml", "ClusterRoleBinding") {
		roles = append(roles, binding.RoleRef.Name)
		if len(binding.Subjects) != 1 || binding.Subjects[0].Name != "countersign-tokenserver" ||
			binding.Subjects[0].Namespace != "countersign-system" || binding.Subjects[0].Kind != rbacv1.ServiceAccountKind {
			t.Errorf("%s is for %v", binding.Name, binding.Subjects)
		}
	}
	if !slices.Equal(roles, []string{"countersign-tokenserver", "system:service-account-issuer-discovery"}) {
		t.Errorf("it is bound to %v", roles)
	}
}

func TestTheOperatorWritesStatusAndNothingThatPeopleWrote(t *testing.T) {
	for _, rule := range read[rbacv1.ClusterRole](t, "rbac/operator.yaml", "ClusterRole")[0].Rules {
		if !slices.Contains(rule.APIGroups, v1alpha1.GroupName) {
			continue
		}
		for _, resource := range rule.Resources {
			allowed := []string{"get", "list", "watch"}
			if strings.HasSuffix(resource, "/status") {
				allowed = []string{"update", "patch"}
			}
			for _, verb := range rule.Verbs {
				if !slices.Contains(allowed, verb) {
					t.Errorf("it has %s on %s", verb, resource)
				}
			}
		}
	}
}

func TestTheInjectorReadsApplicationsAndHasNoVerbOnSecrets(t *testing.T) {
	for _, role := range read[rbacv1.ClusterRole](t, "injector/rbac.yaml", "ClusterRole") {
		for _, rule := range role.Rules {
			switch {
			case slices.Equal(rule.Resources, []string{"applications"}) && slices.Equal(rule.Verbs, []string{"get", "list", "watch"}):
			case slices.Equal(rule.Resources, []string{"mutatingwebhookconfigurations"}) &&
				slices.Equal(rule.ResourceNames, []string{"countersign-injector"}):
			default:
				t.Errorf("%s has %v on %v", role.Name, rule.Verbs, rule.Resources)
			}
		}
	}
}

func TestAServiceBindingControllerReadsApplicationsAndNothingElse(t *testing.T) {
	role := read[rbacv1.ClusterRole](t, "servicebinding/rbac.yaml", "ClusterRole")[0]
	if len(role.Labels) != 1 || role.Labels["servicebinding.io/controller"] != "true" {
		t.Errorf("by its labels %v, no controller's role takes it in", role.Labels)
	}
	if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].Resources, []string{"applications"}) ||
		!slices.Equal(role.Rules[0].Verbs, []string{"get", "list", "watch"}) {
		t.Errorf("its rules are %v", role.Rules)
	}
}

func TestTheInjectorIsAskedAboutLabelledPodsAlone(t *testing.T) {
	configuration := read[admissionregistrationv1.MutatingWebhookConfiguration](t, "injector/webhook.yaml", "MutatingWebhookConfiguration")[0]
	for _, webhook := range configuration.Webhooks {
		if webhook.ObjectSelector == nil || len(webhook.ObjectSelector.MatchExpressions) != 2 {
			t.Errorf("%s: its objectSelector is %v", webhook.Name, webhook.ObjectSelector)
		}
		if webhook.FailurePolicy == nil || *webhook.FailurePolicy != admissionregistrationv1.Fail {
			t.Errorf("%s: pods start without credentials where it does not answer", webhook.Name)
		}
	}
}

func TestPodsCanWriteNothingAndBecomeNothing(t *testing.T) {
	for _, name := range []string{"injector", "operator", "tokenserver"} {
		pod := read[appsv1.Deployment](t, name+"/deployment.yaml", "Deployment")[0].Spec.Template.Spec
		if c := pod.SecurityContext; c == nil || !is(c.RunAsNonRoot, true) || c.SeccompProfile == nil {
			t.Errorf("%s: the pod's security context is %v", name, c)
		}
		for _, container := range pod.Containers {
			c := container.SecurityContext
			if c == nil || !is(c.ReadOnlyRootFilesystem, true) || !is(c.AllowPrivilegeEscalation, false) ||
				c.Capabilities == nil || !slices.Contains(c.Capabilities.Drop, "ALL") || len(c.Capabilities.Add) > 0 {
				t.Errorf("%s: the container's security context is %v", name, c)
			}
			if container.LivenessProbe == nil || container.ReadinessProbe == nil {
				t.Errorf("%s has not both probes", name)
			}
		}
	}
}

func TestManifestsGiveFlagsThatTheProgramsHave(t *testing.T) {
	for manifest, program := range map[string]string{
		"operator/deployment.yaml": "operator", "tokenserver/deployment.yaml": "tokenserver", "tls/deployment.yaml": "tokenserver",
		"injector/deployment.yaml": "injector", "injector/cert-manager/deployment.yaml": "injector",
	} {
		source := sourceOf(t, program)
		for _, arg := range read[appsv1.Deployment](t, manifest, "Deployment")[0].Spec.Template.Spec.Containers[0].Args {
			flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if !strings.Contains(source, `, "`+flag+`", `) {
				t.Errorf("%s gives --%s, which %s does not have", manifest, flag, program)
			}
		}
	}
}

// sourceOf returns the source of a program, in which its flags stand.
func sourceOf(t *testing.T, program string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "cmd", program, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("cmd/%s has no source: %v", program, err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func TestAPodIsNotKilledBeforeItsTokenServerHasStopped(t *testing.T) {
	drain := tokenserver.DefaultTimeouts().Drain
	grace := read[appsv1.Deployment](t, "tokenserver/deployment.yaml", "Deployment")[0].Spec.Template.Spec.TerminationGracePeriodSeconds
	for _, manifest := range []string{"tokenserver/deployment.yaml", "tls/deployment.yaml"} {
		delay := time.Duration(0)
		for _, arg := range read[appsv1.Deployment](t, manifest, "Deployment")[0].Spec.Template.Spec.Containers[0].Args {
			if text, found := strings.CutPrefix(arg, "--shutdown-delay="); found {
				var err error
				if delay, err = time.ParseDuration(text); err != nil {
					t.Fatal(err)
				}
			}
		}
		if delay == 0 {
			t.Errorf("%s: the server stops accepting before the endpoints forget it", manifest)
		}
		if grace == nil || time.Duration(*grace)*time.Second <= delay+drain {
			t.Errorf("%s: the server takes up to %s to stop, and is killed before", manifest, delay+drain)
		}
	}
}

func is(value *bool, want bool) bool { return value != nil && *value == want }

// read returns the objects of a kind in a file of config/. A field that the kind does not have is an error.
func read[T any](t *testing.T, file, kind string) []T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "config", file))
	if err != nil {
		t.Fatal(err)
	}
	var objects []T
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal(document, &meta); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if meta.Kind != kind {
			continue
		}
		var object T
		if err := yaml.UnmarshalStrict(document, &object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		objects = append(objects, object)
	}
	if len(objects) == 0 {
		t.Fatalf("%s holds no %s", file, kind)
	}
	return objects
}
