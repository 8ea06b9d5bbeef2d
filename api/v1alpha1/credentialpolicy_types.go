package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CredentialPolicy says how long an application's credentials live and under which names pods get them.
// ---
// The rule says nothing where one of the two is wrong in itself: the rules of the fields do. They keep to durations that a
// program can read and count with, so that no text gets as far as an error of the rule itself.
//
// +kubebuilder:validation:XValidation:rule="!has(self.rotateAfter) || !has(self.overlap) || [self.rotateAfter, self.overlap].exists(d, d.size() == 0 || !d.matches('^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$')) || duration(self.rotateAfter) < duration('1m') || duration(self.overlap) > duration('8760h') || duration(self.overlap) < duration(self.rotateAfter)",message="overlap must be shorter than rotateAfter, or secrets would pile up: shorten overlap (as '168h'), or set rotateAfter to '0s' to rotate by hand alone"
type CredentialPolicy struct {
	// rotateAfter is the age at which a credential is replaced by a new one: hours, minutes and seconds, as 8760h (the
	// default, 365 days); at least 1m. 0s: never by age. Each version's own interval differs from it by up to 5 %, always the
	// same for the version, so that what was issued together is not rotated together. status.versions[].nextRotationTime says
	// when. Shortening it rotates at once what is older.
	//
	// +optional
	// +default="8760h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self.matches('^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$') && duration(self) <= duration('87600h') && (duration(self) == duration('0s') || duration(self) >= duration('1m'))",message="rotateAfter is hours, minutes and seconds in this order, as '8760h' or '720h30m', at least 1m and at most 87600h; '0s' rotates never by age"
	RotateAfter *metav1.Duration `json:"rotateAfter,omitempty"`

	// overlap is how long a previous secret stays valid after another one took its place, so that pods which started with
	// it go on: hours, minutes and seconds, as 168h (the default) or 90m; shorter than rotateAfter. 0s ends the previous one
	// at once. It is applied when a secret becomes a previous one; a later change does not move an end that is already set.
	//
	// +optional
	// +default="168h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self.matches('^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$') && duration(self) <= duration('8760h')",message="overlap is hours, minutes and seconds in this order, as '168h' or '1h30m', and at most 8760h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`

	// environment says under which names the credentials stand in the Secret, which are the names of the environment
	// variables of a pod that takes them by envFrom. Absent: the Standard names.
	//
	// +optional
	// +default={"type": "Standard"}
	Environment Environment `json:"environment,omitzero"`

	// bindingVersion makes this application a Provisioned Service of the Service Binding specification, by the credentials of
	// this version of spec.versions: a second Secret, <application>.binding, has them as well-known entries (type oauth2,
	// provider countersign), follows each rotation, and is what status.binding names once it is there. Condition Bound says how
	// far that has come. Absent: there is no such Secret.
	//
	// +optional
	BindingVersion VersionName `json:"bindingVersion,omitempty"`

	// secretTemplate is labels and annotations that the Secrets with credentials are to have besides Countersign's own, for
	// tools that go by them. They are applied by server-side apply, by the field manager countersign-secret-template: what
	// others have put on the Secrets stays, and a key that is taken out here is taken off there. Changing it rotates nothing.
	//
	// +optional
	SecretTemplate *SecretTemplate `json:"secretTemplate,omitempty"`
}

// SecretTemplate is what a Secret with credentials is to have besides Countersign's own labels and annotations.
type SecretTemplate struct {
	// labels are labels of the Secrets, with names and values as Kubernetes takes them.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('countersign.dev/'))",message="labels that begin with countersign.dev/ are Countersign's own: choose another prefix"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="the name of a label is at most 63 letters, digits and the characters - _ . with a letter or digit at both ends, and can have the prefix of a domain, as 'example.com/team'"
	Labels map[string]TemplateLabel `json:"labels,omitempty"`

	// annotations are annotations of the Secrets.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('countersign.dev/'))",message="annotations that begin with countersign.dev/ are Countersign's own: choose another prefix"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="the name of an annotation is at most 63 letters, digits and the characters - _ . with a letter or digit at both ends, and can have the prefix of a domain, as 'example.com/team'"
	Annotations map[string]TemplateAnnotation `json:"annotations,omitempty"`
}

// TemplateLabel is the value of a label: at most 63 letters, digits and the characters - _ . with a letter or digit at both
// ends, as platform, or nothing.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')",message="the value of a label is letters, digits and the characters - _ . with a letter or digit at both ends, or nothing"
type TemplateLabel string

// TemplateAnnotation is the value of an annotation: any text of at most 1024 characters.
//
// +kubebuilder:validation:MaxLength=1024
type TemplateAnnotation string

// EnvironmentType is a set of names for environment variables.
//
// +kubebuilder:validation:Enum=Standard;InsightsHub;Custom
type EnvironmentType string

const (
	// EnvironmentStandard is CLIENT_ID, CLIENT_SECRET, TOKEN_URL, ISSUER, APP_NAME, APP_VERSION and HOST_TENANT.
	EnvironmentStandard EnvironmentType = "Standard"
	// EnvironmentInsightsHub is what the SDKs of the Insights Hub read: MDSP_KEY_STORE_CLIENT_ID,
	// MDSP_KEY_STORE_CLIENT_SECRET, MDSP_OS_VM_APP_NAME, MDSP_OS_VM_APP_VERSION, MDSP_HOST_TENANT and MDSP_USER_TENANT.
	EnvironmentInsightsHub EnvironmentType = "InsightsHub"
	// EnvironmentCustom is what keys says.
	EnvironmentCustom EnvironmentType = "Custom"
)

// Environment names the keys of a version's Secret.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Custom') == has(self.keys)",message="keys goes with type Custom, and type Custom needs keys: at least clientID and clientSecret"
type Environment struct {
	// type is Standard (CLIENT_ID, CLIENT_SECRET, TOKEN_URL, ISSUER, APP_NAME, APP_VERSION, HOST_TENANT), InsightsHub
	// (MDSP_KEY_STORE_CLIENT_ID and so on, as the SDKs of the Insights Hub read them) or Custom (the names in keys).
	//
	// +required
	Type EnvironmentType `json:"type,omitempty"`

	// keys names each variable, for type Custom alone. A variable without a name is left out of the Secret.
	//
	// +optional
	Keys *EnvironmentKeys `json:"keys,omitempty"`
}

// EnvironmentKey is the name of an environment variable, which is also a key of a Secret.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="the name of an environment variable is letters, digits and underscores, and begins with no digit, as 'CLIENT_ID'"
type EnvironmentKey string

// EnvironmentKeys names the environment variables of type Custom.
// ---
// The rule below compares all names with each other; an absent one stands as a digit, which no name can be.
//
// +kubebuilder:validation:XValidation:rule="[self.clientID, self.clientSecret, self.?tokenURL.orValue('1'), self.?issuer.orValue('2'), self.?appName.orValue('3'), self.?appVersion.orValue('4'), self.?hostTenant.orValue('5')].all(x, [self.clientID, self.clientSecret, self.?tokenURL.orValue('1'), self.?issuer.orValue('2'), self.?appName.orValue('3'), self.?appVersion.orValue('4'), self.?hostTenant.orValue('5')].exists_one(y, y == x))",message="two variables have the same name: give each a name of its own"
type EnvironmentKeys struct {
	// clientID is the name of the variable with the client id.
	//
	// +required
	ClientID EnvironmentKey `json:"clientID,omitempty"`

	// clientSecret is the name of the variable with the client secret.
	//
	// +required
	ClientSecret EnvironmentKey `json:"clientSecret,omitempty"`

	// tokenURL is the name of the variable with the URL of the token endpoint.
	//
	// +optional
	TokenURL EnvironmentKey `json:"tokenURL,omitempty"`

	// issuer is the name of the variable with the issuer, from which clients discover the rest (RFC 8414).
	//
	// +optional
	Issuer EnvironmentKey `json:"issuer,omitempty"`

	// appName is the name of the variable with the application's name.
	//
	// +optional
	AppName EnvironmentKey `json:"appName,omitempty"`

	// appVersion is the name of the variable with the version.
	//
	// +optional
	AppVersion EnvironmentKey `json:"appVersion,omitempty"`

	// hostTenant is the name of the variable with the host tenant's id.
	//
	// +optional
	HostTenant EnvironmentKey `json:"hostTenant,omitempty"`
}
