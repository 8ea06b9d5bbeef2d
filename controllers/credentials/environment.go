package credentials

import (
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
	"countersign.dev/internal/environment"
)

// tokenPath is where the token server answers, below its issuer.
const tokenPath = "/oauth2/token"

// facts is what a pod is told, whatever the variables are called.
type facts struct {
	clientID, hostTenant, application, version, issuer string
	secret                                             credential.Secret
}

// bindingFor is the data of the Secret of a Service Binding: the entries that the specification recommends, and those that
// Spring Cloud Bindings reads of a binding of type oauth2. Of the well-known ones, username and password would say the same
// again. There is no issuer-uri: Spring would ask the token server for its metadata before a pod starts, and token-uri is all
// that client credentials need.
func bindingFor(f facts) map[string][]byte {
	return map[string][]byte{
		"type":                     []byte("oauth2"),
		"provider":                 []byte("countersign"),
		"uri":                      []byte(f.issuer),
		"client-id":                []byte(f.clientID),
		"client-secret":            []byte(f.secret.Reveal()),
		"authorization-grant-type": []byte("client_credentials"),
		"token-uri":                []byte(f.issuer + tokenPath),
	}
}

// dataFor is the data of a version's Secret: the names and values of environment variables.
func dataFor(e v1alpha1.Environment, f facts) map[string][]byte {
	values := map[environment.Fact]string{
		environment.ClientID:     f.clientID,
		environment.ClientSecret: f.secret.Reveal(),
		environment.TokenURL:     f.issuer + tokenPath,
		environment.Issuer:       f.issuer,
		environment.AppName:      f.application,
		environment.AppVersion:   f.version,
		environment.HostTenant:   f.hostTenant,
	}
	data := map[string][]byte{}
	for _, variable := range environment.Of(e) {
		data[variable.Name] = []byte(values[variable.Fact])
	}
	return data
}
