// Command kubectl-countersign is kubectl countersign: who may act for which tenant, why not, and what to do about it.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"countersign.dev/plugin"
)

// version is set by the linker.
var version = "dev"

// completion is the name by which kubectl runs a plugin for shell completion: a link to this program.
const completion = "kubectl_complete-countersign"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)  // a second signal ends the program at once
	log.SetLogger(logr.Discard()) // what its library would log is for programs that run on; this one prints its errors
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == completion {
		args = append([]string{"__complete"}, args...)
	}
	status := plugin.Run(ctx, plugin.Options{
		IOStreams:   genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Version:     version,
		TokenServer: os.Getenv("COUNTERSIGN_SERVER"),
		Clock:       clock.RealClock{},
		Rand:        rand.Reader,
	}, args)
	stop()
	os.Exit(status)
}
