package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	// readyTimeout is what a program gets to become ready, on a busy machine.
	readyTimeout = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
	// tailLines is how much of its log tells why a program failed.
	tailLines = 30
)

// program is what to run and how to see that it is ready.
type program struct {
	path  string
	args  []string
	ready func(ctx context.Context) error
}

func (p program) name() string { return filepath.Base(p.path) }

// run starts programs and waits until all of them are ready.
func (n *Node) run(ctx context.Context, programs ...program) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	exits := map[string]chan error{}
	for _, p := range programs {
		exit, err := n.start(p)
		if err != nil {
			return err
		}
		exits[p.name()] = exit
	}
	for _, p := range programs {
		if err := n.waitReady(ctx, p, exits[p.name()]); err != nil {
			return err
		}
	}
	return nil
}

// start starts a program with its output in a log, and reports its end, which nobody asks for, to Failed.
func (n *Node) start(p program) (chan error, error) {
	log, err := os.Create(n.log(p.name()))
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", p.name(), err)
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = []string{"HOME=" + n.config.Dir, "PATH=" + n.config.Containerd + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name(), err)
	}
	exit := make(chan error, 1)
	go func() {
		err := fmt.Errorf("%s ended: %w\n%s", p.name(), errors.Join(cmd.Wait(), errors.New(cmd.ProcessState.String())), n.tail(p.name()))
		exit <- err
		select {
		case n.failed <- err:
		default: // the first one counts
		}
	}()
	return exit, nil
}

func (n *Node) waitReady(ctx context.Context, p program, exit <-chan error) error {
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case ended := <-exit:
			return ended
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name(), err, n.tail(p.name()))
		case <-time.After(pollInterval):
		}
	}
}

func (n *Node) log(name string) string { return filepath.Join(n.Logs(), name+".log") }

// tail returns the last lines of a program's log.
func (n *Node) tail(name string) []byte {
	log, err := os.ReadFile(n.log(name))
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimRight(log, "\n"), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-tailLines):], []byte("\n"))
}

// answers returns a probe that passes once the URL answers 200. Each server here has a certificate that it made by itself.
func answers(url string) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // nothing is told, and nothing else is here to answer
	}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}
