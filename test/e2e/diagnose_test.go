//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// diagnose leaves what tells why a run failed in out/e2e, where `make clean` removes it, and prints the most telling of it.
func diagnose() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	directory := filepath.Join(root, "out", "e2e")
	if err := os.RemoveAll(directory); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	for name, from := range map[string]string{"programs": cluster.Logs(), "pods": "/var/log/pods"} {
		if err := os.CopyFS(filepath.Join(directory, name), os.DirFS(from)); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: keeping logs:", err)
		}
	}
	for _, question := range []struct {
		file  string
		shown bool
		args  []string
	}{
		{"pods.txt", true, []string{"get", "pods", "-A", "-o", "wide"}},
		{"events.txt", true, []string{"get", "events", "-A", "--sort-by=.metadata.creationTimestamp"}},
		{"operator.txt", true, []string{"logs", "-n", countersign, "deployment/countersign-operator", "--all-pods", "--tail=15"}},
		{"describe.txt", false, []string{"describe", "pods", "-A"}},
		{"objects.yaml", false, []string{"get", "all,applications,tenantgrants,tenants", "-A", "-o", "yaml"}},
	} {
		answer, err := run(ctx, question.args...)
		if err != nil {
			answer = err.Error()
		}
		if err := os.WriteFile(filepath.Join(directory, question.file), []byte(answer), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
		}
		if question.shown {
			fmt.Fprintf(os.Stderr, "--- %v\n%s\n", question.args, tail(answer, 8000))
		}
	}
	fmt.Fprintln(os.Stderr, "e2e: everything else is in out/e2e")
}

func tail(text string, length int) string { return text[max(0, len(text)-length):] }
