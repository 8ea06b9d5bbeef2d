package openapi_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"countersign.dev/tokenserver/openapi"
)

const issuer = "https://tokens.example.org"

// parsed is the document with numbers as they are written.
func parsed(t *testing.T) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Document(issuer)))
	if err != nil {
		t.Fatal(err)
	}
	document, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("the document is a %T", value)
	}
	return document
}

func compile(t *testing.T, name string, document any) *jsonschema.Compiler {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	return compiler
}

func TestTheDocumentIsOpenAPI31(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "oas-3.1-schema.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := compile(t, "https://example.com/oas", schema).Compile("https://example.com/oas")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(parsed(t)); err != nil {
		t.Error(err)
	}
	broken := parsed(t)
	delete(broken, "info")
	if compiled.Validate(broken) == nil {
		t.Error("a document without info is valid, so this test says nothing")
	}
}

func TestTheServerOfTheDocumentIsTheIssuer(t *testing.T) {
	if got := fmt.Sprint(parsed(t)["servers"]); got != "[map[url:"+issuer+"]]" {
		t.Errorf("got %s", got)
	}
}

// Every example and every schema: the schemas are compiled as JSON Schema 2020-12, which OpenAPI 3.1 took over.
func TestExamplesAreAsTheirSchemasSay(t *testing.T) {
	document := parsed(t)
	compiler, examples := compile(t, "contract.json", document), 0
	walk(document, nil, func(path []string, node map[string]any) {
		if _, ok := node["schema"]; !ok {
			return
		}
		schema, err := compiler.Compile("contract.json#" + pointer(append(slices.Clone(path), "schema")))
		if err != nil {
			t.Errorf("%s: %v", pointer(path), err)
			return
		}
		values := map[string]any{}
		if value, ok := node["example"]; ok {
			values["example"] = value
		}
		if several, ok := node["examples"].(map[string]any); ok {
			for name, entry := range several {
				values[name] = entry.(map[string]any)["value"]
			}
		}
		for name, value := range values {
			examples++
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s, %s: %v", pointer(path), name, err)
			}
		}
		if isMedia := slices.Contains(path, "content"); isMedia && len(values) == 0 {
			t.Errorf("%s has no example", pointer(path))
		}
	})
	if examples < 50 {
		t.Errorf("found %d examples only", examples)
	}
}

func TestEveryReferenceLeadsSomewhereAndEveryComponentIsUsed(t *testing.T) {
	document := parsed(t)
	used := map[string]bool{}
	walk(document, nil, func(path []string, node map[string]any) {
		reference, ok := node["$ref"].(string)
		if !ok {
			return
		}
		used[reference] = true
		var at any = document
		for token := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
			inner, _ := at.(map[string]any)
			at = inner[token]
		}
		if at == nil {
			t.Errorf("%s: %s is not there", pointer(path), reference)
		}
	})
	for kind, components := range document["components"].(map[string]any) {
		if kind == "securitySchemes" {
			continue // referred to by name
		}
		for name := range components.(map[string]any) {
			if reference := "#/components/" + kind + "/" + name; !used[reference] {
				t.Errorf("%s is used nowhere", reference)
			}
		}
	}
}

// walk visits every object of a document.
func walk(value any, path []string, visit func(path []string, node map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(path, value)
		for name, inner := range value {
			walk(inner, append(slices.Clone(path), name), visit)
		}
	case []any:
		for i, inner := range value {
			walk(inner, append(slices.Clone(path), fmt.Sprint(i)), visit)
		}
	}
}

// pointer is a JSON pointer (RFC 6901) to a place.
func pointer(path []string) string {
	text := ""
	for _, token := range path {
		text += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	return text
}
