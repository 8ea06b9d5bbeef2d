package v1alpha1

// Scope is one permission of a resource server, as it stands in a token's scope claim (RFC 6749 section 3.3): visible
// ASCII without spaces, double quotes and backslashes. There are no wildcards: a scope is compared byte for byte.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^[!#-\\\\[\\\\]-~]+$')",message="a scope is visible ASCII without spaces, double quotes and backslashes, as 'assets:read'"
type Scope string

// TenantName is the name of a Tenant, which is the tenant's id in requests and tokens: a DNS label (RFC 1123).
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="write metadata.name of a Tenant: lowercase letters and digits with dashes between, as 'operator-co'"
type TenantName string

// VersionName names a version of an application: lowercase letters and digits with single dots and dashes between them.
// It is compared byte for byte: 1.0.0 is not v1.0.0.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]+([.-][a-z0-9]+)*$')",message="a version is lowercase letters and digits with single dots and dashes between them, as '1.0.0' or '2.0.0-rc.1'"
type VersionName string

// State says whether its owner lets a thing take effect.
//
// +kubebuilder:validation:Enum=Active;Suspended
type State string

const (
	// StateActive lets it take effect. It is the default.
	StateActive State = "Active"
	// StateSuspended keeps everything in place and refuses every token that would need it, at once, until it is Active
	// again.
	StateSuspended State = "Suspended"
)

// ServiceAccountName is the name of a ServiceAccount that Countersign trusts: a DNS subdomain (RFC 1123), and not default.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="write metadata.name of a ServiceAccount: lowercase letters and digits with dashes and dots between, as 'kpi-dashboard'"
// +kubebuilder:validation:XValidation:rule="self != 'default'",message="every pod that names no ServiceAccount runs as 'default': create a ServiceAccount for these pods alone, set it as their serviceAccountName, and name it here"
type ServiceAccountName string

// LocalServiceAccount names a ServiceAccount of the same namespace.
type LocalServiceAccount struct {
	// name is the ServiceAccount's name, as kpi-dashboard. It cannot be default, which is every pod's that names none.
	//
	// +required
	Name ServiceAccountName `json:"name,omitempty"`
}

// NamespacedServiceAccount names a ServiceAccount of any namespace.
type NamespacedServiceAccount struct {
	// namespace is the ServiceAccount's namespace, as iot.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="write the name of a namespace: lowercase letters and digits with dashes between, as 'iot'"
	Namespace string `json:"namespace,omitempty"`

	// name is the ServiceAccount's name, as gateway. It cannot be default, which is every pod's that names none.
	//
	// +required
	Name ServiceAccountName `json:"name,omitempty"`
}
