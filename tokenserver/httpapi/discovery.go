package httpapi

import (
	"encoding/json"
	"time"

	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/signer"
)

// Paths of the public documents.
const (
	PathKeys                = "/.well-known/jwks.json"
	PathServerMetadata      = "/.well-known/oauth-authorization-server"
	PathOpenIDConfiguration = "/.well-known/openid-configuration"
	PathOpenAPI             = "/openapi.json"
)

// metadataFreshFor is how long discovery documents may be kept: they change with the configuration alone.
func metadataFreshFor() time.Duration { return time.Hour }

// serverMetadata is that of RFC 8414 section 2. It lists what is served and nothing else. response_types_supported is left
// out: the RFC wants it and forbids it to be empty, which a server without an authorization endpoint cannot both obey.
//
// The token of a ServiceAccount as client_assertion is no method of its own here: private_key_jwt, the only registered name for
// assertions, tells a client to sign one by itself, of which it is the issuer and the subject; none of that would be taken.
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	KeysURI       string   `json:"jwks_uri"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`

	IntrospectionEndpoint string `json:"introspection_endpoint"`
	// IntrospectionAuthMethods has the type of the token by which callers authenticate, as the RFC allows.
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
}

// openIDConfiguration adds what verifiers that only know OpenID Connect discovery insist on. No ID tokens are issued.
type openIDConfiguration struct {
	serverMetadata
	ResponseTypes     []string `json:"response_types_supported"`
	SubjectTypes      []string `json:"subject_types_supported"`
	SigningAlgorithms []string `json:"id_token_signing_alg_values_supported"`
}

// Keys is the JWK Set (RFC 7517 section 5) of the standard face.
func Keys(keys *signer.Keys) Public {
	return Public{FreshFor: keys.MaxAge, Refuse: refuse, Document: func() (any, bool) {
		set := keys.JWKS()
		return set, len(set.Keys) > 0
	}}
}

// ServerMetadata is the discovery document of RFC 8414.
func ServerMetadata(issuer string) Public {
	metadata := metadataOf(issuer)
	return Public{FreshFor: metadataFreshFor, Refuse: refuse, Document: func() (any, bool) { return metadata, true }}
}

// OpenIDConfiguration is the discovery document in the form of OpenID Connect, as kube-apiserver has it.
func OpenIDConfiguration(issuer string, keys *signer.Keys) Public {
	metadata := metadataOf(issuer)
	return Public{FreshFor: keys.MaxAge, Refuse: refuse, Document: func() (any, bool) {
		algorithms := keys.Algorithms()
		return openIDConfiguration{
			serverMetadata:    metadata,
			ResponseTypes:     []string{"id_token"},
			SubjectTypes:      []string{"public"},
			SigningAlgorithms: algorithms,
		}, len(algorithms) > 0
	}}
}

// OpenAPI is the description of the whole API, which changes with the program and the configuration alone.
func OpenAPI(document json.RawMessage) Public {
	return Public{FreshFor: metadataFreshFor, Refuse: refuse, Document: func() (any, bool) { return document, true }}
}

func metadataOf(issuer string) serverMetadata {
	return serverMetadata{
		Issuer:        issuer,
		TokenEndpoint: issuer + PathToken,
		KeysURI:       issuer + PathKeys,
		GrantTypes:    []string{oauth.GrantClientCredentials},
		AuthMethods:   []string{oauth.ClientSecretBasic, oauth.ClientSecretPost},

		IntrospectionEndpoint:    issuer + PathIntrospection,
		IntrospectionAuthMethods: []string{oauth.TokenType},
	}
}
