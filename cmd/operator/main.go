// Command operator is the one that writes: it issues, repairs and removes the credentials of applications, reports
// conditions, and makes and rotates the signing keys. It serves nothing to clients.
package main

import (
	"context"
	"fmt"
	"io"

	"countersign.dev/internal/program"
)

// version is set by the linker.
var version = "dev"

func main() { program.Main("operator", run) }

// run reads the command line and operates until the context is done.
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
	return operate(ctx, o, stderr)
}
