package stack

import (
	"fmt"
	"path/filepath"
)

// Names of the programs, of their files and of their logs.
const (
	programEtcd              = "etcd"
	programAPIServer         = "kube-apiserver"
	programControllerManager = "kube-controller-manager"
	programKubectl           = "kubectl"
	programOperator          = "operator"
	programTokenServer       = "tokenserver"
)

func (s *Stack) etcd() program {
	url, peer := "http://"+loopback(s.ports.etcd), "http://"+loopback(s.ports.etcdPeer)
	return program{
		name: programEtcd,
		path: filepath.Join(s.config.Assets, programEtcd),
		args: []string{
			"--data-dir=" + filepath.Join(s.dir, "etcd"),
			"--listen-client-urls=" + url,
			"--advertise-client-urls=" + url,
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=default=" + peer,
			"--unsafe-no-fsync", // its data does not outlive it
		},
		ready: answersHTTP(url + "/health"),
	}
}

func (s *Stack) apiServer() program {
	return program{
		name: programAPIServer,
		path: filepath.Join(s.config.Assets, programAPIServer),
		args: []string{
			"--etcd-servers=http://" + loopback(s.ports.etcd),
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", s.ports.apiServer),
			"--cert-dir=" + s.dir,
			"--token-auth-file=" + s.path(fileTokens),
			"--authorization-mode=RBAC",
			"--service-account-issuer=" + s.apiServerURL(),
			"--service-account-key-file=" + s.path(fileServiceAccountKey),
			"--service-account-signing-key-file=" + s.path(fileServiceAccountKey),
			"--service-cluster-ip-range=10.0.0.0/24",
		},
		ready: answersHTTPS(s.apiServerURL()+"/readyz", s.path(fileAPIServerCertificate)),
	}
}

// controllerManager runs what the API server needs to keep its promises; there are no nodes, so nothing that runs pods.
func (s *Stack) controllerManager() program {
	return program{
		name: programControllerManager,
		path: filepath.Join(s.config.Assets, programControllerManager),
		args: []string{
			"--kubeconfig=" + s.path(fileControllerManagerKubeconfig),
			"--controllers=clusterrole-aggregation-controller,garbage-collector-controller,namespace-controller,serviceaccount-controller",
			"--use-service-account-credentials",
			"--leader-elect=false",
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", s.ports.controllerManager),
			"--cert-dir=" + s.dir,
		},
		ready: answersHTTPS(fmt.Sprintf("https://%s/healthz", loopback(s.ports.controllerManager)),
			s.path(fileControllerManagerCertificate)),
	}
}

func (s *Stack) operator() program {
	return s.operatorOn(s.ports.operatorHealth, s.ports.operatorMetrics)
}

func (s *Stack) operatorOn(health, metrics int) program {
	return program{
		name: programOperator,
		path: filepath.Join(s.config.Programs, programOperator),
		args: append([]string{
			"--kubeconfig=" + s.path(fileOperatorKubeconfig),
			"--namespace=" + Namespace,
			"--issuer=" + s.Issuer,
			"--leader-elect=false", // there is one, and a restart need not wait for a lease
			"--metrics-bind-address=" + loopback(metrics),
			"--health-probe-bind-address=" + loopback(health),
		}, s.config.OperatorFlags...),
		ready: answersHTTP("http://" + loopback(health) + "/readyz"),
	}
}

func (s *Stack) tokenServer() program {
	return program{
		name: programTokenServer,
		path: filepath.Join(s.config.Programs, programTokenServer),
		args: []string{
			"--kubeconfig=" + s.path(fileTokenServerKubeconfig),
			"--issuer=" + s.Issuer,
			"--signing-keys=" + s.path(dirSigningKeys),
			"--listen-address=" + loopback(s.ports.tokenServer),
			"--metrics-address=" + loopback(s.ports.tokenServerMetrics),
			"--client-rate=0", // the demo and the tests ask as fast as they can, to see when it ends
			"--failed-auth-rate=0",
		},
		ready: answersHTTP("http://" + loopback(s.ports.tokenServerMetrics) + "/readyz"),
	}
}

func (s *Stack) apiServerURL() string { return "https://" + loopback(s.ports.apiServer) }
