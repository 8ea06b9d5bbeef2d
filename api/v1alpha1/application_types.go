package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApplicationSpec is what the host tenant says of its application: what it may ask for, and to whom it is offered.
//
// +kubebuilder:validation:XValidation:rule="!has(self.credentialPolicy) || !has(self.credentialPolicy.bindingVersion) || has(self.versions) && self.versions.exists(v, v.version == self.credentialPolicy.bindingVersion)",message="credentialPolicy.bindingVersion names a version that spec.versions does not list: name one of them, or leave it out"
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
	// +kubebuilder:validation:XValidation:rule="self.all(v, !has(v.verifiers) || v.verifiers.all(s, self.exists_one(w, has(w.verifiers) && w.verifiers.exists(t, t.sha256 == s.sha256))))",message="two versions list the same verifier, whose secret would be either's: make a secret for each version"
	// +kubebuilder:validation:XValidation:rule="self.all(v, !has(v.serviceAccounts) || v.serviceAccounts.all(s, self.exists_one(w, has(w.serviceAccounts) && w.serviceAccounts.exists(t, t.name == s.name))))",message="two versions list the same ServiceAccount, whose pods could act as either: list it in one of them, and give the pods of the other a ServiceAccount of their own"
	// +kubebuilder:validation:XValidation:rule="self.all(v, !has(v.secretName) || self.exists_one(w, has(w.secretName) && w.secretName == v.secretName))",message="two versions have the same secretName, and each needs a Secret of its own: choose another name for one of them"
	Versions []ApplicationVersion `json:"versions,omitempty"`

	// credentialPolicy says how credentials are kept and shown to pods. Absent: the defaults of its fields.
	//
	// +optional
	// +default={}
	CredentialPolicy CredentialPolicy `json:"credentialPolicy,omitzero"`

	// transferTo hands this application over to another one, of another tenant as a rule: from the developer who wrote it to
	// the operator who runs it. It has effect only while that one names this one in transferFrom: then this application's
	// credentials are revoked and none of its versions gets a token (reason ApplicationTransferred), whatever is offered and
	// granted. Consents do not move: they name this application's UID. Condition TransferredTo says how far it has come.
	// Taken back by either side, this application gets new credentials; the old ones stay revoked.
	//
	// +optional
	TransferTo *ApplicationPeer `json:"transferTo,omitempty"`

	// transferFrom takes another application over: the other half of that one's transferTo. This application keeps what it
	// has and gets nothing of the other's: no credentials, no consents. Condition TransferredFrom says how far it has come.
	//
	// +optional
	TransferFrom *ApplicationPeer `json:"transferFrom,omitempty"`
}

// ApplicationPeer names the application at the other end of a transfer.
type ApplicationPeer struct {
	// tenant is the tenant that hosts it.
	//
	// +required
	Tenant TenantName `json:"tenant,omitempty"`

	// application is its name: metadata.name of the Application in that tenant's namespace.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="write metadata.name of the Application: lowercase letters and digits with dashes between, as 'kpi-dashboard'"
	Application string `json:"application,omitempty"`
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

// Application is a program that a tenant hosts and that works, with no user at the screen, on the data of the tenants that
// granted it access. Its name is the appName of token requests; the tenant of its namespace is its host tenant. For each
// version with access, Countersign keeps credentials in a Secret, <application>.<version> by default. Deleting an Application revokes
// everything at once; one that is created again under the same name is another one, and no credential or consent of the old
// one comes back.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=countersign
// +kubebuilder:metadata:labels="servicebinding.io/provisioned-service=true"
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.hostTenant`,description="The tenant that hosts it"
// +kubebuilder:printcolumn:name="Effective",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].status`,description="Whether a version can have a token for the host tenant's own data now"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].reason`,description="Why, or why not"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Effective")].message`
// +kubebuilder:printcolumn:name="Ready Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name is the appName: at most 63 lowercase letters, digits and dashes (no dots), with a letter or digit at both ends, as 'kpi-dashboard'"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.versions) || self.spec.versions.all(v, !has(v.secretName) || !self.spec.versions.exists(w, !has(w.secretName) && v.secretName == self.metadata.name + '.' + w.version))",message="a secretName is the default name of another version's Secret, <application>.<version>: choose another name, or give that version a secretName, too"
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
	// +default={}
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
