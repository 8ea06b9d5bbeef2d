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

	// secretName is the name of the Secret in this namespace that is to hold this version's credentials: a DNS subdomain, as
	// kpi-dashboard-credentials. Absent: <application>.<version>. Changing it makes a new credential, in a Secret of the new
	// name; the former Secret is removed once that is there, and its secret stays valid for the overlap. A name that another
	// Secret has is never taken from it (reason SecretNameConflict).
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="write the metadata.name that the Secret is to have: lowercase letters and digits with dashes and dots between, as 'kpi-dashboard-credentials'"
	SecretName string `json:"secretName,omitempty"`

	// serviceAccounts are the ServiceAccounts of this namespace whose pods are this version: a pod of theirs authenticates by
	// its projected token, the token server's issuer being the token's only audience, and needs no client secret (RFC 7523).
	// Absent: by client secret alone. The Secret is kept either way, for who uses it; without access they authenticate and
	// get no token (reason AccessNotGranted). A name that is no ServiceAccount authenticates nobody until there is one: no
	// condition says so, since Countersign does not watch ServiceAccounts. Taking one out refuses its pods at once.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	ServiceAccounts []LocalServiceAccount `json:"serviceAccounts,omitempty"`

	// verifiers are for an application that runs outside the cluster and brings client secrets of its own, in the form that
	// kubectl countersign credentials new makes: what stands here is the SHA-256 of each, never the secret. Two at most, so
	// that one can take over from the other. Present: Countersign keeps no Secret for this version, and removes the one that
	// it kept; its credential ends as a previous one does, after the overlap. Taking one out refuses its secret at once.
	// Absent: Countersign makes the credentials, and keeps them in the version's Secret.
	//
	// +optional
	// +listType=map
	// +listMapKey=sha256
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || self[0].sha256.size() < 16 || self[1].sha256.size() < 16 || self[0].sha256.substring(0, 16) != self[1].sha256.substring(0, 16)",message="two verifiers of a version begin with the same 16 digits, by which tokens name them: make another secret"
	Verifiers []SelfHostedVerifier `json:"verifiers,omitempty"`

	// workloads are the Deployments, StatefulSets and DaemonSets of this namespace whose pods take this version's
	// credentials: after each rotation their pod template gets the annotation countersign.dev/credential-id with the id of
	// the new one, so that they roll once, and never otherwise. The operator needs the optional role
	// countersign-operator-workloads for it (condition WorkloadsUpdated says whether it has). Absent: pods find the new
	// secret when they start the next time, and have to within the overlap.
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Workloads []Workload `json:"workloads,omitempty"`

	// state is Active (the default) or Suspended. Suspended: this version gets no token, at once (reason
	// VersionSuspended); its credentials stay.
	//
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
}

// WorkloadKind is a kind of apps/v1 with a pod template that rolls when it is changed.
//
// +kubebuilder:validation:Enum=Deployment;StatefulSet;DaemonSet
type WorkloadKind string

const (
	// WorkloadDeployment is a Deployment.
	WorkloadDeployment WorkloadKind = "Deployment"
	// WorkloadStatefulSet is a StatefulSet.
	WorkloadStatefulSet WorkloadKind = "StatefulSet"
	// WorkloadDaemonSet is a DaemonSet.
	WorkloadDaemonSet WorkloadKind = "DaemonSet"
)

// Workload names a workload of the Application's namespace.
type Workload struct {
	// kind is Deployment, StatefulSet or DaemonSet, of apps/v1.
	//
	// +required
	Kind WorkloadKind `json:"kind,omitempty"`

	// name is its metadata.name.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="write metadata.name of the workload: lowercase letters and digits with dashes and dots between, as 'kpi-dashboard'"
	Name string `json:"name,omitempty"`
}

// SelfHostedVerifier is what an application that runs outside the cluster shows of a client secret that it made itself.
// Tokens, the audit log and introspection name it as sh:<the first 16 digits of sha256>.
type SelfHostedVerifier struct {
	// sha256 is the SHA-256 of the secret, 64 lowercase hexadecimal digits. A secret of any other form than Countersign's own
	// is refused before it is hashed, so the hash of a password of one's own never opens anything.
	//
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]+$')",message="sha256 is the SHA-256 of a client secret, 64 lowercase hexadecimal digits: kubectl countersign credentials new prints both"
	SHA256 string `json:"sha256,omitempty"`

	// expirationTime ends the credential, to the second, by the token server's clock: nobody rotates it but its owner, so it
	// must have an end. It is a time of RFC 3339 in capitals, as 2027-12-31T00:00:00Z. Seven days before the last of a
	// version's verifiers ends, the condition CredentialExpiring says so.
	//
	// The pattern is narrower than the format date-time, as in TenantGrant.spec.expirationTime.
	//
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self > timestamp('2000-01-01T00:00:00Z')",message="expirationTime is a time of this century, as 2027-12-31T00:00:00Z"
	ExpirationTime metav1.Time `json:"expirationTime,omitzero"`
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

// ApplicationStatus is what Countersign found and what it keeps of the credentials: hashes, never secrets.
type ApplicationStatus struct {
	// observedGeneration is the metadata.generation that this status is about. While it is behind, the conditions are about
	// an earlier spec. Absent: the operator has not looked at this object yet.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// hostTenant is the tenant that hosts this application: the one whose namespace this is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	HostTenant string `json:"hostTenant,omitempty"`

	// conditions are Accepted (host tenant, resource servers and access levels resolve), Ready (Accepted, and every version
	// with access has credentials in its Secret), Effective (a version can have a token for the host tenant's own data now)
	// and, where the spec has one half of a transfer, TransferredTo or TransferredFrom (the other half is there).
	// Bound is there while credentialPolicy.bindingVersion is set.
	// RotationPending and CredentialExpiring are there while a version has them; RotationPending also while an annotation
	// that asks for a rotation cannot be read.
	//
	// +optional
	// +default=[{"type":"Ready","status":"Unknown","reason":"Pending","message":"the operator has not looked at this object yet","lastTransitionTime":"1970-01-01T00:00:00Z"}]
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// binding names the Secret that holds the credentials of credentialPolicy.bindingVersion as the Service Binding
	// specification wants them. Absent: it is not there, or not asked for.
	//
	// +optional
	Binding *Binding `json:"binding,omitempty"`

	// versions is the state of each version in spec.versions.
	//
	// +optional
	// +listType=map
	// +listMapKey=version
	// +kubebuilder:validation:MaxItems=64
	Versions []ApplicationVersionStatus `json:"versions,omitempty"`
}

// Binding refers to a Secret, as status.binding of a Provisioned Service does (Service Binding specification 1.1).
type Binding struct {
	// name is the name of a Secret in this namespace.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
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

	// secretName is the Secret in this namespace that holds the credentials, for envFrom: under a name that spec has newly
	// chosen, once they are there. Absent where none is kept.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// verifiers are what the token server checks a client secret against, newest first: the current one and those previous
	// ones whose overlap has not ended. One that has ended opens nothing, and stays listed until an hour after its issue.
	// Rotation keeps to three: one that would make a fourth waits (condition RotationPending). Repairs of a Secret that is
	// lost again and again can make more, since nobody loses a valid secret before its overlap has ended; they wait before
	// the list is full.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	Verifiers []Verifier `json:"verifiers,omitempty"`

	// workloadsCredentialID is the credential that the workloads were told of last, or the one that was current when they were
	// listed. It says, whatever becomes of the operator, whether a rotation is theirs still to hear of.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	WorkloadsCredentialID string `json:"workloadsCredentialID,omitempty"`

	// nextRotationTime is when the current credential is replaced by a new one: when it has the age of
	// credentialPolicy.rotateAfter, or, where a rotation waits, when the overlap before it ends. Absent: by hand alone.
	//
	// +optional
	NextRotationTime *metav1.Time `json:"nextRotationTime,omitempty"`

	// rotated is the word of the annotation countersign.dev/rotate that was acted on last, or that stood there when the
	// version had its first credential: that one is noted and rotates nothing.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Rotated string `json:"rotated,omitempty"`

	// rotatedAndRevoked is the same for the annotation countersign.dev/rotate-and-revoke.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RotatedAndRevoked string `json:"rotatedAndRevoked,omitempty"`

	// revocationTime is when every credential that the version had until then was ended at once: by rotate-and-revoke, by a
	// transfer, or with its access. From then on no Secret is believed whose credential is not among the verifiers, whoever
	// puts it back.
	//
	// +optional
	RevocationTime *metav1.Time `json:"revocationTime,omitempty"`

	// conditions are Ready (the credentials stand in the Secret, or none are due) and Effective (this version can have a
	// token for the host tenant's own data now, for one audience at least; the reason says why not). RotationPending is there
	// while a rotation waits, CredentialExpiring while the last credential of a self-hosted version is about to end or has
	// ended.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Cause says why a credential was made.
//
// +kubebuilder:validation:Enum=Issue;Rotation;Repair;Move;Rebuild
type Cause string

const (
	// CauseIssue is used where the version had none.
	CauseIssue Cause = "Issue"
	// CauseRotation is used where the one before had reached its age, or somebody asked.
	CauseRotation Cause = "Rotation"
	// CauseRepair is used where the Secret was deleted or changed.
	CauseRepair Cause = "Repair"
	// CauseMove is used where spec.versions[].secretName has another name for the Secret.
	CauseMove Cause = "Move"
	// CauseRebuild is used where status was lost and the Secret was not. The credential is an old one.
	CauseRebuild Cause = "Rebuild"
)

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

	// cause is why the credential was made.
	//
	// +optional
	Cause Cause `json:"cause,omitempty"`

	// nonce is the word of the annotation countersign.dev/rotate for which the credential was made. Absent: for none. It is
	// what tells after a crash whether the word was acted on.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Nonce string `json:"nonce,omitempty"`

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
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
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
