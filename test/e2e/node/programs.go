package node

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
)

const (
	nodeName = "node"
	etcdURL  = "http://127.0.0.1:2379"
	// containerdSocket is where containerd itself and its shims look, too.
	containerdSocket = "/run/containerd/containerd.sock"
	// dirVolumePlugins is made by whoever looks for plugins there; the default is a directory of the machine.
	dirVolumePlugins = "volume-plugins"
)

// The ports are the usual ones: nothing else listens here.

func (n *Node) etcd() program {
	return program{
		path: filepath.Join(n.config.Assets, "etcd"),
		args: []string{
			"--data-dir=" + n.path("etcd"),
			"--listen-client-urls=" + etcdURL,
			"--advertise-client-urls=" + etcdURL,
			"--unsafe-no-fsync", // its data does not outlive it
		},
		ready: answers(etcdURL + "/health"),
	}
}

func (n *Node) containerd() program {
	return program{
		path: filepath.Join(n.config.Containerd, "containerd"),
		args: []string{"--config=" + n.path(fileContainerd)},
		ready: func(ctx context.Context) error {
			if output, err := n.ctr(ctx, "version").CombinedOutput(); err != nil {
				return fmt.Errorf("ctr version: %w: %s", err, output)
			}
			return nil
		},
	}
}

func (n *Node) apiServer() program {
	return program{
		path: filepath.Join(n.config.Assets, "kube-apiserver"),
		args: []string{
			"--etcd-servers=" + etcdURL,
			"--advertise-address=" + n.config.Address,
			"--cert-dir=" + n.config.Dir,
			"--token-auth-file=" + n.path(fileTokens),
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + n.path(fileServiceAccountKey),
			"--service-account-signing-key-file=" + n.path(fileServiceAccountKey),
			"--service-cluster-ip-range=" + n.config.ServiceNetwork,
			"--kubelet-preferred-address-types=InternalIP",
		},
		ready: answers(n.apiServerURL() + "/readyz"),
	}
}

func (n *Node) controllerManager() program {
	return program{
		path: filepath.Join(n.config.Assets, "kube-controller-manager"),
		args: []string{
			"--kubeconfig=" + n.path(userControllerManager+kubeconfig),
			"--use-service-account-credentials",
			"--service-account-private-key-file=" + n.path(fileServiceAccountKey),
			"--root-ca-file=" + n.path(fileAPIServerCertificate),
			"--leader-elect=false",
			"--cert-dir=" + n.config.Dir,
			"--flex-volume-plugin-dir=" + n.path(dirVolumePlugins),
		},
		ready: answers("https://127.0.0.1:10257/healthz"),
	}
}

func (n *Node) scheduler() program {
	return program{
		path: filepath.Join(n.config.Assets, "kube-scheduler"),
		args: []string{
			"--kubeconfig=" + n.path(userScheduler+kubeconfig),
			"--authentication-kubeconfig=" + n.path(userScheduler+kubeconfig),
			"--authorization-kubeconfig=" + n.path(userScheduler+kubeconfig),
			"--leader-elect=false",
			"--cert-dir=" + n.config.Dir,
		},
		ready: answers("https://127.0.0.1:10259/readyz"),
	}
}

func (n *Node) kubelet() program {
	return program{
		path: filepath.Join(n.config.Assets, "kubelet"),
		args: []string{
			"--kubeconfig=" + n.path(userKubelet+kubeconfig),
			"--config=" + n.path(fileKubelet),
			"--root-dir=" + n.path("kubelet"),
			"--cert-dir=" + n.path("kubelet"),
			"--hostname-override=" + nodeName,
			"--node-ip=" + n.config.Address,
		},
		ready: answers("http://127.0.0.1:10248/healthz"),
	}
}

func (n *Node) proxy() program {
	return program{
		path:  filepath.Join(n.config.Assets, "kube-proxy"),
		args:  []string{"--config=" + n.path(fileProxy)},
		ready: answers("http://127.0.0.1:10256/livez"),
	}
}

func (n *Node) apiServerURL() string { return "https://" + net.JoinHostPort(n.config.Address, "6443") }
