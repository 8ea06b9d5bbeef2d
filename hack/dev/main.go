// Command dev runs all of Countersign on this machine and leaves it running for a person: `make dev`. It owns what is
// printed and how it ends; what is run is package stack's.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"countersign.dev/test/stack"
)

const defaultPort = 8080

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// run starts the stack and ends it when the context is done, or when one of its programs dies.
func run(ctx context.Context, out io.Writer) error {
	config, err := configure(out)
	if err != nil {
		return err
	}
	lock, err := only(filepath.Dir(config.Kubeconfig))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // the process ends here, and its locks with it
	running, err := stack.Start(ctx, config)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(out, "stopped before all was up; nothing is left running")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "logs are in %s; Ctrl-C ends all of it\n", config.Logs)
	fmt.Fprintf(out, "ready: token server %s, kubeconfig %s (export KUBECONFIG=%[2]s; kubectl is bin/k8s/kubectl)\n",
		running.Issuer, config.Kubeconfig)
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "stopping")
		return running.Stop()
	case err := <-running.Failed():
		return errors.Join(err, running.Stop())
	}
}

// only makes this the one dev of the clone: two would take each other's kubeconfig and logs. The lock ends with the process,
// however that ends.
func only(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another 'make dev' of this clone is running: end it, or start this one in another clone"),
			lock.Close())
	}
	return lock, nil
}

func configure(out io.Writer) (stack.Config, error) {
	root, err := stack.FindRoot(".")
	if err != nil {
		return stack.Config{}, err
	}
	port := defaultPort
	if text := os.Getenv("DEV_PORT"); text != "" {
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return stack.Config{}, fmt.Errorf("DEV_PORT is %q: it is a number from 1 to 65535", text)
		}
	}
	dir := filepath.Join(root, ".dev")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return stack.Config{}, fmt.Errorf("making .dev: %w", err)
	}
	return stack.Config{
		Root:       root,
		Assets:     stack.AssetsDir(root, os.Getenv("KUBEBUILDER_ASSETS")),
		Programs:   filepath.Join(root, "bin"),
		Levels:     true,
		Port:       port,
		Kubeconfig: filepath.Join(dir, "kubeconfig"),
		Logs:       filepath.Join(dir, "logs"),
		Progress:   func(line string) { fmt.Fprintln(out, line) },
	}, nil
}
