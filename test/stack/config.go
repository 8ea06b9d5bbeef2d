package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Config says what to start. Root, Assets and Programs are required.
type Config struct {
	// Root is the directory of the repository, whose config/ is installed.
	Root string
	// Assets is the directory that holds etcd, kube-apiserver, kube-controller-manager and kubectl.
	Assets string
	// Programs is the directory that holds operator and tokenserver.
	Programs string
	// Levels installs the sample platform, config/levels: a ResourceServer and the standard AccessLevels.
	Levels bool
	// OperatorFlags are given to the operator beside its own.
	OperatorFlags []string
	// Port is the token server's, on 127.0.0.1, and thereby part of the issuer. 0: a free one.
	Port int
	// Kubeconfig is where the administrator's kubeconfig is written; Stop removes it. Empty: beside the stack's other files.
	Kubeconfig string
	// Logs is a directory for the programs' logs, which stay. Empty: they are beside the other files and go with them.
	Logs string
	// Progress is told what is being done, a line at a time. nil: nobody is.
	Progress func(line string)
}

// FindRoot returns the directory of the repository that the directory is in: the nearest one upwards with a go.mod.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the repository: no go.mod here or above; run this inside the repository")
		}
		dir = parent
	}
}

// AssetsDir returns the directory with the control plane's programs: what KUBEBUILDER_ASSETS says, or bin/k8s of the
// repository where it is empty.
func AssetsDir(root, kubebuilderAssets string) string {
	if kubebuilderAssets != "" {
		return kubebuilderAssets
	}
	return filepath.Join(root, "bin", "k8s")
}

// check says what is missing, and what makes it, before anything is started.
func (c Config) check() error {
	for _, name := range []string{programEtcd, programAPIServer, programControllerManager, programKubectl} {
		if err := isProgram(filepath.Join(c.Assets, name)); err != nil {
			return fmt.Errorf("%s is missing: run 'make controlplane', which builds it as bin/k8s/%[1]s, "+
				"or set KUBEBUILDER_ASSETS to a directory that has it: %w", name, err)
		}
	}
	for _, name := range []string{programOperator, programTokenServer} {
		if err := isProgram(filepath.Join(c.Programs, name)); err != nil {
			return fmt.Errorf("%s is missing: run 'make build': %w", name, err)
		}
	}
	return nil
}

func isProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is no program", path)
	}
	return nil
}

// ports are the loopback ports of the programs.
type ports struct {
	etcd, etcdPeer, apiServer, controllerManager int
	operatorHealth, operatorMetrics              int
	tokenServer, tokenServerMetrics              int
}

// choosePorts returns free ports, all different, and the wanted one for the token server if it is free. Another program
// could take one before ours does; ours says so and ends, then.
func choosePorts(tokenServer int) (ports, error) {
	var p ports
	taken, err := listen(tokenServer)
	if err != nil {
		return p, fmt.Errorf("port %d of 127.0.0.1 is taken: end the program that listens there or choose another port: %w",
			tokenServer, err)
	}
	defer taken.Close()
	p.tokenServer = portOf(taken)
	for _, port := range []*int{
		&p.etcd, &p.etcdPeer, &p.apiServer, &p.controllerManager,
		&p.operatorHealth, &p.operatorMetrics, &p.tokenServerMetrics,
	} {
		free, err := listen(0)
		if err != nil {
			return p, fmt.Errorf("choosing a port: %w", err)
		}
		defer free.Close() // each is held until all are chosen, so that no two are the same
		*port = portOf(free)
	}
	return p, nil
}

// twoPorts returns two free ports.
func twoPorts() (a, b int, err error) {
	first, err := listen(0)
	if err != nil {
		return 0, 0, fmt.Errorf("choosing a port: %w", err)
	}
	defer first.Close()
	second, err := listen(0)
	if err != nil {
		return 0, 0, fmt.Errorf("choosing a port: %w", err)
	}
	defer second.Close()
	return portOf(first), portOf(second), nil
}

func listen(port int) (net.Listener, error) { return net.Listen("tcp", loopback(port)) }

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
