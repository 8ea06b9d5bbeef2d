// Command kpi is an example of an application: with no user at the screen it computes a figure for every tenant that granted
// it access. It reads who it is from environment variables alone, as a pod gets them from the Secret of its version by
// envFrom, and uses a public OAuth library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	tenant := flag.String("tenant", "", "work for this tenant alone, instead of for all that granted access")
	write := flag.Bool("write", false, "write a time series instead of computing the figure")
	flag.Parse()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	err := run(ctx, *tenant, *write, os.Stdout)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kpi:", err)
		os.Exit(1)
	}
}

// run works for one tenant, or for each that the application may act for. One that fails does not keep it from the others.
func run(ctx context.Context, only string, write bool, out io.Writer) error {
	app, err := fromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	tenants := []string{only}
	if only == "" {
		if tenants, err = app.tenants(ctx); err != nil {
			return err
		}
	}
	var failed []error
	for _, tenant := range tenants {
		line, err := app.work(ctx, tenant, write)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", tenant, err))
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", tenant, line)
	}
	return errors.Join(failed...)
}
