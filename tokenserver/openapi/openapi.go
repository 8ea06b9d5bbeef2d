// Package openapi owns the token server's description of itself: an OpenAPI 3.1 document, written by hand in openapi.yaml,
// with every endpoint of both faces and all that each of them answers.
//
// It knows nothing of the handlers. Package tokenserver serves it; its tests hold it against the list of routes and against
// real answers.
package openapi

import (
	_ "embed" // for the document
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var source []byte

// Document returns the document as JSON, with the issuer as the address of the server.
func Document(issuer string) json.RawMessage {
	document := map[string]any{}
	err := yaml.Unmarshal(source, &document)
	if err == nil {
		document["servers"] = []map[string]string{{"url": issuer}}
		var encoded []byte
		if encoded, err = json.Marshal(document); err == nil {
			return encoded
		}
	}
	// It is a part of the program, and no program gets past its tests in which it cannot be read.
	panic(fmt.Sprintf("reading openapi.yaml: %v", err))
}
