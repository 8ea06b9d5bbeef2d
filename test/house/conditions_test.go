// Package house_test holds the house in order: rules that concern the whole repository and that neither compiler nor linter
// can hold.
package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var root = filepath.Join("..", "..")

func TestEveryConditionTypeAndReasonIsDocumented(t *testing.T) {
	documentation, err := os.ReadFile(filepath.Join(root, "docs", "conditions.md"))
	if err != nil {
		t.Fatal(err)
	}
	constants := typedConstants(t, filepath.Join(root, "api", "v1alpha1", "conditions.go"), "Reason", "ConditionType")
	if len(constants) < 20 {
		t.Fatalf("found %d constants only: is the test reading the right file?", len(constants))
	}
	for _, constant := range constants {
		if !strings.Contains(string(documentation), "`"+constant+"`") {
			t.Errorf("docs/conditions.md does not mention `%s`", constant)
		}
	}
}

// typedConstants returns the string values of a file's constants that are of one of the types.
func typedConstants(t *testing.T, file string, types ...string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, ok := spec.Type.(*ast.Ident)
		if !ok || !slices.Contains(types, kind.Name) {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
		}
		return true
	})
	return values
}
