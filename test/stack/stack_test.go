package stack

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program that does what the lines say.
func script(t *testing.T, dir, name, lines string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func thisRepository(t *testing.T) Config {
	t.Helper()
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	return Config{Root: root, Assets: AssetsDir(root, os.Getenv("KUBEBUILDER_ASSETS")), Programs: t.TempDir()}
}

func TestWhatIsMissingIsToldBeforeAnythingStarts(t *testing.T) {
	config := thisRepository(t)
	if _, err := Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), "run 'make build'") {
		t.Errorf("without programs: %v", err)
	}
	config.Assets = t.TempDir()
	if _, err := Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), "run 'make controlplane'") {
		t.Errorf("without a control plane: %v", err)
	}
}

func TestATakenPortIsTold(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := thisRepository(t)
	script(t, config.Programs, programOperator, "exit 0")
	script(t, config.Programs, programTokenServer, "exit 0")
	config.Port = portOf(taken)
	if _, err := Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("got %v", err)
	}
}

func TestAStartThatFailsHalfwaySaysWhyAndLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	config := thisRepository(t)
	script(t, config.Programs, programOperator, "echo the flux capacitor is broken >&2; exit 3")
	script(t, config.Programs, programTokenServer, "exit 0")
	_, err := Start(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "the flux capacitor is broken") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if left := runningWith(t, temporary); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	if entries, err := filepath.Glob(filepath.Join(temporary, "countersign-*")); err != nil || len(entries) > 0 {
		t.Errorf("still there: %v, %v", entries, err)
	}
}

// runningWith returns the command lines of processes that name the directory.
func runningWith(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("this test reads /proc: %v", err)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}

func TestAProjectionIsTheSecretsFilesSwappedInAtOnce(t *testing.T) {
	dir := t.TempDir()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	for _, files := range []map[string][]byte{
		{"a": []byte("1"), "b": []byte("2")},
		{"a": []byte("1"), "b": []byte("2")},
		{"a": []byte("3")},
	} {
		before, _ := os.Readlink(filepath.Join(dir, dataLink))
		same, err := holds(filepath.Join(dir, dataLink), files)
		if err != nil {
			t.Fatal(err)
		}
		if err := writePayload(dir, files); err != nil {
			t.Fatal(err)
		}
		after, err := os.Readlink(filepath.Join(dir, dataLink))
		if err != nil || same != (before == after) {
			t.Errorf("the link was %s and is %s (%v); the same content: %v", before, after, err, same)
		}
		for name, data := range files {
			if read(name) != string(data) {
				t.Errorf("%s: %s", name, read(name))
			}
		}
	}
	if !strings.Contains(read("b"), "no such file") {
		t.Errorf("a file that is gone: %s", read("b"))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 { // ..data, its directory, a
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
