package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// reference names a test: a directory, and the name of a function with or without a case, or a spec's text in quotes.
var reference = regexp.MustCompile("`([a-z][a-z0-9/]*): ((Test[A-Za-z0-9]+)(?:/([^`]+))?|\"([^`]+)\")`")

func TestEveryRowOfTheConformanceDocumentNamesTestsThatExist(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(root, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages, rows, named := map[string]testedPackage{}, 0, map[string]bool{}
	for i, line := range strings.Split(string(document), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "| shown by |") {
			continue
		}
		rows++
		found := reference.FindAllStringSubmatch(line, -1)
		if len(found) == 0 {
			t.Errorf("docs/conformance.md:%d names no test", i+1)
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if rest := strings.TrimSpace(reference.ReplaceAllString(cells[len(cells)-1], "")); rest != "" {
			t.Errorf("docs/conformance.md:%d: %q names no test in the way that is described there", i+1, rest)
		}
		for _, match := range found {
			directory, function, text, spec := match[1], match[3], match[4], match[5]
			if _, read := packages[directory]; !read {
				packages[directory] = readTests(t, directory)
			}
			tests := packages[directory]
			named[directory+": "+function] = true
			switch {
			case spec != "" && !tests.specs[spec]:
				t.Errorf("docs/conformance.md:%d: %s has no spec %q", i+1, directory, spec)
			case function != "" && !tests.functions[function]:
				t.Errorf("docs/conformance.md:%d: %s has no %s", i+1, directory, function)
			case text != "" && !tests.texts[text]:
				t.Errorf("docs/conformance.md:%d: %s has no case %q", i+1, directory, text)
			}
		}
	}
	if rows < 80 {
		t.Fatalf("found %d rows only: does the test still read the document?", rows)
	}
	checkNamed(t, named)
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

// testedPackage is what the tests of a directory can be named by.
type testedPackage struct {
	// functions are the tests, texts all texts in them, specs the texts of Ginkgo's specs.
	functions, texts, specs map[string]bool
}

func readTests(t *testing.T, directory string) testedPackage {
	t.Helper()
	tests := testedPackage{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(directory), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests (%v)", directory, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				if node.Recv == nil && strings.HasPrefix(node.Name.Name, "Test") {
					tests.functions[node.Name.Name] = true
				}
			case *ast.BasicLit:
				if text, ok := textOf(node); ok {
					tests.texts[text] = true
				}
			case *ast.CallExpr:
				tests.addSpec(node)
			}
			return true
		})
	}
	return tests
}

// addSpec notes the text of It and Entry.
func (p testedPackage) addSpec(call *ast.CallExpr) {
	name, ok := call.Fun.(*ast.Ident)
	if !ok || name.Name != "It" && name.Name != "Entry" || len(call.Args) == 0 {
		return
	}
	if literal, ok := call.Args[0].(*ast.BasicLit); ok {
		if text, ok := textOf(literal); ok {
			p.specs[text] = true
		}
	}
}

func textOf(literal *ast.BasicLit) (string, bool) {
	if literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
