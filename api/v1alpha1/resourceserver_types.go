package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ResourceServerSpec says by which audience an API is known and which scopes it has.
type ResourceServerSpec struct {
	// audience is the value of the aud claim of tokens for this API, and of the resource or audience parameter of a token
	// request (RFC 8707): an absolute URI without a fragment, as https://api.example.com. It is compared byte for byte.
	// Where two ResourceServers have the same audience, neither is accepted (reason AudienceConflict) until one of them is
	// gone or changed.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-Z_a-z~]+$')",message="must be an absolute URI without a fragment, as 'https://api.example.com' (RFC 8707)"
	Audience string `json:"audience,omitempty"`

	// scopes is the catalogue of this API: no token for its audience has any other. There are no wildcards.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Scopes []Scope `json:"scopes,omitempty"`

	// introspection says who may ask what a token for this audience is worth today (RFC 7662). Absent: nobody; the API
	// verifies tokens by the published keys alone.
	//
	// +optional
	Introspection *Introspection `json:"introspection,omitempty"`
}

// Introspection says who may introspect the tokens for an audience.
type Introspection struct {
	// serviceAccounts are those as which the API's own pods run. A pod of theirs authenticates at the introspection endpoint by
	// its projected token, the token server's issuer being the token's only audience. While this ResourceServer is not
	// accepted (reason AudienceConflict), nobody may introspect for it. A name that is no ServiceAccount authenticates
	// nobody until there is one. Taking one out refuses its pods at once.
	//
	// +required
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ServiceAccounts []NamespacedServiceAccount `json:"serviceAccounts,omitempty"`
}

// ResourceServerStatus is what Countersign found.
type ResourceServerStatus struct {
	// observedGeneration is the metadata.generation that this status is about. While it is behind, the conditions are about
	// an earlier spec. Absent: the operator has not looked at this object yet.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (no other ResourceServer has the same audience) and Ready (Accepted, and nothing is broken).
	//
	// +optional
	// +default=[{"type":"Ready","status":"Unknown","reason":"Pending","message":"the operator has not looked at this object yet","lastTransitionTime":"1970-01-01T00:00:00Z"}]
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ResourceServer is an API of the platform that accepts Countersign's tokens. The platform operator creates
// ResourceServers: nobody else can make Countersign sign for an audience.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=countersign
// +kubebuilder:selectablefield:JSONPath=`.spec.audience`
// +kubebuilder:printcolumn:name="Audience",type=string,JSONPath=`.spec.audience`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 63 lowercase letters, digits and dashes, with a letter or digit at both ends, as 'iot'"
type ResourceServer struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata; Applications refer to metadata.name.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says by which audience the API is known and which scopes it has.
	//
	// +required
	Spec ResourceServerSpec `json:"spec,omitzero"`

	// status is what Countersign found.
	//
	// +optional
	// +default={}
	Status ResourceServerStatus `json:"status,omitzero"`
}

// ResourceServerList is a list of ResourceServers.
//
// +kubebuilder:object:root=true
type ResourceServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceServer `json:"items"`
}
