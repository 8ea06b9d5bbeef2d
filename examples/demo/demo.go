package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/test/stack"
)

// demo is the scenario in the middle of being played.
type demo struct {
	stack *stack.Stack
	root  string
	out   io.Writer
	api   client.Client
	// apiURL is where the example API listens, and iotapi its process.
	apiURL string
	iotapi *exec.Cmd
	// old is the environment of version 1.0.0's pods, which outlives its Secret.
	old []string
}

// step is one thing that happens and what has to come of it.
type step struct {
	sentence string
	// do returns what was seen, or an error where that is not what should have been.
	do func(context.Context) (seen string, err error)
}

// play plays the steps in their order, until one does not come out as it should.
func (d *demo) play(ctx context.Context) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	var err error
	if d.api, err = client.New(d.stack.Admin, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	for i, step := range d.scenario() {
		fmt.Fprintf(d.out, "\n%2d. %s\n", i+1, step.sentence)
		seen, err := step.do(ctx)
		if err != nil {
			fmt.Fprintf(d.out, "    ✗ %s\n", indented(err.Error()))
			return fmt.Errorf("step %d did not come out as it should: %w", i+1, err)
		}
		fmt.Fprintf(d.out, "    ✓ %s\n", indented(seen))
	}
	return nil
}

// indented keeps several lines below each other.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
}

// kubectl runs kubectl as the administrator, with input.
func (d *demo) kubectl(ctx context.Context, input string, args ...string) error {
	cmd := d.stack.Kubectl(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return nil
}

// sample reads a file of config/samples, with replacements.
func (d *demo) sample(name string, replace ...string) (string, error) {
	data, err := os.ReadFile(filepath.Join(d.root, "config", "samples", name))
	if err != nil {
		return "", fmt.Errorf("reading a sample: %w", err)
	}
	return strings.NewReplacer(replace...).Replace(string(data)), nil
}

// apply applies a file of config/samples.
func (d *demo) apply(ctx context.Context, name string, replace ...string) error {
	manifest, err := d.sample(name, replace...)
	if err != nil {
		return err
	}
	return d.kubectl(ctx, manifest, "apply", "-f", "-")
}

// wait waits for a condition, as a person would.
func (d *demo) wait(ctx context.Context, condition string, args ...string) error {
	return d.kubectl(ctx, "", append([]string{"wait", "--for=" + condition, "--timeout=20s"}, args...)...)
}

// environment is what a pod with envFrom gets of a version's Secret.
func (d *demo) environment(ctx context.Context, version string) ([]string, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: hostNamespace, Name: application + "." + version}
	if err := d.api.Get(ctx, key, secret); err != nil {
		return nil, fmt.Errorf("reading the Secret of version %s: %w", version, err)
	}
	var environment []string
	for name, value := range secret.Data {
		environment = append(environment, name+"="+string(value))
	}
	slices.Sort(environment)
	return environment, nil
}

// kpi runs the example application with an environment and nothing else.
func (d *demo) kpi(ctx context.Context, environment []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.root, "bin", "kpi"), args...) //nolint:gosec // our own program and arguments
	cmd.Env = append(slices.Clone(environment), "IOT_API_URL="+d.apiURL)
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// served runs the application, which has to work, for these tenants and no others.
func (d *demo) served(ctx context.Context, environment []string, tenants ...string) (string, error) {
	output, err := d.kpi(ctx, environment)
	if err != nil {
		return "", fmt.Errorf("kpi failed: %w: %s", err, output)
	}
	var got []string
	for line := range strings.Lines(output) {
		tenant, _, _ := strings.Cut(line, ":")
		got = append(got, tenant)
	}
	if !slices.Equal(got, tenants) {
		return "", fmt.Errorf("it was served %v, and should have been %v:\n%s", got, tenants, output)
	}
	return output, nil
}

// refused runs the application, which has to fail for this reason.
func (d *demo) refused(ctx context.Context, environment []string, reason string, args ...string) (string, error) {
	output, err := d.kpi(ctx, environment, args...)
	if err == nil {
		return "", fmt.Errorf("it was served, and should have been refused: %s", output)
	}
	if !strings.Contains(output, reason) {
		return "", fmt.Errorf("it was refused, but not for %s: %s", reason, output)
	}
	return "refused: " + output, nil
}

// changeLimit is far more than the token server takes to see a change, on a machine that has other things to do.
const changeLimit = 10 * time.Second

// soon tries again for a while what rests on a change that was made this moment: the token server sees it by its own watch,
// usually before a process that asks has started.
func soon(try func() (string, error)) (string, error) {
	limit := time.Now().Add(changeLimit)
	for {
		seen, err := try()
		if err == nil || time.Now().After(limit) {
			return seen, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// startAPI starts the example API on a free port.
func (d *demo) startAPI(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("choosing a port: %w", err)
	}
	address := listener.Addr().String()
	listener.Close()
	d.apiURL = "http://" + address
	program := filepath.Join(d.root, "bin", "iotapi")
	d.iotapi = exec.Command(program, "--issuer", d.stack.Issuer, "--listen-address", address) //nolint:gosec,noctx // our own; end ends it
	output := &bytes.Buffer{}
	d.iotapi.Stdout, d.iotapi.Stderr = output, output
	// Ctrl-C in a terminal is for the demo alone, which ends the API itself.
	d.iotapi.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.iotapi.Start(); err != nil {
		return fmt.Errorf("starting iotapi: %w", err)
	}
	for {
		status, err := d.statusOfAPI(ctx)
		if err == nil && status != http.StatusUnauthorized {
			return fmt.Errorf("without a token it answers %d", status)
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for iotapi: %w: %s", ctx.Err(), output)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// statusOfAPI asks the example API without a token.
func (d *demo) statusOfAPI(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.apiURL+"/assets", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

// end ends what the demo itself has started.
func (d *demo) end() error {
	if d.iotapi == nil || d.iotapi.Process == nil {
		return nil
	}
	if err := d.iotapi.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("ending iotapi: %w", err)
	}
	return d.iotapi.Wait()
}
