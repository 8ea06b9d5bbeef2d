package house_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// testedPackages are the tests of directories, read when a row names them first.
type testedPackages map[string]testedPackage

// check says what is wrong with a row: what it names that there is not, or that it names nothing.
func (p testedPackages) check(t *testing.T, row string) (problems []string) {
	t.Helper()
	found := reference.FindAllStringSubmatch(row, -1)
	if len(found) == 0 {
		problems = append(problems, "it names no test")
	}
	cells := strings.Split(strings.Trim(row, "|"), " | ")
	if rest := strings.TrimSpace(reference.ReplaceAllString(cells[len(cells)-1], "")); rest != "" {
		problems = append(problems, fmt.Sprintf("%q names no test in the way that is described there", rest))
	}
	for _, match := range found {
		directory, function, text, spec := match[1], match[3], match[4], match[5]
		if _, read := p[directory]; !read {
			p[directory] = readTests(t, directory)
		}
		tests := p[directory]
		switch {
		case spec != "" && !tests.specs[spec]:
			problems = append(problems, fmt.Sprintf("%s has no spec %q", directory, spec))
		case function != "" && tests.functions[function] == nil:
			problems = append(problems, fmt.Sprintf("%s has no %s", directory, function))
		case text != "" && !tests.says(function, text, map[string]bool{}):
			problems = append(problems, fmt.Sprintf("%s: %s has no case %q", directory, function, text))
		}
	}
	return problems
}

// testedPackage is what the tests of a directory can be named by.
type testedPackage struct {
	// functions are those of the test files, tests and helpers, by name.
	functions map[string]*testedFunction
	// methods are the keys in functions of all methods of a name, by ".name", as which they are called.
	methods map[string][]string
	// specs are the texts of Ginkgo's specs.
	specs map[string]bool
}

// testedFunction is what stands in a function: texts, and what it calls.
type testedFunction struct {
	texts, calls map[string]bool
}

// says reports whether a text stands in a function, or in one of the package that it calls, through whatever others. Which type a
// method is called on is not known here: every method of the name counts.
func (p testedPackage) says(function, text string, seen map[string]bool) bool {
	if seen[function] || p.functions[function] == nil {
		return false
	}
	seen[function] = true
	if p.functions[function].texts[text] {
		return true
	}
	for called := range p.functions[function].calls {
		if p.says(called, text, seen) {
			return true
		}
		for _, method := range p.methods[called] {
			if p.says(method, text, seen) {
				return true
			}
		}
	}
	return false
}

func readTests(t *testing.T, directory string) testedPackage {
	t.Helper()
	tests := testedPackage{map[string]*testedFunction{}, map[string][]string{}, map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(directory), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests (%v)", directory, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				tests.add(function)
			}
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				tests.addSpec(call)
			}
			return true
		})
	}
	return tests
}

func (p testedPackage) add(declared *ast.FuncDecl) {
	name := declared.Name.Name
	if declared.Recv != nil {
		called := "." + name
		name = called + "#" + strconv.Itoa(len(p.methods[called])) // of whichever type
		p.methods[called] = append(p.methods[called], name)
	}
	function := &testedFunction{map[string]bool{}, map[string]bool{}}
	p.functions[name] = function
	ast.Inspect(declared, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.BasicLit:
			if text, ok := textOf(node); ok {
				function.texts[text] = true
			}
		case *ast.CallExpr:
			switch called := node.Fun.(type) {
			case *ast.Ident:
				function.calls[called.Name] = true
			case *ast.SelectorExpr:
				function.calls["."+called.Sel.Name] = true
			}
		}
		return true
	})
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
