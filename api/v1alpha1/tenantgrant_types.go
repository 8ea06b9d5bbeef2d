package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TenantGrantSpec is a tenant's consent: to whom, and to what.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.tenant) || self.tenant == oldSelf.tenant",message="tenant is immutable: a grant is given by one tenant, delete it and create one in the other tenant's namespace"
type TenantGrantSpec struct {
	// tenant is the tenant that gives this grant: the one whose namespace this is. A grant that names another one has no
	// effect (reason TenantMismatch). It is written out so that a grant means the same wherever it is read, and copying it
	// to another namespace grants nothing. Immutable.
	//
	// +required
	Tenant TenantName `json:"tenant,omitempty"`

	// application is the Application that may act for the tenant.
	//
	// +required
	Application ApplicationReference `json:"application,omitzero"`

	// scopes is what the application may do on the tenant's data, written out: a token carries the intersection with what
	// the host tenant gave the version. No edit of an AccessLevel can widen it.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Scopes []Scope `json:"scopes,omitempty"`

	// versions restricts the grant to these versions of the application. Absent: all versions, later ones too.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Versions []VersionName `json:"versions,omitempty"`

	// expirationTime ends the grant, to the second and without anyone's doing (reason GrantExpired): no token is issued
	// from then on, and none outlives it. It is a time of RFC 3339 in capitals, as 2027-12-31T00:00:00Z. Absent: the grant
	// stands until it is deleted.
	// ---
	// The field has no format date-time: it admits texts that no Go program can read, as 2027-12-31t00:00:00z, and a single
	// one that is stored would stop whoever lists this kind. The rule admits none, and says in one message what to write; a
	// pattern would say itself, and a rule about a date-time would quote the error of whoever parsed it. The year 9999 ends in
	// UTC, since programs write times in UTC, and in years of four digits.
	//
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$') && !format.datetime().validate(self).hasValue() && (self.endsWith('Z') || !self.startsWith('9999'))",message="write a time as 2027-12-31T00:00:00Z: a day from the year 2000 on, T, hours, minutes and seconds, and Z or an offset as +01:00"
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`

	// state is Active (the default) or Suspended. Suspended: the application gets no token for this tenant, at once (reason
	// GrantSuspended). Deleting the grant does the same for good.
	//
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
}

// ApplicationReference names one Application, and not a later one of the same name.
type ApplicationReference struct {
	// hostTenant is the tenant that hosts the application.
	//
	// +required
	HostTenant TenantName `json:"hostTenant,omitempty"`

	// name is the application's name: metadata.name of the Application in the host tenant's namespace.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="write metadata.name of the Application: lowercase letters and digits with dashes between, as 'kpi-dashboard'"
	Name string `json:"name,omitempty"`

	// uid is metadata.uid of the Application. Names are not identities: an application that was deleted and created again
	// under the same name is another one, and this consent is not for it (reason ApplicationReplaced).
	//
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",message="uid must be the metadata.uid of the Application, as 'b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77': ask the host tenant's administrator for it"
	UID types.UID `json:"uid,omitempty"`
}

// TenantGrantStatus is what Countersign found. Nothing in it is authority.
type TenantGrantStatus struct {
	// observedGeneration is the metadata.generation that this status is about. While it is behind, the conditions are about
	// an earlier spec. Absent: the operator has not looked at this object yet.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (spec.tenant is the tenant of this namespace), Ready (Accepted, and nothing is broken; a grant
	// that is suspended, expired or not offered is Ready) and Effective (the application can have a token for this tenant
	// now, for one audience at least; the reason says why not, or that a version has access beyond the grant).
	//
	// +optional
	// +default=[{"type":"Ready","status":"Unknown","reason":"Pending","message":"the operator has not looked at this object yet","lastTransitionTime":"1970-01-01T00:00:00Z"}]
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TenantGrant is a tenant's consent that an application of another tenant may act on its data: the second signature. It
// stands in the namespace of the tenant that gives it, its existence is the confirmation, and deleting it withdraws it at
// once. Its name is <hostTenant>.<application>, so that there is one for an application and a tenant.
// ---
// The rule on the name says nothing where a part of it can be none: the rules of the fields do.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=countersign
// +kubebuilder:printcolumn:name="Tenant",type=string,JSONPath=`.spec.tenant`,description="The tenant that gives the grant"
// +kubebuilder:printcolumn:name="Effective",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].status`,description="Whether the application can have a token for the tenant now"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Effective")].message`
// +kubebuilder:printcolumn:name="Expires",type=string,priority=1,JSONPath=`.spec.expirationTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="![self.spec.application.hostTenant, self.spec.application.name].all(n, n.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')) || self.metadata.name == self.spec.application.hostTenant + '.' + self.spec.application.name",messageExpression="'metadata.name must be <hostTenant>.<application>: name this grant ' + self.spec.application.hostTenant + '.' + self.spec.application.name",message="metadata.name must be <hostTenant>.<application>"
type TenantGrant struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata; metadata.name must be <hostTenant>.<application>.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the tenant's consent.
	//
	// +required
	Spec TenantGrantSpec `json:"spec,omitzero"`

	// status is what Countersign found.
	//
	// +optional
	// +default={}
	Status TenantGrantStatus `json:"status,omitzero"`
}

// TenantGrantList is a list of TenantGrants.
//
// +kubebuilder:object:root=true
type TenantGrantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TenantGrant `json:"items"`
}
