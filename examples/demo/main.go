// Command demo shows on this machine what Countersign is for: `make demo`. It starts a control plane, the operator and the
// token server, plays the scenario of config/samples step by step with an example application and an example API, checks
// each step, and leaves nothing running.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"countersign.dev/test/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "demo plays the whole scenario on a local control plane and checks each step.\n"+
			"Run it by 'make demo', which builds what it needs. It ends with 0 if every step came out as it should.\n")
	}
	flag.Parse()
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	root, err := stack.FindRoot(".")
	if err != nil {
		return err
	}
	start := time.Now()
	running, err := stack.Start(ctx, stack.Config{
		Root:     root,
		Assets:   stack.AssetsDir(root, os.Getenv("KUBEBUILDER_ASSETS")),
		Programs: filepath.Join(root, "bin"),
		Levels:   true,
		Progress: func(line string) { fmt.Fprintln(out, "   "+line) },
	})
	if err != nil {
		return err
	}
	d := &demo{stack: running, root: root, out: out}
	defer func() {
		err = errors.Join(err, d.end(), running.Stop())
		if err == nil {
			fmt.Fprintf(out, "\nEvery step came out as it should. %.0f s; nothing is left running.\n", time.Since(start).Seconds())
		}
	}()
	return d.play(ctx)
}
