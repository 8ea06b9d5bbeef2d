// Package node runs a Kubernetes cluster of one node: etcd, the control plane, a scheduler, a kubelet, containerd and kube-proxy.
//
// It is started inside what hack/node/sandbox.sh makes: namespaces in which all of this is the only network there is, and with
// which every process, mount and packet filter rule ends. Hence it has no Stop. It brings programs into images that have nothing
// else in them, and knows nothing of Countersign. The tests of test/e2e call it.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// Config says what to start. All is required.
type Config struct {
	// Dir is an empty directory for everything that the cluster writes.
	Dir string
	// Assets is the directory that holds the programs of Kubernetes and etcd.
	Assets string
	// Containerd is the directory that holds containerd, its shim and ctr.
	Containerd string
	// Address is this machine's, on an interface that pods reach.
	Address string
	// PodNetwork and ServiceNetwork are what pods and Services get their addresses of, as 192.0.2.0/24.
	PodNetwork, ServiceNetwork string
	// Sandbox is the image that the first container of each pod runs: a program that waits.
	Sandbox Image
	// Progress is told what is being done, a line at a time.
	Progress func(line string)
}

// Node is a running cluster.
type Node struct {
	// Kubeconfig is the path of the administrator's kubeconfig.
	Kubeconfig string
	// Admin connects as the administrator.
	Admin *rest.Config

	config Config
	tokens map[string]string // of users
	failed chan error
}

// Start starts everything and returns when the node takes pods. Where it fails there is a Node all the same, for its logs.
func Start(ctx context.Context, config Config) (*Node, error) {
	n := &Node{config: config, failed: make(chan error, 1)}
	if err := os.MkdirAll(n.Logs(), 0o700); err != nil {
		return n, fmt.Errorf("making a directory for logs: %w", err)
	}
	for _, step := range []struct {
		line string
		do   func(context.Context) error
	}{
		{"writing identities and configurations", n.prepare},
		{"starting etcd and containerd", n.startStores},
		{"starting kube-apiserver", n.startAPIServer},
		{"starting kube-controller-manager, kube-scheduler, kube-proxy and the kubelet", n.startOthers},
	} {
		config.Progress(step.line)
		if err := step.do(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (n *Node) prepare(context.Context) error {
	return errors.Join(n.writeIdentities(), n.writeConfigurations())
}

func (n *Node) startStores(ctx context.Context) error {
	if err := n.run(ctx, n.etcd(), n.containerd()); err != nil {
		return err
	}
	return n.Import(ctx, n.config.Sandbox)
}

func (n *Node) startAPIServer(ctx context.Context) error {
	if err := n.run(ctx, n.apiServer()); err != nil {
		return err
	}
	return n.writeKubeconfigs()
}

func (n *Node) startOthers(ctx context.Context) error {
	if err := n.run(ctx, n.controllerManager(), n.scheduler(), n.kubelet(), n.proxy()); err != nil {
		return err
	}
	output, err := n.Kubectl(ctx, "wait", "--for=condition=Ready", "--timeout=120s", "node/"+nodeName).CombinedOutput()
	if err != nil {
		return fmt.Errorf("waiting for the node: %w: %s", err, output)
	}
	return nil
}

// Failed yields one error should a program of the cluster end, with the end of its log.
func (n *Node) Failed() <-chan error { return n.failed }

// Logs is the directory of the programs' logs.
func (n *Node) Logs() string { return n.path("logs") }

// Kubectl returns a command that runs kubectl as the administrator.
func (n *Node) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(n.config.Assets, "kubectl"), args...)
	cmd.Env = []string{"KUBECONFIG=" + n.Kubeconfig, "HOME=" + n.config.Dir}
	return cmd
}

func (n *Node) path(name string) string { return filepath.Join(n.config.Dir, name) }
