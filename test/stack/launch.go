package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Launch is Start for the tests of a package of the repository: Root is the one that the working directory is in, Assets is what
// KUBEBUILDER_ASSETS names or bin/k8s, and Programs what ProgramsEnv names or a build of this tree, which Stop removes.
func Launch(ctx context.Context, config Config) (*Stack, error) {
	root, err := FindRoot(".")
	if err != nil {
		return nil, err
	}
	built, err := os.MkdirTemp("", "countersign-programs-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the programs: %w", err)
	}
	programs, err := Programs(ctx, root, built)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(built))
	}
	config.Root, config.Assets, config.Programs = root, AssetsDir(root, os.Getenv("KUBEBUILDER_ASSETS")), programs
	s, err := Start(ctx, config)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(built))
	}
	s.built = built
	return s, nil
}

// Root is the directory of the repository whose config/ was installed.
func (s *Stack) Root() string { return s.config.Root }
