package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessLevelSpec lists what a level means.
type AccessLevelSpec struct {
	// displayName is the level's name for people, as "Limited".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// description says in a sentence or two what an application of this level can do, and what it cannot.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`

	// scopes is what the level stands for, written out. Editing it changes at once what every version with this level can
	// ask for, and widens no TenantGrant: grants list scopes and never refer to a level.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Scopes []Scope `json:"scopes,omitempty"`
}

// AccessLevelStatus is what Countersign found.
type AccessLevelStatus struct {
	// observedGeneration is the metadata.generation that this status is about. While it is behind, the conditions are about
	// an earlier spec. Absent: the operator has not looked at this object yet.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted and Ready; a level refers to nothing, so both are True once it was seen.
	//
	// +optional
	// +default=[{"type":"Ready","status":"Unknown","reason":"Pending","message":"the operator has not looked at this object yet","lastTransitionTime":"1970-01-01T00:00:00Z"}]
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AccessLevel is a name for a set of scopes. A version of an Application is given access by level (or by scopes of its
// own), and the levels that a Tenant lists are the ceiling of what its applications can have. The platform operator
// creates AccessLevels.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=countersign
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Scopes",type=string,priority=1,JSONPath=`.spec.scopes`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 63 lowercase letters, digits and dashes, with a letter or digit at both ends, as 'limited'"
type AccessLevel struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata; Tenants and Applications refer to metadata.name.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec lists what the level means.
	//
	// +required
	Spec AccessLevelSpec `json:"spec,omitzero"`

	// status is what Countersign found.
	//
	// +optional
	// +default={}
	Status AccessLevelStatus `json:"status,omitzero"`
}

// AccessLevelList is a list of AccessLevels.
//
// +kubebuilder:object:root=true
type AccessLevelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AccessLevel `json:"items"`
}
