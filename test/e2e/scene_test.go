//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// Of every scene: an application "kpi" with one version, whose Secret is "kpi.1.0.0".
const (
	application = "kpi"
	version     = "1.0.0"
	secretName  = application + "." + version
	// trust is the ConfigMap with the certificate of the token server, as a platform has for its own authority.
	trust = "trust"
)

// scene is a host tenant with an application that another tenant has granted access to, with names of their own, so that tests
// do not meet.
type scene struct {
	*testing.T
	host, user string // tenants, and their namespaces
	app        *v1alpha1.Application
}

// newScene sets the scene, and returns when the credentials are there.
func newScene(t *testing.T, shape func(*v1alpha1.ApplicationVersion)) *scene {
	t.Helper()
	s := newTenants(t)
	s.register(shape)
	return s
}

// newTenants is a scene without the application.
func newTenants(t *testing.T) *scene {
	t.Helper()
	suffix := "-" + strings.ToLower(rand.Text()[:6])
	s := &scene{T: t, host: "host" + suffix, user: "user" + suffix}
	for _, name := range []string{s.host, s.user} {
		s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		tenant := &v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TenantSpec{Namespace: name}}
		if name == s.host {
			tenant.Spec.Hosting = &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}}
		}
		s.create(tenant)
	}
	s.create(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: trust}, Data: map[string]string{"ca.crt": string(tokenServer.certificate)},
	})
	return s
}

// register registers the application, whose version the test may shape, has the other tenant grant it access, and returns when
// the credentials are there.
func (s *scene) register(shape func(*v1alpha1.ApplicationVersion)) {
	s.Helper()
	one := v1alpha1.ApplicationVersion{Version: version, Access: &v1alpha1.Access{Level: "limited"}}
	if shape != nil {
		shape(&one)
	}
	s.app = &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: application},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Offer:           &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{v1alpha1.TenantName(s.user)}},
			Versions:        []v1alpha1.ApplicationVersion{one},
		},
	}
	s.create(s.app)
	s.create(&v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.user, Name: s.host + "." + application},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant: v1alpha1.TenantName(s.user),
			Application: v1alpha1.ApplicationReference{
				HostTenant: v1alpha1.TenantName(s.host), Name: application, UID: s.app.UID,
			},
			Scopes: []v1alpha1.Scope{"assets:read"},
		},
	})
	kubectl(s.T, "wait", "-n", s.host, "--for=condition=Ready", "--timeout=60s", "application/"+application)
	kubectl(s.T, "wait", "-n", s.user, "--for=condition=Effective", "--timeout=60s", "tenantgrant", "--all")
}

func (s *scene) create(object client.Object) {
	s.Helper()
	if err := platform.Create(s.Context(), object); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) get(name string, object client.Object) {
	s.Helper()
	if err := platform.Get(s.Context(), client.ObjectKey{Namespace: s.host, Name: name}, object); err != nil {
		s.Fatal(err)
	}
}

// secret returns the content of the version's Secret.
func (s *scene) secret() map[string]string {
	s.Helper()
	secret := &corev1.Secret{}
	s.get(secretName, secret)
	data := map[string]string{}
	for name, value := range secret.Data {
		data[name] = string(value)
	}
	return data
}

// podSpec is a pod of the application, without credentials. It finds the token server by the name in the issuer, for which a
// cluster has DNS, and trusts its certificate.
func (s *scene) podSpec() corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64(5)),
		HostAliases:                   []corev1.HostAlias{{IP: tokenServer.address, Hostnames: []string{issuerHost}}},
		Containers: []corev1.Container{{
			Name: "app", Image: appImage,
			Env:          []corev1.EnvVar{{Name: "SSL_CERT_FILE", Value: "/trust/ca.crt"}},
			VolumeMounts: []corev1.VolumeMount{{Name: trust, MountPath: "/trust"}},
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/asked", Port: intstr.FromInt32(appPort)}},
				PeriodSeconds: 1,
			},
		}},
		Volumes: []corev1.Volume{{Name: trust, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: trust}},
		}}},
	}
}

const appPort = 8080

// fromSecret has the pod take the version's Secret as its environment, as docs/credentials.md says.
func fromSecret(spec corev1.PodSpec) corev1.PodSpec {
	spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
		SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secretName}},
	}}
	return spec
}

// asking has the pod ask for tokens all the time, for the tenant that granted access.
func (s *scene) asking(spec corev1.PodSpec) corev1.PodSpec {
	spec.Containers[0].Env = append(spec.Containers[0].Env, corev1.EnvVar{Name: "ASK_FOR", Value: s.user})
	return spec
}

// start creates a pod and returns when it is ready.
func (s *scene) start(name string, labels map[string]string, spec corev1.PodSpec) *corev1.Pod {
	s.Helper()
	s.create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.host, Name: name, Labels: labels}, Spec: spec})
	return s.ready(name)
}

// ready returns a pod once it is ready.
func (s *scene) ready(name string) *corev1.Pod {
	s.Helper()
	kubectl(s.T, "wait", "-n", s.host, "--for=condition=Ready", "--timeout=120s", "pod/"+name)
	pod := &corev1.Pod{}
	s.get(name, pod)
	return pod
}

// ask asks the application in a pod, and reads its answer.
func (s *scene) ask(pod *corev1.Pod, path string, answer any) {
	s.Helper()
	address := fmt.Sprintf("http://%s:%d%s", pod.Status.PodIP, appPort, path)
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 15 * time.Second}).Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		s.Fatalf("%s answers %s: %s", path, response.Status, body)
	}
}

// environment returns the variables of a pod's container.
func (s *scene) environment(pod *corev1.Pod) map[string]string {
	s.Helper()
	var variables map[string]string
	s.ask(pod, "/environment", &variables)
	return variables
}

// answer is what the token server tells an application.
type answer struct {
	Status int
	Body   struct {
		AccessToken string `json:"access_token"`
		Scope       string `json:"scope"`
		Error       string `json:"error"`
	}
}

// token has the application in a pod ask for a token now.
func (s *scene) token(pod *corev1.Pod) answer {
	s.Helper()
	var got answer
	s.ask(pod, "/token?tenant="+url.QueryEscape(s.user), &got)
	return got
}

// report is how an application's steady requests went, by connections that it keeps and by new ones.
type report struct {
	Granted  int
	Failures []string
}

func (s *scene) report(pod *corev1.Pod) map[string]report {
	s.Helper()
	var reports map[string]report
	s.ask(pod, "/asked", &reports)
	return reports
}

// servedThroughout fails the test where one of the requests since the report before failed, or where none is made any more. A pod
// that has just started may have made none yet.
func (s *scene) servedThroughout(pod *corev1.Pod, before map[string]report) {
	s.Helper()
	eventually(s.T, pod.Name+" goes on asking", func() error {
		for kind, now := range s.report(pod) {
			if len(now.Failures) > 0 {
				s.Fatalf("%s, connections that are %s: %d requests before and %d now; failures: %v",
					pod.Name, kind, before[kind].Granted, now.Granted, now.Failures)
			}
			if now.Granted <= before[kind].Granted {
				return fmt.Errorf("connections that are %s: %d requests before and %d now", kind, before[kind].Granted, now.Granted)
			}
		}
		return nil
	})
}
