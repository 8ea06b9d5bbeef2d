package credentials

import (
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// facts is what a pod is told, whatever the variables are called.
type facts struct {
	clientID, hostTenant, application, version, issuer string
	secret                                             credential.Secret
}

// clientSecretKey is the name of the variable with the client secret.
func clientSecretKey(e v1alpha1.Environment) string {
	switch {
	case e.Type == v1alpha1.EnvironmentInsightsHub:
		return "MDSP_KEY_STORE_CLIENT_SECRET"
	case e.Type == v1alpha1.EnvironmentCustom && e.Keys != nil:
		return string(e.Keys.ClientSecret)
	}
	return "CLIENT_SECRET"
}

// dataFor is the data of a version's Secret: the names and values of environment variables.
func dataFor(e v1alpha1.Environment, f facts) map[string][]byte {
	var values map[string]string
	switch {
	case e.Type == v1alpha1.EnvironmentInsightsHub:
		values = insightsHub(f)
	case e.Type == v1alpha1.EnvironmentCustom && e.Keys != nil:
		values = f.under(*e.Keys)
	default:
		values = f.under(standardKeys)
	}
	data := make(map[string][]byte, len(values))
	for name, value := range values {
		if name != "" {
			data[name] = []byte(value)
		}
	}
	return data
}

var standardKeys = v1alpha1.EnvironmentKeys{
	ClientID:     "CLIENT_ID",
	ClientSecret: "CLIENT_SECRET",
	TokenURL:     "TOKEN_URL",
	Issuer:       "ISSUER",
	AppName:      "APP_NAME",
	AppVersion:   "APP_VERSION",
	HostTenant:   "HOST_TENANT",
}

func (f facts) under(keys v1alpha1.EnvironmentKeys) map[string]string {
	return map[string]string{
		string(keys.ClientID):     f.clientID,
		string(keys.ClientSecret): f.secret.Reveal(),
		string(keys.TokenURL):     f.issuer + "/oauth2/token",
		string(keys.Issuer):       f.issuer,
		string(keys.AppName):      f.application,
		string(keys.AppVersion):   f.version,
		string(keys.HostTenant):   f.hostTenant,
	}
}

// insightsHub is what the SDKs of the Insights Hub read. The user tenant is the host, too, so that their default, a token
// for the application's own tenant, works without more.
func insightsHub(f facts) map[string]string {
	return map[string]string{
		"MDSP_KEY_STORE_CLIENT_ID":     f.clientID,
		"MDSP_KEY_STORE_CLIENT_SECRET": f.secret.Reveal(),
		"MDSP_OS_VM_APP_NAME":          f.application,
		"MDSP_OS_VM_APP_VERSION":       f.version,
		"MDSP_HOST_TENANT":             f.hostTenant,
		"MDSP_USER_TENANT":             f.hostTenant,
	}
}
