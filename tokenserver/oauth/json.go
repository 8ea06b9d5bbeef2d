package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	kjson "sigs.k8s.io/json"
)

// Unknown says what becomes of the members of a JSON object that nobody asked for.
type Unknown int

// What becomes of them.
const (
	// RefuseUnknown is for an API of our own: a misspelt parameter must not pass as one that is left out.
	RefuseUnknown Unknown = iota
	// IgnoreUnknown is for clients that send more than they need to.
	IgnoreUnknown
)

// maxQuoted bounds what an error quotes of a request, in bytes.
const maxQuoted = 64

// DecodeObject reads a body that is one JSON object into a struct, its members by their exact names. A member that is there
// twice is refused, as a parameter of a form would be (RFC 6749 section 3.2): two readers could take it for two values.
func DecodeObject(body []byte, into any, unknown Unknown) *Error {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return BadRequest(InvalidRequest, "the body is not a JSON object")
	}
	checks := []kjson.StrictOption{kjson.DisallowDuplicateFields}
	if unknown == RefuseUnknown {
		checks = append(checks, kjson.DisallowUnknownFields)
	}
	strict, err := kjson.UnmarshalStrict(body, into, checks...)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		// The path names Go structs, too, where one is embedded in another; none of our bodies has a member in a member.
		name := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
		return BadRequest(InvalidRequest, fmt.Sprintf("%s in the body has the wrong type, %s: it is a %s",
			name, wrong.Value, expected(wrong.Type)))
	}
	if is, at := kjson.SyntaxErrorOffset(err); is {
		return BadRequest(InvalidRequest, fmt.Sprintf("the body is not one JSON object and nothing else: see byte %d", at))
	}
	if err != nil {
		return BadRequest(InvalidRequest, "the body is not valid JSON")
	}
	if len(strict) > 0 {
		return BadRequest(InvalidRequest, quoted(strict[0])+" in the body is unknown or there more than once")
	}
	return nil
}

func expected(kind reflect.Type) string {
	if kind.Kind() == reflect.Slice {
		return "list of strings"
	}
	return kind.String()
}

// quoted names the member that a strict check found.
func quoted(problem error) string {
	field := kjson.FieldError(nil)
	if !errors.As(problem, &field) {
		return "a member"
	}
	path := field.FieldPath()
	return path[:min(len(path), maxQuoted)]
}
