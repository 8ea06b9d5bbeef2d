// Command injector is the optional webhook that writes references to a version's Secret into labelled pods. It reads
// Applications and no Secret.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "injector:", err)
		os.Exit(1)
	}
}

// run reads the command line and serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := defaults()
	flags := o.flags(stdout)
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w; --help lists the flags", err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; --help lists the flags", flags.Arg(0))
	}
	if o.version {
		_, err := fmt.Fprintln(stdout, version)
		return err
	}
	if err := o.complete(); err != nil {
		return err
	}
	return serve(ctx, o, stderr)
}
