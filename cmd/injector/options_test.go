package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestACommandLineThatCannotWorkIsRefusedWithWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"--listen-address=9443":           "write it as :9443",
		"--listen-address=:0":             "no port from 1 to 65535",
		"--listen-address=:https":         "no port from 1 to 65535",
		"--host=":                         "--host is required",
		"--webhook-configuration=":        "--webhook-configuration is required",
		"--client-ca-file=/none":          "--client-ca-file: open /none",
		"--client-ca-file=options.go":     "--client-ca-file options.go holds no certificate",
		"--log-level=loud":                "none of debug, info, warn, error",
		"--tls-cert-dir=/none --colour":   "--help lists the flags",
		"serve":                           `unexpected argument "serve"`,
		"--kubeconfig=/none/of/this/kind": "/none/of/this/kind",
	} {
		err := run(t.Context(), strings.Fields(line), &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want something with %q", line, err, want)
		}
	}
}

func TestHelpShowsEachFlagAndAnExample(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Example:", "--tls-cert-dir", "--webhook-configuration", "--host", "--client-ca-file"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in it", want)
		}
	}
}
