// Command tokenserver is the one that answers: it watches the five kinds and issues tokens to applications. It writes
// nothing to the API server and can read no Secret there.
package main

import (
	"context"
	"fmt"
	"io"

	"countersign.dev/internal/program"
)

// version is set by the linker.
var version = "dev"

func main() { program.Main("tokenserver", run) }

// run reads the command line and serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := defaults()
	if ok, err := program.Parse(o.flags(stdout), args); !ok {
		return err
	}
	if o.version {
		_, err := fmt.Fprintln(stdout, version)
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	return serve(ctx, o, stderr)
}
