package program

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

// Main runs a program until it ends by itself, or is told to end by an interrupt or SIGTERM; a second one ends it at once. An
// error goes to stderr with the program's name, and makes the exit status 1.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Parse reads a command line that has flags and nothing else, and reports whether there is anything to run: not after --help,
// which the flags answer by themselves.
func Parse(flags *pflag.FlagSet, args []string) (bool, error) {
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("%w; --help lists the flags", err)
	}
	if flags.NArg() > 0 {
		return false, fmt.Errorf("unexpected argument %q; --help lists the flags", flags.Arg(0))
	}
	return true, nil
}
