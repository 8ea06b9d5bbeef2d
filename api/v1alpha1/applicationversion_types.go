package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
	// ---
	// The rule is that of TenantGrant.spec.expirationTime.
	//
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$') && !format.datetime().validate(self).hasValue() && (self.endsWith('Z') || !self.startsWith('9999'))",message="write a time as 2027-12-31T00:00:00Z: a day from the year 2000 on, T, hours, minutes and seconds, and Z or an offset as +01:00"
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
