package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"k8s.io/client-go/rest"
)

const (
	// Namespace is Countersign's own.
	Namespace = "countersign-system"
	// SigningKeysSecret is the Secret in Namespace that the operator keeps the signing keys in.
	SigningKeysSecret = "countersign-signing-keys"
)

// Stack is a running Countersign. Start makes one and Stop ends it.
type Stack struct {
	// Issuer is the token server's address and the iss claim of its tokens, as http://127.0.0.1:8080.
	Issuer string
	// Kubeconfig is the path of the administrator's kubeconfig.
	Kubeconfig string
	// Admin connects as the administrator.
	Admin *rest.Config

	config Config
	dir    string // everything that Stop removes
	built  string // programs that were built for this stack alone, or ""; Stop removes them, too
	logs   string
	ports  ports

	adminToken, controllerManagerToken string

	mutex     sync.Mutex
	processes []*process
	// endProjection ends the projection of the signing keys.
	endProjection func()
	// failed gets the first failure that nobody asked for.
	failed chan error
}

// Start starts everything and returns when tokens can be had. The context bounds the start alone: a stack runs until Stop.
// Where the start fails or the context ends, all that was started is ended before Start returns.
func Start(ctx context.Context, config Config) (*Stack, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	s := &Stack{config: config, failed: make(chan error, 1), endProjection: func() {}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	for _, step := range []struct {
		line string
		do   func(context.Context) error
	}{
		{"starting etcd", s.startEtcd},
		{"starting kube-apiserver", s.startAPIServer},
		{"installing kinds and roles", s.install},
		{"starting kube-controller-manager", s.startControllerManager},
		{"starting the operator", s.startOperator},
		{"starting the token server on " + s.Issuer, s.startTokenServer},
	} {
		if s.config.Progress != nil {
			s.config.Progress(step.line)
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare chooses ports and makes directories and identities: all that needs no program.
func (s *Stack) prepare() error {
	var err error
	if s.ports, err = choosePorts(s.config.Port); err != nil {
		return err
	}
	s.Issuer = "http://" + loopback(s.ports.tokenServer)
	if s.dir, err = os.MkdirTemp("", "countersign-"); err != nil {
		return fmt.Errorf("making a directory for the stack: %w", err)
	}
	s.Kubeconfig, s.logs = s.config.Kubeconfig, s.config.Logs
	if s.Kubeconfig == "" {
		s.Kubeconfig = s.path(fileAdminKubeconfig)
	}
	if s.logs == "" {
		s.logs = s.path("logs")
	}
	for _, dir := range []string{s.logs, s.path(dirSigningKeys)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making a directory for the stack: %w", err)
		}
	}
	return s.prepareIdentities()
}

func (s *Stack) startEtcd(ctx context.Context) error { return s.run(ctx, s.etcd()) }

func (s *Stack) startAPIServer(ctx context.Context) error {
	if err := s.run(ctx, s.apiServer()); err != nil {
		return err
	}
	return s.writeKubeconfigs()
}

func (s *Stack) startControllerManager(ctx context.Context) error {
	return s.run(ctx, s.controllerManager())
}

func (s *Stack) startOperator(ctx context.Context) error {
	if err := s.writeServiceAccountKubeconfig(ctx, programOperator, s.path(fileOperatorKubeconfig)); err != nil {
		return err
	}
	return s.run(ctx, s.operator())
}

func (s *Stack) startTokenServer(ctx context.Context) error {
	if err := s.writeServiceAccountKubeconfig(ctx, programTokenServer, s.path(fileTokenServerKubeconfig)); err != nil {
		return err
	}
	var err error
	s.endProjection, err = projectSecret(s.Admin, Namespace, SigningKeysSecret, s.path(dirSigningKeys), s.fail)
	if err != nil {
		return err
	}
	return s.run(ctx, s.tokenServer())
}

// run starts a program, watches over it and waits until it is ready.
func (s *Stack) run(ctx context.Context, p program) error {
	started, err := s.launch(ctx, p)
	if err != nil {
		return err
	}
	return started.waitReady(ctx)
}

// launch starts a program and watches over it.
func (s *Stack) launch(ctx context.Context, p program) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	started, err := p.start(s.logs)
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	s.processes = append(s.processes, started)
	s.mutex.Unlock()
	go func() {
		<-started.exited
		if !started.stopping.Load() {
			s.fail(started.died())
		}
	}()
	return started, nil
}

// fail reports a failure that nobody asked for; the first one counts.
func (s *Stack) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Failed yields one error should a program end that nobody ended, with the end of its log.
func (s *Stack) Failed() <-chan error { return s.failed }

// CrashAPIServer ends kube-apiserver by SIGKILL, starts it again and returns when it is ready: every watch is broken. (Told to
// stop, it would wait a minute for its watches to end.)
func (s *Stack) CrashAPIServer(ctx context.Context) error {
	crashing, err := s.take(programAPIServer)
	if err != nil {
		return err
	}
	if err := crashing.kill(); err != nil {
		return err
	}
	return s.run(ctx, s.apiServer())
}

func (s *Stack) stopProgram(name string) error {
	running, err := s.take(name)
	if err != nil {
		return err
	}
	return running.stop()
}

// take takes the process of that name off the list of those that Stop ends.
func (s *Stack) take(name string) (*process, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	index := slices.IndexFunc(s.processes, func(p *process) bool { return p.name == name })
	if index < 0 {
		return nil, fmt.Errorf("ending %s: it does not run", name)
	}
	taken := s.processes[index]
	s.processes = slices.Delete(s.processes, index, index+1)
	return taken, nil
}

// Kubectl returns a command that runs kubectl as the administrator.
func (s *Stack) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.config.Assets, programKubectl), args...)
	cmd.Env = []string{"KUBECONFIG=" + s.Kubeconfig, "HOME=" + s.dir} // its cache of what the API server serves goes with us
	return cmd
}

// TokenServerKubeconfig is the path of the kubeconfig that the token server runs with.
func (s *Stack) TokenServerKubeconfig() string { return s.path(fileTokenServerKubeconfig) }

// TokenServerLog is the path of the token server's log.
func (s *Stack) TokenServerLog() string { return filepath.Join(s.logs, programTokenServer+".log") }

// OperatorMetrics is the base URL of the operator's metrics.
func (s *Stack) OperatorMetrics() string { return "http://" + loopback(s.ports.operatorMetrics) }

// OperatorPID is the number of the operator's process, or 0 when it does not run.
func (s *Stack) OperatorPID() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, running := range s.processes {
		if running.name == programOperator {
			return running.cmd.Process.Pid
		}
	}
	return 0
}

// PIDs are the numbers of the running processes.
func (s *Stack) PIDs() []int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var pids []int
	for _, running := range s.processes {
		pids = append(pids, running.cmd.Process.Pid)
	}
	return pids
}

// Stop ends every program, those first that use the others, and removes the stack's files. It returns when no process is
// left, also after a start that came to nothing. A second Stop does nothing.
func (s *Stack) Stop() error {
	s.endProjection()
	s.mutex.Lock()
	running := s.processes
	s.processes = nil
	s.mutex.Unlock()
	var errs []error
	for _, process := range running {
		process.stopping.Store(true) // the end of one may be the end of another
	}
	slices.SortStableFunc(running, func(a, b *process) int { return a.rank() - b.rank() })
	for _, process := range slices.Backward(running) {
		errs = append(errs, process.stop())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	if s.built != "" {
		errs = append(errs, os.RemoveAll(s.built))
	}
	if s.config.Kubeconfig != "" && s.Admin != nil {
		errs = append(errs, os.RemoveAll(s.config.Kubeconfig))
	}
	return errors.Join(errs...)
}

func (s *Stack) path(name string) string { return filepath.Join(s.dir, name) }
