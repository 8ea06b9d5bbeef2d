package flow

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/api.md begins with a block of the language sh, which is run as it stands. Its further commands stand in blocks of the language console, as they look in a terminal: a line that begins with
// "$ " is a command, and goes on while its lines end in a backslash or leave a quote open; what follows is what it prints.
//
// Of what curl -i prints, the status line stands there whole; of the headers those that matter; and the body, where it is
// JSON, with the members that matter. In a text, "…" is whatever stands there; as the last element of a list it is any number of
// further elements. Variables are those of the shell that runs the commands.

// command is one command of the document, and what it should print.
type command struct {
	section string // the heading it stands under
	line    int
	text    string
	want    string
}

// readCommands reads the console blocks of a document.
func readCommands(t *testing.T, path string) []command {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var commands []command
	section, fence := "", ""
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			if fence == "" {
				fence = strings.TrimPrefix(line, "```") + "`"
			} else {
				fence = ""
			}
		case fence == "" && strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case fence != "console`":
		case strings.HasPrefix(line, "$ "):
			commands = append(commands, command{section: section, line: i + 1, text: strings.TrimPrefix(line, "$ ")})
		case len(commands) == 0:
			t.Fatalf("%s:%d: output without a command", path, i+1)
		default:
			if last := &commands[len(commands)-1]; goesOn(last.text) {
				last.text += "\n" + line
			} else {
				last.want += line + "\n"
			}
		}
	}
	return commands
}

// readBeginning reads the one block of the language sh, which somebody runs before all else.
func readBeginning(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n```sh\n")
	if len(parts) != 2 {
		t.Fatalf("%s has %d blocks of sh, and should begin with one", path, len(parts)-1)
	}
	before, _, _ := strings.Cut(parts[0], "\n```console\n")
	block, _, closed := strings.Cut(parts[1], "\n```\n")
	if before != parts[0] || !closed {
		t.Fatalf("%s does not begin with its block of sh", path)
	}
	return block
}

func goesOn(text string) bool {
	return strings.HasSuffix(text, `\`) || strings.Count(text, "'")%2 == 1
}

// compare says how what was printed differs from what the document shows. Variables in it are set already.
func compare(want, got string) error {
	want, got = strings.TrimSpace(want), strings.TrimSpace(strings.ReplaceAll(got, "\r", ""))
	if !strings.HasPrefix(want, "HTTP/") {
		return compareBody(want, got)
	}
	wantHead, wantBody, _ := strings.Cut(want, "\n\n")
	gotHead, gotBody, _ := strings.Cut(got, "\n\n")
	gotLines := strings.Split(gotHead, "\n")
	for i, line := range strings.Split(wantHead, "\n") {
		there := func(got string) bool { return matches(lowerName(line), lowerName(got)) }
		if i == 0 && line != gotLines[0] || !slices.ContainsFunc(gotLines, there) {
			return fmt.Errorf("%s is not among %q", line, gotLines)
		}
	}
	return compareBody(wantBody, gotBody)
}

// lowerName is a header with its name in lower case, for names have none.
func lowerName(header string) string {
	name, value, _ := strings.Cut(header, ":")
	return strings.ToLower(name) + ":" + value
}

func compareBody(want, got string) error {
	if !strings.HasPrefix(want, "{") {
		if !matches(strings.TrimSpace(want), strings.TrimSpace(got)) {
			return fmt.Errorf("%q is not %q", got, want)
		}
		return nil
	}
	var wanted, gotten any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		return fmt.Errorf("the document shows broken JSON: %w", err)
	}
	if err := json.Unmarshal([]byte(got), &gotten); err != nil {
		return fmt.Errorf("%s is no JSON: %w", got, err)
	}
	return compareJSON("", wanted, gotten)
}

const anything = "…"

func compareJSON(path string, want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v", path, got)
		}
		for name, value := range want {
			inner, ok := object[name]
			if !ok {
				return fmt.Errorf("%s.%s is not there", path, name)
			}
			if err := compareJSON(path+"."+name, value, inner); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok {
			return fmt.Errorf("%s is %v", path, got)
		}
		if n := len(want) - 1; n >= 0 && want[n] == anything && len(list) >= n {
			want, list = want[:n], list[:n]
		}
		if len(want) != len(list) {
			return fmt.Errorf("%s has %d elements, not %d: %v", path, len(list), len(want), list)
		}
		for i := range want {
			if err := compareJSON(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		if text, isText := got.(string); want == anything || isText && matches(want, text) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s is %v, not %v", path, got, want)
}

// matches reports whether the text is as the pattern, in which "…" is any text.
func matches(pattern, text string) bool {
	quoted := regexp.QuoteMeta(pattern)
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(quoted, anything, ".*") + "$").MatchString(text)
}

func TestTheComparisonOfDocumentedAnswersNoticesDifferences(t *testing.T) {
	t.Parallel()
	const got = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nAge: 1\r\n\r\n{\"a\":\"b c\",\"n\":1,\"l\":[\"x\",\"y\"],\"o\":{\"p\":true}}"
	for want, same := range map[string]bool{
		"HTTP/1.1 200 OK\nETag: \"…\"\n\n{\"a\":\"b…\",\"n\":1,\"l\":[\"x\",\"…\"]}": true,
		"HTTP/1.1 200 OK\n\n{\"n\":\"…\",\"o\":{}}":                                  true,
		"HTTP/1.1 200 OK\n\n{\"l\":[\"x\",\"y\",\"…\"]}":                             true,
		"HTTP/1.1 201 Created\n\n{}":                                                 false,
		"HTTP/1.1 200 OK\nETag: \"b\"\n\n{}":                                         false,
		"HTTP/1.1 200 OK\n\n{\"b\":1}":                                               false,
		"HTTP/1.1 200 OK\n\n{\"n\":2}":                                               false,
		"HTTP/1.1 200 OK\n\n{\"n\":\"1\"}":                                           false,
		"HTTP/1.1 200 OK\n\n{\"a\":\"b\"}":                                           false,
		"HTTP/1.1 200 OK\n\n{\"l\":[\"x\"]}":                                         false,
		"HTTP/1.1 200 OK\n\n{\"o\":{\"p\":false}}":                                   false,
		"HTTP/1.1 200 OK\n\nok":                                                      false,
	} {
		if err := compare(want, got); (err == nil) != same {
			t.Errorf("%q: %v", want, err)
		}
	}
}
