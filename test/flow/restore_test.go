package flow

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// readRunbook reads the blocks of the language sh that stand under a heading, each as it is run.
func readRunbook(t *testing.T, path, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n"+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for i, part := range strings.Split(section, "```") {
		if block, isShell := strings.CutPrefix(part, "sh\n"); isShell && i%2 == 1 {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// do runs commands in the shell of who follows the document, and returns what they print. That one fails is for what comes
// after it to show, as it is for a person who reads on.
func (s scene) do(commands string) string {
	s.Helper()
	shell := exec.CommandContext(s.ctx, "bash", "-c", "export KUBECONFIG=$PWD/.dev/kubeconfig PATH=$PWD/bin/k8s:$PATH\n"+commands)
	shell.Dir, shell.Env = s.directory, []string{"HOME=" + s.directory, "PATH=" + os.Getenv("PATH")}
	output, err := shell.CombinedOutput()
	s.Logf("%s\n%s(%v)", commands, output, err)
	return string(output)
}

const (
	// Namespaces stay, as they are there before in a restore.
	removeAll = `
kubectl delete applications,tenantgrants --all --all-namespaces
kubectl delete tenants,resourceservers --all
kubectl delete deployment kpi-dashboard --namespace operator-co --ignore-not-found`

	// A tool has the Secrets in its backup, too. Of one it drops the owner reference.
	backUpSecrets = `
kubectl get secret kpi-dashboard.1.0.0 --namespace operator-co -o yaml > owned.yaml
kubectl get secret kpi-dashboard.1.1.0 --namespace operator-co -o yaml | sed '/ownerReferences:/,/uid:/d' > bare.yaml`
	restoreSecrets = `
kubectl create -f owned.yaml -f bare.yaml`
	createWorkload = `
kubectl create deployment kpi-dashboard --image=kpi --namespace operator-co`
)

// It is not parallel: it takes away all there is, and restores it under other UIDs.
func TestABackupThatIsRestoredObjectByObjectAsTheDocumentSays(t *testing.T) {
	blocks := readRunbook(t, repository("docs", "credentials.md"), "### Object by object")
	if len(blocks) != 4 {
		t.Fatalf("the runbook has %d blocks: does the test still read it?", len(blocks))
	}
	backUp, restore, restart, consent := blocks[0], blocks[1], blocks[2], blocks[3]
	s := newScene(t)
	s.host, s.user = "operator-co", "acme"
	s.app = &v1alpha1.Application{}
	s.app.Namespace, s.app.Name = "operator-co", "kpi-dashboard"
	t.Cleanup(func() {
		after := scene{&tenancy{T: t, ctx: context.WithoutCancel(s.ctx)}, s.directory}
		after.do(removeAll)
		after.do("kubectl delete secrets --namespace operator-co --all; kubectl apply --server-side --force-conflicts -k config/levels")
	})
	s.do(readBeginning(t, repository("docs", "api.md")) + createWorkload)
	old, oldOwn := s.ofDashboard("1.0.0", s.user), s.ofDashboard("1.1.0", s.host)
	s.eventually("the application has tokens", func() bool {
		return s.status(old) == http.StatusOK && s.status(oldOwn) == http.StatusOK
	})

	s.do(backUp + backUpSecrets)
	s.do(removeAll)
	s.eventually("all is lost", func() bool { return s.status(old) == http.StatusUnauthorized && !s.has("kpi-dashboard.1.1.0") })
	s.do(createWorkload + restoreSecrets)
	s.eventually("what belongs to an application that is no more is removed", func() bool { return !s.has("kpi-dashboard.1.0.0") })
	var said string
	var waiting sync.WaitGroup
	waiting.Go(func() { said = s.do(restore) })
	t.Cleanup(waiting.Wait)
	s.eventually("the conflict is told", func() bool { return s.ready("1.1.0") == string(v1alpha1.ReasonSecretNameConflict) })
	s.do("kubectl delete secret kpi-dashboard.1.1.0 --namespace operator-co")
	if waiting.Wait(); !strings.Contains(said, "kpi-dashboard condition met") {
		t.Fatal("the restored application is not Ready")
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		own := s.ofDashboard(version, s.host)
		s.eventually("version "+version+" has tokens for its host", func() bool { return s.status(own) == http.StatusOK })
	}
	for sentence, r := range map[string]request{
		"the old secret with the old client id": old, "that of the other version": oldOwn,
		"the old secret with the new client id":          s.withSecretOf("1.0.0", s.host, old),
		"the same of the version whose Secret came bare": s.withSecretOf("1.1.0", s.host, oldOwn),
	} {
		if got := s.status(r); got != http.StatusUnauthorized {
			t.Errorf("%s: %d", sentence, got)
		}
	}
	if got := s.ask(s.ofDashboard("1.0.0", s.user)).text("reason"); got != string(v1alpha1.ReasonNotGranted) {
		t.Errorf("before consent is given again: %q", got)
	}
	if said := s.do(restart); !strings.Contains(said, "restarted") {
		t.Error("the workload is not restarted")
	}
	if said := s.do(consent); !strings.Contains(said, string(v1alpha1.ReasonApplicationReplaced)) {
		t.Error("the grant does not say that it is for an application that is no more")
	}
	s.eventually("the consent counts", func() bool { return s.status(s.ofDashboard("1.0.0", s.user)) == http.StatusOK })
	if got := s.status(old); got != http.StatusUnauthorized {
		t.Errorf("the old secret after all that: %d", got)
	}
}

// ready is the reason of the version's condition Ready, or "".
func (s scene) ready(version string) string {
	s.Helper()
	app := &v1alpha1.Application{}
	if err := platform.Get(s.ctx, client.ObjectKeyFromObject(s.app), app); client.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	for _, entry := range app.Status.Versions {
		if ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady)); string(entry.Version) == version && ready != nil {
			return ready.Reason
		}
	}
	return ""
}

func (s scene) has(secret string) bool {
	s.Helper()
	err := platform.Get(s.ctx, client.ObjectKey{Namespace: s.host, Name: secret}, &corev1.Secret{})
	if client.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	return err == nil
}

// ofDashboard asks for a token as a pod of the version does that starts now.
func (s scene) ofDashboard(version, tenant string) request {
	s.Helper()
	secret := &corev1.Secret{}
	if err := platform.Get(s.ctx, client.ObjectKey{Namespace: s.host, Name: "kpi-dashboard." + version}, secret); err != nil {
		s.Fatal(err)
	}
	return s.asking(string(secret.Data["CLIENT_ID"]), string(secret.Data["CLIENT_SECRET"]), tenant)
}

// withSecretOf asks with the client id that the version has now, and the secret of an earlier request.
func (s scene) withSecretOf(version, tenant string, earlier request) request {
	s.Helper()
	values, err := url.ParseQuery(earlier.body)
	if err != nil {
		s.Fatal(err)
	}
	now, err := url.ParseQuery(s.ofDashboard(version, tenant).body)
	if err != nil {
		s.Fatal(err)
	}
	return s.asking(now.Get("client_id"), values.Get("client_secret"), tenant)
}

func (s scene) asking(id, secret, tenant string) request {
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "tenant": {tenant}}
	return request{
		method: http.MethodPost, path: "/oauth2/token", body: values.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	}
}
