package main

import (
	"io"
	"strings"
	"testing"
)

func TestACommandLineThatCannotWorkIsRefusedAndSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		args []string
		want string
	}{
		"no issuer":                {nil, "--issuer is required"},
		"an issuer with a path":    {[]string{"--issuer=https://tokens.example.com/v1"}, "a scheme and a host alone"},
		"a trailing slash":         {[]string{"--issuer=https://tokens.example.com/"}, "trailing slash"},
		"http beyond loopback":     {[]string{"--issuer=http://tokens.example.com"}, "must be https"},
		"a flag that is not known": {[]string{"--issure=x"}, "--help lists the flags"},
		"an argument":              {[]string{"start"}, `unexpected argument "start"`},
		"a wait shorter than what verifiers keep": {
			[]string{"--issuer=https://tokens.example.com", "--jwks-max-age=2h"},
			"--signing-key-wait 1h0m0s is too short: verifiers would meet tokens of keys that they do not know; at least 2h3m0s",
		},
		"a key that goes before its tokens": {
			[]string{"--issuer=https://tokens.example.com", "--signing-key-retention=1h"}, "at least 1h5m0s",
		},
		"a rotation that its keys do not fit in": {
			[]string{"--issuer=https://tokens.example.com", "--signing-key-rotation=1h"}, "at least 1h5m0s, the longer of",
		},
		"a rotation in the past":       {[]string{"--issuer=https://tokens.example.com", "--signing-key-rotation=-1h"}, "0 for rotation on demand"},
		"a delivery faster than light": {[]string{"--issuer=https://tokens.example.com", "--signing-key-delivery=0"}, "once a second"},
		"parts of seconds":             {[]string{"--issuer=https://tokens.example.com", "--jwks-max-age=1500ms"}, "whole seconds"},
		"an algorithm that is not known": {
			[]string{"--issuer=https://tokens.example.com", "--signing-algorithm=HS256"}, "none of ES256, EdDSA, RS256",
		},
		"a level that is not known": {
			[]string{"--issuer=https://tokens.example.com", "--log-level=loud"}, "none of debug, info, warn, error",
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			if err := run(t.Context(), c.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--help":    "operator --kubeconfig ~/.kube/config --issuer http://127.0.0.1:8080",
		"--version": version,
	} {
		var stdout, stderr strings.Builder
		if err := run(t.Context(), []string{flag}, &stdout, &stderr); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		if !strings.Contains(stdout.String(), want) || stderr.Len() > 0 {
			t.Errorf("%s printed %q and %q, want %q on standard output alone", flag, &stdout, &stderr, want)
		}
	}
}

func TestAnOperatorWatchesOverOneLeaseAndOpensNoPortUnlessTold(t *testing.T) {
	t.Parallel()
	o := defaults()
	if err := o.flags(io.Discard).Parse([]string{"--issuer=https://tokens.example.com", "--namespace=security"}); err != nil {
		t.Fatal(err)
	}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if !o.leaderElect || o.metricsAddress != "0" || o.healthProbeAddress != "0" || o.namespace != "security" {
		t.Errorf("got %+v", o)
	}
}

func TestAScheduleOfSecondsIsForALoopbackIssuerAndNoRotationForAll(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{
			"--issuer=http://127.0.0.1:8080", "--signing-key-rotation=4s", "--signing-key-wait=3s", "--signing-key-delivery=2s",
			"--jwks-max-age=1s", "--signing-key-retention=4s",
		},
		{"--issuer=https://tokens.example.com", "--signing-key-rotation=0", "--signing-algorithm=EdDSA"},
	} {
		o := defaults()
		if err := o.flags(io.Discard).Parse(args); err != nil {
			t.Fatal(err)
		}
		if err := o.complete(); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}
