package stack

import (
	"context"
	"fmt"
	"slices"
)

// OperatorConfig says in what an operator differs from the stack's own.
type OperatorConfig struct {
	// Name is that of its log.
	Name string
	// Program is the path of another build. Empty: the stack's.
	Program string
	// Kubeconfig is another way to the API server than OperatorKubeconfig. Empty: that one.
	Kubeconfig string
	// LeaderElect makes it work only while it holds the lease, as in config/operator.
	LeaderElect bool
}

// Operator is an operator that runs beside the stack's own or in its place. Stop of the stack ends it, too.
type Operator struct {
	// Metrics is the base URL of its metrics.
	Metrics string

	stack   *Stack
	process *process
}

// StartOperator starts an operator with the rights of the stack's own, and returns when it is ready: when it sees the cluster,
// whether it works or waits for the lease.
func (s *Stack) StartOperator(ctx context.Context, config OperatorConfig) (*Operator, error) {
	health, metrics, err := twoPorts()
	if err != nil {
		return nil, err
	}
	p := s.operatorOn(health, metrics)
	p.name = config.Name
	if config.Program != "" {
		p.path = config.Program
	}
	if config.Kubeconfig != "" {
		p.args = append(p.args, "--kubeconfig="+config.Kubeconfig)
	}
	p.args = append(p.args, fmt.Sprintf("--leader-elect=%t", config.LeaderElect)) // of a flag that is given twice the last one counts
	started, err := s.launch(ctx, p)
	if err != nil {
		return nil, err
	}
	return &Operator{Metrics: "http://" + loopback(metrics), stack: s, process: started}, started.waitReady(ctx)
}

// Stop ends the operator as a kubelet does, by SIGTERM, and returns when it has ended.
func (o *Operator) Stop() error {
	o.stack.forget(o.process)
	return o.process.stop()
}

// Kill ends the operator by SIGKILL and returns when it has ended: it had no time to put anything in order.
func (o *Operator) Kill() error {
	o.stack.forget(o.process)
	return o.process.kill()
}

// forget takes a process off the list of those that Stop ends.
func (s *Stack) forget(ended *process) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.processes = slices.DeleteFunc(s.processes, func(p *process) bool { return p == ended })
}

// OperatorKubeconfig is the path of the kubeconfig that the operator runs with.
func (s *Stack) OperatorKubeconfig() string { return s.path(fileOperatorKubeconfig) }

// StopOperator ends the stack's own operator.
func (s *Stack) StopOperator() error { return s.stopProgram(programOperator) }

// ResumeOperator starts the stack's own operator again, and returns when it is ready.
func (s *Stack) ResumeOperator(ctx context.Context) error { return s.run(ctx, s.operator()) }
