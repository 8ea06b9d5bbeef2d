package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ProgramsEnv names the environment variable with the directory that holds operator and tokenserver as they are in this tree.
// make test sets it, so that the packages of one run do not link them once each.
const ProgramsEnv = "COUNTERSIGN_PROGRAMS"

// Programs returns the directory that ProgramsEnv names, or builds both programs from the tree at root into dir and returns
// that.
func Programs(ctx context.Context, root, dir string) (string, error) {
	if given := os.Getenv(ProgramsEnv); given != "" {
		return filepath.Abs(given)
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./cmd/"+programOperator, "./cmd/"+programTokenServer)
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the programs: %w: %s", err, output)
	}
	return dir, nil
}
