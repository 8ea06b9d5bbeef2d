package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryErrorCodeIsInTheAPIDocumentAndInOpenAPI(t *testing.T) {
	codes := typedConstants(t, filepath.Join(root, "tokenserver", "oauth", "error.go"), "Code")
	if len(codes) < 9 {
		t.Fatalf("found %d codes only: is the test reading the right file?", len(codes))
	}
	document, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	openapi, err := os.ReadFile(filepath.Join(root, "tokenserver", "openapi", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`(?s)\n    ErrorCode:\n      enum: \[([^]]+)\]`).FindSubmatch(openapi)
	behind := regexp.MustCompile(`\n      pattern: '\^mdsp\\.technicaltokenmanager\\.\(([^)]+)\)\$'`).FindSubmatch(openapi)
	if listed == nil || behind == nil {
		t.Fatal("openapi.yaml lists its codes in another way than this test reads")
	}
	for _, code := range codes {
		_, section, found := strings.Cut(string(document), "\n### "+code+"\n")
		if !found {
			t.Errorf("docs/api.md has no heading %q", "### "+code)
			continue
		}
		section, _, _ = strings.Cut(section, "\n#")
		if !strings.Contains(section, "HTTP/1.1 ") || !strings.Contains(section, code+`"`) {
			t.Errorf("docs/api.md has no example of %s", code)
		}
		if !slices.Contains(strings.Split(string(listed[1]), ", "), code) || !slices.Contains(strings.Split(string(behind[1]), "|"), code) {
			t.Errorf("openapi.yaml does not list %s for both faces", code)
		}
	}
}

// heading is a Markdown heading, and anchor a link to one.
var (
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	anchor  = regexp.MustCompile(`\]\(([^)#:]*)#([^)]+)\)`)
)

// anchorOf is how the usual renderers make an anchor of a heading: lower case, dashes for spaces, no other punctuation.
func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

func TestAnchorsInDocumentsAreHeadings(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := 0
	for _, document := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range anchor.FindAllStringSubmatch(string(text), -1) {
			anchors++
			target := document
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(document), match[1])
			}
			there, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", document, err)
				continue
			}
			headings := heading.FindAllStringSubmatch(string(there), -1)
			if !slices.ContainsFunc(headings, func(h []string) bool { return anchorOf(h[1]) == match[2] }) {
				t.Errorf("%s: %s has no heading for #%s", document, filepath.Base(target), match[2])
			}
		}
	}
	if anchors < 20 {
		t.Fatalf("found %d anchors only: does the expression still match them?", anchors)
	}
}
