package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HostingStage says how far the applications of a tenant may reach.
//
// +kubebuilder:validation:Enum=Development;Production
type HostingStage string

const (
	// HostingDevelopment lets a tenant's applications have tokens for that tenant alone: the whole exchange can be tried,
	// and no foreign data can be reached, whatever offers and grants exist (reason DevelopmentStage).
	HostingDevelopment HostingStage = "Development"
	// HostingProduction lets a tenant's applications have tokens for the other tenants that granted them.
	HostingProduction HostingStage = "Production"
)

// Hosting is what the platform lets a tenant host.
type Hosting struct {
	// stage is Development (its applications have tokens for the tenant itself alone) or Production (for other tenants,
	// too, where both sides agree).
	//
	// +required
	Stage HostingStage `json:"stage,omitempty"`

	// levels names the AccessLevels that are the most that this tenant's applications can have: whatever a version asks
	// for beyond the union of their scopes is left out of every token. A name that is no AccessLevel adds nothing.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Levels []string `json:"levels,omitempty"`
}

// TenantSpec says which namespace speaks for a tenant and what it may host.
type TenantSpec struct {
	// displayName is the tenant's name for people, as "Operator Co.".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// namespace is the namespace that speaks for this tenant: who may create Applications and TenantGrants there registers
	// and consents in the tenant's name. One namespace speaks for one tenant: where two Tenants claim the same one, neither
	// is accepted (reason NamespaceConflict) until one of them is gone. Immutable: moving a tenant to another namespace is
	// another tenant.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace: lowercase letters, digits and dashes, with a letter or digit at both ends, as 'tenant-acme'"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the namespace of a tenant is immutable: create another Tenant for the other namespace"
	Namespace string `json:"namespace,omitempty"`

	// hosting says what this tenant may host, and how far its applications may reach. Absent: it hosts nothing, and
	// Applications in its namespace are not accepted (reason TenantNotHosting). It can consent all the same.
	//
	// +optional
	Hosting *Hosting `json:"hosting,omitempty"`

	// state is Active (the default) or Suspended. Suspended: no application of this tenant gets a token, and no application
	// gets one for it, from this moment on (reason TenantSuspended). Nothing is deleted.
	//
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
}

// TenantStatus is what Countersign found.
type TenantStatus struct {
	// observedGeneration is the metadata.generation that this status is about. While it is behind, the conditions are about
	// an earlier spec. Absent: the operator has not looked at this object yet.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (the namespace is this tenant's alone) and Ready (Accepted, and the namespace is there).
	//
	// +optional
	// +default=[{"type":"Ready","status":"Unknown","reason":"Pending","message":"the operator has not looked at this object yet","lastTransitionTime":"1970-01-01T00:00:00Z"}]
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Tenant is a customer of the platform. Its name is the tenant id in token requests and tokens. The platform operator
// creates Tenants, and nobody else: a Tenant says which namespace speaks for whom.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=countersign
// +kubebuilder:selectablefield:JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.namespace`,description="The namespace that speaks for the tenant"
// +kubebuilder:printcolumn:name="Hosting",type=string,JSONPath=`.spec.hosting.stage`,description="How far the tenant's applications may reach; empty: it hosts nothing"
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name is the tenant id: at most 63 lowercase letters, digits and dashes, with a letter or digit at both ends, as 'acme'"
type Tenant struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata; metadata.name is the tenant id. Labels are what an Application's
	// spec.offer.tenantSelector selects by.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says which namespace speaks for the tenant and what it may host.
	//
	// +required
	Spec TenantSpec `json:"spec,omitzero"`

	// status is what Countersign found.
	//
	// +optional
	// +default={}
	Status TenantStatus `json:"status,omitzero"`
}

// TenantList is a list of Tenants.
//
// +kubebuilder:object:root=true
type TenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Tenant `json:"items"`
}
