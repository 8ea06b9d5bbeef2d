package tokenserver_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign.dev/tokenserver/openapi"
	"countersign.dev/tokenserver/tokenservertest"
)

// contract is the OpenAPI document, as what requests and answers are held against. Objects that are described may have no
// further members here, unless their schema says so: clients ignore what they do not know, tests do not.
type contract struct {
	document map[string]any
	compiler *jsonschema.Compiler
	// answered are the statuses that were seen, by operation.
	answered map[string]map[string]bool
}

func newContract(t *testing.T) *contract {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Document(tokenservertest.Issuer)))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), answered: map[string]map[string]bool{}}
	c.document, _ = value.(map[string]any)
	closeObjects(c.document)
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	c.compiler.AssertContent()
	c.compiler.RegisterContentMediaType(&jsonschema.MediaType{
		Name: "application/jwt", Validate: func(token []byte) error { _, err := takenApart(token); return err }, UnmarshalJSON: takenApart,
	})
	if err := c.compiler.AddResource("contract.json", value); err != nil {
		t.Fatal(err)
	}
	return c
}

// takenApart is the header and the claims of a token.
func takenApart(token []byte) (any, error) {
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return nil, errors.New("no compact serialization of a JWS")
	}
	var both []any
	for _, part := range parts[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		both = append(both, value)
	}
	return both, nil
}

func closeObjects(value any) {
	switch value := value.(type) {
	case map[string]any:
		_, says := value["additionalProperties"]
		if _, ok := value["properties"].(map[string]any); ok && value["type"] == "object" && !says {
			value["additionalProperties"] = false
		}
		for _, inner := range value {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range value {
			closeObjects(inner)
		}
	}
}

// node is a place in the document.
type node struct {
	pointer string
	value   map[string]any
}

// at goes down from a place, and follows the reference that it meets there.
func (c *contract) at(from node, tokens ...string) (node, bool) {
	for _, token := range tokens {
		inner, ok := from.value[token].(map[string]any)
		if !ok {
			return node{}, false
		}
		from = node{from.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token), inner}
		if reference, ok := inner["$ref"].(string); ok && len(inner) == 1 {
			if from, ok = c.at(node{value: c.document}, strings.Split(strings.TrimPrefix(reference, "#/"), "/")...); !ok {
				return node{}, false
			}
		}
	}
	return from, true
}

// operations are method and path of all that is described, as "GET /healthz".
func (c *contract) operations() map[string]node {
	found := map[string]node{}
	paths, _ := c.document["paths"].(map[string]any)
	for path, item := range paths {
		methods, _ := item.(map[string]any)
		for method := range methods {
			found[strings.ToUpper(method)+" "+path], _ = c.at(node{value: c.document}, "paths", path, method)
		}
	}
	return found
}

// validate holds a value against the schema that a place has.
func (c *contract) validate(at node, value any) error {
	schema, err := c.compiler.Compile("contract.json#" + at.pointer + "/schema")
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// text is a text as the place's schema wants it: numbers come as text in headers and queries.
func (c *contract) text(at node, value string) error {
	if schema, ok := at.value["schema"].(map[string]any); ok && schema["type"] == "integer" {
		number, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		return c.validate(at, number)
	}
	return c.validate(at, value)
}

// request says what the document has against a request.
func (c *contract) request(operation node, r *http.Request, body string) error {
	parameters, _ := operation.value["parameters"].([]any)
	var problems []error
	for _, parameter := range parameters {
		at, _ := c.at(node{value: map[string]any{"it": parameter}}, "it")
		name, _ := at.value["name"].(string)
		given := r.URL.Query()[name]
		if at.value["in"] == "header" {
			given = r.Header.Values(name)
		}
		at.pointer = c.pointerOf(operation, at)
		for _, value := range given {
			problems = append(problems, c.text(at, value))
		}
	}
	described, ok := c.at(operation, "requestBody")
	if !ok {
		return errors.Join(problems...)
	}
	if body == "" {
		if required, _ := described.value["required"].(bool); required {
			problems = append(problems, errors.New("there is no body"))
		}
		return errors.Join(problems...)
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	content, ok := c.at(described, "content", media)
	if !ok {
		return errors.Join(append(problems, errors.New("no body of type "+media))...)
	}
	value, err := decoded(media, body)
	if err == nil {
		err = c.validate(content, value)
	}
	return errors.Join(append(problems, err)...)
}

// pointerOf finds a parameter's place again: they stand in a list, or among the components.
func (c *contract) pointerOf(operation, parameter node) string {
	if parameter.pointer != "/it" {
		return parameter.pointer
	}
	parameters, _ := operation.value["parameters"].([]any)
	for i, candidate := range parameters {
		if inner, ok := candidate.(map[string]any); ok && inner["name"] == parameter.value["name"] {
			return operation.pointer + "/parameters/" + strconv.Itoa(i)
		}
	}
	return ""
}

func decoded(media, body string) (any, error) {
	switch media {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(body)
		if err != nil {
			return nil, err
		}
		members := map[string]any{}
		for name, list := range values {
			if members[name] = list[0]; len(list) > 1 {
				repeated := make([]any, len(list))
				for i, value := range list {
					repeated[i] = value
				}
				members[name] = repeated
			}
		}
		return members, nil
	case "text/plain":
		return body, nil
	default:
		return jsonschema.UnmarshalJSON(strings.NewReader(body))
	}
}

// answer says what the document has against an answer, and notes that it was seen.
func (c *contract) answer(name string, operation node, answer tokenservertest.Answer) error {
	status := strconv.Itoa(answer.Status)
	if c.answered[name] == nil {
		c.answered[name] = map[string]bool{}
	}
	c.answered[name][status] = true
	described, ok := c.at(operation, "responses", status)
	if !ok {
		return errors.New("the status is not described")
	}
	return errors.Join(c.headers(described, answer.Header), c.body(described, answer))
}

// telling are the headers that an answer has only where they are described.
func telling() []string {
	return []string{
		"Retry-After", "WWW-Authenticate", "Access-Control-Allow-Origin", "ETag", "Allow", "Cache-Control", "Pragma", "Location",
	}
}

func (c *contract) headers(described node, header http.Header) error {
	var problems []error
	names, _ := described.value["headers"].(map[string]any)
	for name := range names {
		at, _ := c.at(described, "headers", name)
		values := header.Values(name)
		if required, _ := at.value["required"].(bool); len(values) == 0 && !required {
			continue
		}
		if len(values) != 1 {
			problems = append(problems, errors.New("not one header "+name))
			continue
		}
		if err := c.text(at, values[0]); err != nil {
			problems = append(problems, errors.Join(errors.New("header "+name), err))
		}
	}
	for _, name := range telling() {
		if _, known := names[name]; !known && header.Get(name) != "" {
			problems = append(problems, errors.New("header "+name+" is not described"))
		}
	}
	return errors.Join(problems...)
}

func (c *contract) body(described node, answer tokenservertest.Answer) error {
	if described.value["content"] == nil {
		if answer.Text != "" {
			return errors.New("a body is not described")
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	content, ok := c.at(described, "content", media)
	if !ok {
		return errors.New("a body of type " + media + " is not described")
	}
	value, err := decoded(media, answer.Text)
	if err != nil {
		return err
	}
	return c.validate(content, value)
}
