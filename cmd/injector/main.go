// Command injector is the optional webhook that writes references to a version's Secret into labelled pods. It reads
// Applications and no Secret.
package main

import (
	"context"
	"fmt"
	"io"

	"countersign.dev/internal/program"
)

// version is set by the linker.
var version = "dev"

func main() { program.Main("injector", run) }

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
	if err := o.complete(); err != nil {
		return err
	}
	return serve(ctx, o, stderr)
}
