package program_test

import (
	"bytes"
	"strings"
	"testing"

	"countersign.dev/internal/program"
)

func TestAnIssuerIsASchemeAndAHostAlone(t *testing.T) {
	for _, good := range []string{
		"https://tokens.example.com", "https://tokens.example.com:8443", "http://127.0.0.1:8080", "http://localhost:8080",
		"http://[::1]:8080",
	} {
		if got, err := program.Issuer(good); err != nil || got != good {
			t.Errorf("%s: got %q, %v", good, got, err)
		}
	}
	for bad, want := range map[string]string{
		"":                                "required",
		"tokens.example.com":              "host",
		"https://":                        "host",
		"https://:8443":                   "host",
		"https://tokens.example.com:":     "no port",
		"https://tokens.example.com:0":    "no port",
		"https://a:65536":                 "no port",
		"https://tokens.example.com/":     "trailing slash",
		"https://tokens.example.com/a":    "path",
		"https://tokens.example.com?a=b":  "query",
		"https://tokens.example.com#a":    "host alone",
		"https://user@tokens.example.com": "user",
		"https://Tokens.example.com":      "lowercase",
		"HTTPS://tokens.example.com":      "lowercase",
		"http://tokens.example.com":       "must be https",
		"http://10.0.0.1":                 "must be https",
		"ftp://tokens.example.com":        "must be https",
		"https://a b":                     "no URL",
	} {
		if _, err := program.Issuer(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want something with %q", bad, err, want)
		}
	}
}

func TestALogLevelThatIsNoneIsRefusedWithThoseThatAre(t *testing.T) {
	if _, err := program.Logger(&bytes.Buffer{}, "loud"); err == nil || !strings.Contains(err.Error(), "debug, info, warn, error") {
		t.Errorf("got %v", err)
	}
	var out bytes.Buffer
	log, err := program.Logger(&out, "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if strings.Contains(out.String(), "quiet") || !strings.Contains(out.String(), `"msg":"loud"`) {
		t.Errorf("logged %s", out.String())
	}
}
