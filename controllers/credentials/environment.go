package credentials

import (
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
	"countersign.dev/internal/environment"
)

// facts is what a pod is told, whatever the variables are called.
type facts struct {
	clientID, hostTenant, application, version, issuer string
	secret                                             credential.Secret
}

// dataFor is the data of a version's Secret: the names and values of environment variables.
func dataFor(e v1alpha1.Environment, f facts) map[string][]byte {
	values := map[environment.Fact]string{
		environment.ClientID:     f.clientID,
		environment.ClientSecret: f.secret.Reveal(),
		environment.TokenURL:     f.issuer + "/oauth2/token",
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
