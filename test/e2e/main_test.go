//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/e2e/node"
)

const (
	// countersign is the namespace of config/.
	countersign = "countersign-system"
	// imageUser is the user and group of our images.
	imageUser = "65532:65532"
	// registry is the name of one that is not there: the images are on the node.
	registry = "registry.example.com/"
	appImage = registry + "app:1"
)

var (
	cluster  *node.Node
	platform client.Client
	root     = filepath.Join("..", "..")
	// tokenServer is how clients reach it: at the address of its Service, by the name of the issuer.
	tokenServer *front
)

func TestMain(m *testing.M) {
	code := 1
	if err := start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	} else {
		go endWith(cluster.Failed())
		code = m.Run()
	}
	if code != 0 && cluster != nil {
		diagnose()
	}
	os.Exit(code)
}

// endWith ends everything where a program of the cluster does: nothing can be told from what would come then.
func endWith(failed <-chan error) {
	fmt.Fprintln(os.Stderr, "e2e:", <-failed)
	diagnose()
	os.Exit(1)
}

var begin = time.Now()

// progress tells what is being done: all of it takes minutes.
func progress(line string) {
	fmt.Fprintf(os.Stderr, "e2e: %4.0f s: %s\n", time.Since(begin).Seconds(), line)
}

// start starts a cluster and installs Countersign there.
func start(ctx context.Context) error {
	config, err := nodeConfig()
	if err != nil {
		return err
	}
	if cluster, err = node.Start(ctx, config); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if platform, err = client.New(cluster.Admin, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	progress("bringing the images to the node")
	if err := importImages(ctx); err != nil {
		return err
	}
	progress("installing Countersign, with TLS up to the pod, the injector and the right to roll workloads")
	tokenServer, err = install(ctx)
	return err
}

// nodeConfig is what hack/e2e.sh and hack/node/sandbox.sh have made.
func nodeConfig() (node.Config, error) {
	directory := os.Getenv("NODE_DIR")
	if directory == "" {
		return node.Config{}, errors.New("NODE_DIR is not set: run `make e2e`, which runs this in namespaces of its own")
	}
	binaries, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		return node.Config{}, err
	}
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		assets = filepath.Join(binaries, "k8s")
	}
	return node.Config{
		Dir: directory, Assets: assets, Containerd: filepath.Join(binaries, "node"), Address: os.Getenv("NODE_ADDRESS"),
		PodNetwork: os.Getenv("POD_NETWORK"), ServiceNetwork: os.Getenv("SERVICE_NETWORK"), Progress: progress,
		Sandbox: node.Image{Name: registry + "pause:1", Program: appProgram(), Args: []string{"pause"}, User: imageUser},
	}, nil
}

func appProgram() string { return filepath.Join(root, "bin", "e2e", "app") }

func importImages(ctx context.Context) error {
	images := []node.Image{{Name: appImage, Program: appProgram(), User: imageUser}}
	for _, program := range []string{"operator", "tokenserver", "injector"} {
		images = append(images, node.Image{
			Name: registry + "countersign/" + program + ":1", Program: filepath.Join(root, "bin", program), User: imageUser,
		})
	}
	return cluster.Import(ctx, images...)
}

// run runs kubectl and returns what it prints.
func run(ctx context.Context, args ...string) (string, error) {
	output, err := cluster.Kubectl(ctx, args...).CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("kubectl %v: %w: %s", args, err, output)
	}
	return string(output), nil
}

// kubectl is run for a test, which ends where it fails.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// eventually fails the test where something has not become so after much more than the time that it takes.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	limit := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("not within %s: %s: %v", patience, what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// patience is for pods on a machine that has other things to do.
const patience = 2 * time.Minute
