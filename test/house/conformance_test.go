package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reference names a test: a directory, and the name of a function with or without a case, or a spec's text in quotes.
var reference = regexp.MustCompile("`([a-z][a-z0-9/]*): (((?:Test|Benchmark)[A-Za-z0-9]+)(?:/([^`]+))?|\"([^`]+)\")`")

func TestEveryRowOfTheConformanceDocumentNamesTestsThatExist(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(root, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages, rows, named := testedPackages{}, 0, map[string]bool{}
	for i, line := range strings.Split(string(document), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "| shown by |") {
			continue
		}
		rows++
		for _, problem := range packages.check(t, line) {
			t.Errorf("docs/conformance.md:%d: %s", i+1, problem)
		}
		for _, match := range reference.FindAllStringSubmatch(line, -1) {
			named[match[1]+": "+match[3]] = true
		}
	}
	if rows < 80 {
		t.Fatalf("found %d rows only: does the test still read the document?", rows)
	}
	checkNamed(t, named)
}

// A test of the test: a row that names what there is not is refused, also where the words stand in another test.
func TestARowThatNamesWhatThereIsNotIsRefused(t *testing.T) {
	packages := testedPackages{}
	for row, right := range map[string]bool{
		"| 2.3 | x | `tokenserver/httpapi: TestWhoMayNotIntrospect/nobody` |":          true,
		"| 2.3 | x | `tokenserver/httpapi: TestNoTwoTokensHaveTheSameID/nobody` |":     false,
		"| 2.3 | x | `tokenserver/httpapi: TestWhoMayNotIntrospect/nobody` and more |": false,
		"| 2.3 | x | `tokenserver/httpapi: TestWhoMayNotIntrospect/nobody else` |":     false,
		"| 2.3 | x | `tokenserver/httpapi: TestWhoMayIntrospect` |":                    false,
		"| 2.3 | x | |": false,
		"| 5.2 | x | `tokenserver: TestRequestsAndAnswersAreAsTheDocumentDescribesThem/a wrong secret` |":             true, // in a helper
		"| 5.2 | x | `tokenserver: TestEveryRouteIsDescribedAndEveryDescriptionServed/a wrong secret` |":              false,
		"| 5.2 | x | `controllers/signingkeys: \"stay the same through a hundred restarts\"` |":                       true,
		"| 5.2 | x | `controllers/signingkeys: \"stay the same through two hundred restarts\"` |":                     false,
		"| 5.2 | x | `controllers/signingkeys: TestSigningKeysOnARealAPIServer/stay the same through ten restarts` |": false,
	} {
		if problems := packages.check(t, row); (len(problems) == 0) != right {
			t.Errorf("%s: %q", row, problems)
		}
	}
}

// checkNamed fails for a test that was written for the document, and that the document does not name.
func checkNamed(t *testing.T, named map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "tokenserver", "*", "conformance_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 4 {
		t.Fatalf("found %v only", files)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		directory := "tokenserver/" + filepath.Base(filepath.Dir(file))
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && strings.HasPrefix(function.Name.Name, "Test") && !named[directory+": "+function.Name.Name] {
				t.Errorf("docs/conformance.md does not name %s: %s", directory, function.Name.Name)
			}
		}
	}
}
