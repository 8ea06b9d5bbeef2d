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
	"maps"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var source []byte

// members are those of the document. It is read once: a program needs it once, and its tests make many servers.
var members = sync.OnceValue(func() map[string]json.RawMessage {
	document := map[string]json.RawMessage{}
	if err := yaml.Unmarshal(source, &document); err != nil {
		panic(fmt.Sprintf("reading openapi.yaml: %v", err)) // it is a part of the program, and has its tests
	}
	return document
})

// Document returns the document as JSON, with the issuer as the address of the server.
func Document(issuer string) json.RawMessage {
	document := maps.Clone(members())
	servers, err := json.Marshal([]map[string]string{{"url": issuer}})
	if err == nil {
		document["servers"] = servers
		var encoded []byte
		if encoded, err = json.Marshal(document); err == nil {
			return encoded
		}
	}
	panic(fmt.Sprintf("encoding the OpenAPI document: %v", err)) // texts and JSON have a JSON
}
