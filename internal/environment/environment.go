// Package environment owns the names under which a pod gets its credentials: which environment variables, and so which keys
// of a version's Secret, there are for each Environment of an Application. The operator fills the Secret by it, the injector
// names its keys in pods. It knows no values.
package environment

import "countersign.dev/api/v1alpha1"

// Fact is what a variable tells a pod.
type Fact string

// The facts. Each is the field of v1alpha1.EnvironmentKeys that names it.
const (
	ClientID     Fact = "clientID"
	ClientSecret Fact = "clientSecret"
	TokenURL     Fact = "tokenURL"
	Issuer       Fact = "issuer"
	AppName      Fact = "appName"
	AppVersion   Fact = "appVersion"
	HostTenant   Fact = "hostTenant"
)

// Variable is one environment variable.
type Variable struct {
	Name string
	Fact Fact
}

// Of returns the variables of an environment, in an order that stays. A type that this program does not know has the Standard
// ones.
func Of(e v1alpha1.Environment) []Variable {
	switch {
	case e.Type == v1alpha1.EnvironmentInsightsHub:
		return insightsHub()
	case e.Type == v1alpha1.EnvironmentCustom && e.Keys != nil:
		return custom(*e.Keys)
	}
	return custom(v1alpha1.EnvironmentKeys{
		ClientID:     "CLIENT_ID",
		ClientSecret: "CLIENT_SECRET",
		TokenURL:     "TOKEN_URL",
		Issuer:       "ISSUER",
		AppName:      "APP_NAME",
		AppVersion:   "APP_VERSION",
		HostTenant:   "HOST_TENANT",
	})
}

// ClientSecretOf returns the name of the variable with the client secret.
func ClientSecretOf(e v1alpha1.Environment) string {
	for _, variable := range Of(e) {
		if variable.Fact == ClientSecret {
			return variable.Name
		}
	}
	return ""
}

// insightsHub is what the SDKs of the Insights Hub read. The user tenant is the host, too, so that their default, a token
// for the application's own tenant, works without more.
func insightsHub() []Variable {
	return []Variable{
		{"MDSP_KEY_STORE_CLIENT_ID", ClientID},
		{"MDSP_KEY_STORE_CLIENT_SECRET", ClientSecret},
		{"MDSP_OS_VM_APP_NAME", AppName},
		{"MDSP_OS_VM_APP_VERSION", AppVersion},
		{"MDSP_HOST_TENANT", HostTenant},
		{"MDSP_USER_TENANT", HostTenant},
	}
}

// custom leaves out what has no name.
func custom(keys v1alpha1.EnvironmentKeys) []Variable {
	var variables []Variable
	for _, variable := range []Variable{
		{string(keys.ClientID), ClientID},
		{string(keys.ClientSecret), ClientSecret},
		{string(keys.TokenURL), TokenURL},
		{string(keys.Issuer), Issuer},
		{string(keys.AppName), AppName},
		{string(keys.AppVersion), AppVersion},
		{string(keys.HostTenant), HostTenant},
	} {
		if variable.Name != "" {
			variables = append(variables, variable)
		}
	}
	return variables
}
