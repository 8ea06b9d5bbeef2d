package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stopTimeout is what a program gets to end by itself after SIGTERM, on a busy machine.
	stopTimeout = 20 * time.Second
	// readyTimeout is what a program gets to become ready, on a busy machine.
	readyTimeout = 90 * time.Second
	// pollInterval is how often a program is asked whether it is ready.
	pollInterval = 25 * time.Millisecond
	// tailLines is how much of its log tells why a program failed.
	tailLines = 15
)

// program is what to run and how to see that it is ready.
type program struct {
	name string
	path string
	args []string
	// ready returns nil once the program does its work.
	ready func(ctx context.Context) error
}

// process is a running program. It leads a process group of its own: Ctrl-C in a terminal signals the group of the caller
// alone, and the caller ends the programs in their order.
type process struct {
	program
	log    string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended; set before exited is closed
	// stopping says that its end is wanted.
	stopping atomic.Bool
}

// start runs the program with its output in a log of the directory. It inherits no environment, so that no setting of the
// caller's shell changes what the programs do.
func (p program) start(logs string) (*process, error) {
	log := filepath.Join(logs, p.name+".log")
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", p.name, err)
	}
	defer output.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	started := &process{program: p, log: log, cmd: cmd, exited: make(chan struct{})}
	go func() {
		started.err = cmd.Wait()
		close(started.exited)
	}()
	return started, nil
}

// rank orders programs by who uses whom: what others use comes first.
func (p *process) rank() int {
	switch p.name {
	case programEtcd:
		return 0
	case programAPIServer:
		return 1
	default:
		return 2
	}
}

// waitReady returns once the program is ready, or why it did not become so, with the end of its log.
func (p *process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return p.died()
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("waiting for %s: %w", p.name, ctx.Err())
			}
			return fmt.Errorf("%s is not ready after %s: %w%s", p.name, readyTimeout, err, p.tail())
		case <-ticker.C:
		}
	}
}

// died says that the program ended by itself.
func (p *process) died() error {
	how := "with exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended unexpectedly: %s%s", p.name, how, p.tail())
}

// tail returns the end of the log, set off from the message before it.
func (p *process) tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return "\n  (no log: " + err.Error() + ")"
	}
	lines := strings.Split(string(bytes.TrimSpace(data)), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return "\n  the end of " + p.log + ":\n  | " + strings.Join(lines, "\n  | ")
}

// stop ends the program, by SIGKILL if it does not end by itself, and returns when it has ended. A program that had to be
// killed is an error: it would hang in a cluster, too.
func (p *process) stop() error {
	p.stopping.Store(true)
	_ = p.signal(syscall.SIGTERM) // a process that is gone already is what we want
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timeout.C:
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.exited
	return fmt.Errorf("%s did not end within %s and was killed%s", p.name, stopTimeout, p.tail())
}

// kill ends the program by SIGKILL and returns when it has ended. One that had ended by itself is an error.
func (p *process) kill() error {
	p.stopping.Store(true)
	if err := p.signal(syscall.SIGKILL); err != nil {
		return p.died()
	}
	<-p.exited
	return nil
}

// signal reaches the whole group of the program, unless it has ended: its number may be another's by then.
func (p *process) signal(signal syscall.Signal) error {
	select {
	case <-p.exited:
		return os.ErrProcessDone
	default:
		return syscall.Kill(-p.cmd.Process.Pid, signal)
	}
}
