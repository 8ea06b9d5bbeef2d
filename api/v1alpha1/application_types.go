package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApplicationSpec is what the host tenant says of its application: what it may ask for, and to whom it is offered.
type ApplicationSpec struct {
	// displayName is the application's name for people, as "KPI Dashboard".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// resourceServers names the ResourceServers that this application's tokens can be for. A token is for exactly one; a
	// request that names none gets the first. A name that is no ResourceServer makes the application not accepted (reason
	// ResourceServerNotFound); tokens for the others can be had all the same.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, y == x))",message="resourceServers names the same ResourceServer twice: name each once, the default first"
	ResourceServers []string `json:"resourceServers,omitempty"`

	// offer says which tenants may grant this application access to their data. It is the host's half of the agreement; the
	// other half is a TenantGrant in the namespace of the tenant. Absent: it is offered to nobody, and works on the host
	// tenant's own data alone. Taking a tenant out refuses its tokens at once (reason NotOffered).
	//
	// +optional
	Offer *Offer `json:"offer,omitempty"`

	// versions are the versions of this application that may have tokens. Taking one out revokes it at once and removes its
	// Secret.
	//
	// +optional
	// +listType=map
	// +listMapKey=version
	// +kubebuilder:validation:MaxItems=32
	Versions []ApplicationVersion `json:"versions,omitempty"`

	// credentialPolicy says how credentials are kept and shown to pods. Absent: the defaults of its fields.
	//
	// +optional
	// +default={}
	CredentialPolicy CredentialPolicy `json:"credentialPolicy,omitzero"`
}

// Offer selects the tenants to which an application is offered: those that it names, and those that its selector selects.
//
// +kubebuilder:validation:XValidation:rule="has(self.tenants) || has(self.tenantSelector)",message="an offer needs tenants, tenantSelector or both: 'tenantSelector: {}' offers to every tenant; to offer to nobody, leave offer out"
type Offer struct {
	// tenants names Tenants to which the application is offered.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Tenants []TenantName `json:"tenants,omitempty"`

	// tenantSelector selects Tenants by their labels, which only the platform operator writes. The empty selector ({})
	// selects every tenant.
	//
	// +optional
	TenantSelector *metav1.LabelSelector `json:"tenantSelector,omitempty"`
}

// ApplicationVersion is one version of an application: it has credentials of its own, and never another version's access.
type ApplicationVersion struct {
	// version names the version, as 1.0.0. Requests name it byte for byte.
	//
	// +required
	Version VersionName `json:"version,omitempty"`

	// access is what this version may ask for. Absent: the version is registered, gets no credentials and no token (reason
	// AccessNotGranted).
	//
	// +optional
	Access *Access `json:"access,omitempty"`

	// state is Active (the default) or Suspended. Suspended: this version gets no token, at once (reason
	// VersionSuspended); its credentials stay.
	//
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
}

// Access is what a version may ask for, by level or written out. Whichever it is, the host tenant's ceiling
// (Tenant.spec.hosting.levels) and the audience's catalogue (ResourceServer.spec.scopes) bound it.
//
// +kubebuilder:validation:XValidation:rule="has(self.level) != has(self.scopes)",message="access is either level (the name of an AccessLevel) or scopes (custom access, written out): give exactly one of them"
type Access struct {
	// level names an AccessLevel. Where there is none of that name, the version gets no token (reason AccessLevelNotFound).
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Level string `json:"level,omitempty"`

	// scopes is custom access, written out.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Scopes []Scope `json:"scopes,omitempty"`
}

// CredentialPolicy says how an application's credentials are kept and under which names pods get them.
type CredentialPolicy struct {
	// overlap is how long a previous secret stays valid after another one took its place, so that pods which started with
	// it go on: hours, minutes and seconds, as 168h (the default) or 90m. 0s ends the previous one at once. It is applied
	// when a secret becomes a previous one; a later change does not move an end that is already set.
	//
	// +optional
	// +default="168h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(h|m|s))+$') && duration(self) <= duration('8760h')",message="overlap is hours, minutes and seconds, as '168h' or '1h30m', and at most 8760h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`

	// environment says under which names the credentials stand in the Secret, which are the names of the environment
	// variables of a pod that takes them by envFrom. Absent: the Standard names.
	//
	// +optional
	// +default={"type": "Standard"}
	Environment Environment `json:"environment,omitzero"`
}

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
// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
type EnvironmentKey string

// EnvironmentKeys names the environment variables of type Custom.
//
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

// ApplicationStatus is what Countersign found and what it keeps of the credentials: hashes, never secrets.
type ApplicationStatus struct {
	// hostTenant is the tenant that hosts this application: the one whose namespace this is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	HostTenant string `json:"hostTenant,omitempty"`

	// conditions are Accepted (host tenant, resource servers and access levels resolve) and Ready (Accepted, and every
	// version with access has credentials in its Secret).
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// versions is the state of each version in spec.versions.
	//
	// +optional
	// +listType=map
	// +listMapKey=version
	// +kubebuilder:validation:MaxItems=64
	Versions []ApplicationVersionStatus `json:"versions,omitempty"`
}

// ApplicationVersionStatus is the state of one version.
type ApplicationVersionStatus struct {
	// version is the version that this is the state of.
	//
	// +required
	Version VersionName `json:"version,omitempty"`

	// clientID is the client_id of this version (RFC 6749 section 2.2):
	// <hostTenant>-<application>-<version>-<12 digits>. It is for information: the token server computes it by itself.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ClientID string `json:"clientID,omitempty"`

	// secretName is the Secret in this namespace that holds the credentials, for envFrom.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// verifiers are what the token server checks a client secret against, newest first: the current one and those previous
	// ones whose overlap has not ended. One that has ended opens nothing, and stays listed until an hour after its issue.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	Verifiers []Verifier `json:"verifiers,omitempty"`

	// conditions are Ready (the credentials stand in the Secret, or none are due) and Effective (this version can have a
	// token for the host tenant's own data now; the reason says why not).
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Verifier is what stays of a client secret: enough to check it, not enough to have it.
type Verifier struct {
	// id names the credential: it stands in the credential_id claim of tokens, on the Secret and in the audit log.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// sha256 is the SHA-256 of the client secret, 64 lowercase hexadecimal digits. 256 random bits need no slow hash; the
	// token server refuses secrets of any other form than Countersign's own before it hashes.
	//
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]+$`
	SHA256 string `json:"sha256,omitempty"`

	// issueTime is when the credential was made.
	//
	// +required
	IssueTime metav1.Time `json:"issueTime,omitzero"`

	// deliveryTime is when the credential was seen to stand in the Secret. Absent: not yet.
	//
	// +optional
	DeliveryTime *metav1.Time `json:"deliveryTime,omitempty"`

	// expirationTime is when a previous credential ends, by the token server's clock. The current one has none: it does not
	// end by the clock.
	//
	// +optional
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`
}

// Application is a program that a tenant hosts and that works, with no user at the screen, on the data of the tenants that
// granted it access. Its name is the appName of token requests; the tenant of its namespace is its host tenant. For each
// version with access, Countersign keeps credentials in the Secret <application>.<version>. Deleting an Application revokes
// everything at once; one that is created again under the same name is another one, and no credential or consent of the old
// one comes back.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=countersign
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.hostTenant`,description="The tenant that hosts it"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name is the appName: at most 63 lowercase letters, digits and dashes (no dots), with a letter or digit at both ends, as 'kpi-dashboard'"
type Application struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata; metadata.name is the appName, metadata.uid what TenantGrants consent to.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the host tenant says of its application.
	//
	// +required
	Spec ApplicationSpec `json:"spec,omitzero"`

	// status is what Countersign found, with a hash of each credential.
	//
	// +optional
	Status ApplicationStatus `json:"status,omitzero"`
}

// ApplicationList is a list of Applications.
//
// +kubebuilder:object:root=true
type ApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Application `json:"items"`
}
