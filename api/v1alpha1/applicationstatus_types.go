package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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

	// verifiers are what the token server checks a client secret against, newest first: the current one and the
	// previous ones, each with its end. One that has ended opens nothing, and stays listed for two hours more,
	// or, where a Secret was lost, for a day in which the next repair may have to wait.
	// Rotation keeps to three: one that would make a fourth waits (condition RotationPending). Repairs of a Secret that is
	// lost again and again can make more, since nobody loses a valid secret before its overlap has ended; they wait before
	// the list is full.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	Verifiers []Verifier `json:"verifiers,omitempty"`

	// workloadsCredentialID is the last credential that every listed workload was told of, or the one that was current when
	// they were first listed. Where it is not the current one, a rotation is theirs still to hear of, whatever becomes of the
	// operator.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	WorkloadsCredentialID string `json:"workloadsCredentialID,omitempty"`

	// workloadsTold are those that were told of a later credential while others could not be: nobody is told twice. Absent
	// where workloadsCredentialID says it of all.
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	WorkloadsTold []ToldWorkload `json:"workloadsTold,omitempty"`

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

	// rotatedBefore are the words that were acted on before the one in rotated, newest first. None of them rotates again, as
	// when a manifest is rolled back.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	RotatedBefore []string `json:"rotatedBefore,omitempty"`

	// rotatedAndRevokedBefore are the same for the one in rotatedAndRevoked.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	RotatedAndRevokedBefore []string `json:"rotatedAndRevokedBefore,omitempty"`

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

// ToldWorkload is a workload, and the credential whose id its pod template was given last.
type ToldWorkload struct {
	Workload `json:",inline"`

	// credentialID is that of the credential.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	CredentialID string `json:"credentialID,omitempty"`
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
