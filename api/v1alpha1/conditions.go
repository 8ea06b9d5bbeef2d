package v1alpha1

// ConditionType names a condition of one of the five kinds, or of a version of an Application.
type ConditionType string

const (
	// ConditionAccepted says whether identity and references resolve: whether the object means something.
	ConditionAccepted ConditionType = "Accepted"
	// ConditionReady says whether the object was processed and nothing is broken. It is what kubectl wait and GitOps tools
	// look at: it is True for a grant that is suspended, expired or not offered, because nothing has to be mended there.
	ConditionReady ConditionType = "Ready"
	// ConditionEffective says whether a token can be had now, for one audience at least, on a TenantGrant (for its tenant),
	// on each version of an Application and, by one version at least, on the Application (for the host tenant's own data).
	// Its reason is the decision's.
	ConditionEffective ConditionType = "Effective"
	// ConditionTransferredTo says, on an Application with spec.transferTo, whether the hand-over is complete: the other
	// application names this one in spec.transferFrom.
	ConditionTransferredTo ConditionType = "TransferredTo"
	// ConditionTransferredFrom says, on an Application with spec.transferFrom, whether the other application names this one
	// in spec.transferTo.
	ConditionTransferredFrom ConditionType = "TransferredFrom"
	// ConditionWorkloadsUpdated says, on a version with workloads and a credential in its Secret, whether they were told of
	// every rotation and will be of the next. It breaks nothing: Ready stays True.
	ConditionWorkloadsUpdated ConditionType = "WorkloadsUpdated"
	// ConditionRotationPending says that a rotation of credentials is due or was asked for and was not done; its reason says
	// why. It stands on a version and on its Application, is True or absent, and breaks nothing: Ready stays True.
	ConditionRotationPending ConditionType = "RotationPending"
	// ConditionBound says, on an Application with credentialPolicy.bindingVersion, whether the Secret of the Service Binding
	// specification has that version's credentials.
	ConditionBound ConditionType = "Bound"
	// ConditionCredentialExpiring says that the last credential of a self-hosted version ends within seven days, or has
	// ended, and that none takes over. It stands on a version and on its Application, and is True or absent.
	ConditionCredentialExpiring ConditionType = "CredentialExpiring"
)

// Reason says why: in conditions, in the answers of the token server and in its audit log. Reasons are API.
type Reason string

// Reasons of conditions that are True.
const (
	// ReasonAccepted is used with Accepted=True.
	ReasonAccepted Reason = "Accepted"
	// ReasonReady is used with Ready=True.
	ReasonReady Reason = "Ready"
	// ReasonGranted is used with Effective=True, and is the reason of a decision that yields scopes.
	ReasonGranted Reason = "Granted"
	// ReasonAccessExceedsGrant is used with Effective=True on a TenantGrant where a version has more access than the grant
	// lists. Its tokens are narrowed to the grant; the message says what is missing.
	ReasonAccessExceedsGrant Reason = "AccessExceedsGrant"
	// ReasonWorkloadsUpdated is used with WorkloadsUpdated=True.
	ReasonWorkloadsUpdated Reason = "WorkloadsUpdated"
	// ReasonBound is used with Bound=True.
	ReasonBound Reason = "Bound"
	// ReasonHandedOver is used with TransferredTo=True.
	ReasonHandedOver Reason = "HandedOver"
	// ReasonTakenOver is used with TransferredFrom=True.
	ReasonTakenOver Reason = "TakenOver"
)

// Reasons why an object is not accepted or not ready.
const (
	// ReasonPending is used with Ready=Unknown on an object that the operator has not looked at yet. The schema sets it, so
	// that nobody takes an object for ready by having found nothing in its status.
	ReasonPending Reason = "Pending"
	// ReasonNamespaceConflict is used with Accepted=False on a Tenant whose namespace another Tenant claims, too.
	ReasonNamespaceConflict Reason = "NamespaceConflict"
	// ReasonNamespaceNotFound is used with Ready=False on a Tenant whose namespace does not exist: nobody can consent or host
	// there.
	ReasonNamespaceNotFound Reason = "NamespaceNotFound"
	// ReasonNamespaceTerminating is used with Ready=False on a Tenant whose namespace is being deleted, and all that is in it.
	ReasonNamespaceTerminating Reason = "NamespaceTerminating"
	// ReasonAudienceConflict is used with Accepted=False on a ResourceServer whose audience another one has, too.
	ReasonAudienceConflict Reason = "AudienceConflict"
	// ReasonResourceServerNotFound is used with Accepted=False on an Application that names a ResourceServer which does
	// not exist or is not accepted.
	ReasonResourceServerNotFound Reason = "ResourceServerNotFound"
	// ReasonTenantMismatch is used with Accepted=False on a TenantGrant whose spec.tenant is not the tenant of its
	// namespace.
	ReasonTenantMismatch Reason = "TenantMismatch"
	// ReasonInvalidSelector is used with Accepted=False on an Application whose spec.offer.tenantSelector cannot be read. It
	// selects nobody then.
	ReasonInvalidSelector Reason = "InvalidSelector"
	// ReasonDeleting is used with every condition of an object that was deleted and is held by a finalizer: it counts as
	// absent.
	ReasonDeleting Reason = "Deleting"
	// ReasonTransferPending is used with TransferredTo=False and TransferredFrom=False where the other application does not
	// name this one back. It also stands for one that does not exist: nobody finds out which applications other tenants have.
	ReasonTransferPending Reason = "TransferPending"
	// ReasonTransferToItself is used with TransferredTo=False and TransferredFrom=False where an Application names itself.
	ReasonTransferToItself Reason = "TransferToItself"
	// ReasonTransferCircular is used with TransferredTo=False and TransferredFrom=False where following the hand-overs leads
	// back to the Application: none of them has any effect.
	ReasonTransferCircular Reason = "TransferCircular"
	// ReasonCredentialsPending is used with Ready=False on a version (and its Application) whose credentials are not yet in
	// the Secret.
	ReasonCredentialsPending Reason = "CredentialsPending"
	// ReasonSecretNameConflict is used with Ready=False on a version whose Secret's name is taken by a Secret that is not
	// this version's, and with Bound=False where that is so of <application>.binding. Countersign never touches such a Secret.
	ReasonSecretNameConflict Reason = "SecretNameConflict"
	// ReasonSecretContested is used with Ready=False on a version whose Secret was lost or changed again and again: the next
	// repair waits, so that the credentials that pods hold stay valid.
	ReasonSecretContested Reason = "SecretContested"
)

// Reasons of conditions that are there only while something waits or draws near.
const (
	// ReasonWorkloadsForbidden is used with WorkloadsUpdated=False where a patch of a workload is forbidden: the operator has
	// not the optional role countersign-operator-workloads, or an admission policy refuses it.
	ReasonWorkloadsForbidden Reason = "WorkloadsForbidden"
	// ReasonWorkloadUpdateFailed is used with WorkloadsUpdated=False where a patch of a workload fails for another cause, as an
	// admission webhook that does not answer. It is tried again with growing pauses.
	ReasonWorkloadUpdateFailed Reason = "WorkloadUpdateFailed"
	// ReasonWorkloadNotFound is used with WorkloadsUpdated=False where one that is listed is not there. Once it is, its pods
	// start with the new secret anyway.
	ReasonWorkloadNotFound Reason = "WorkloadNotFound"
	// ReasonNothingToBind is used with Bound=False where the version that credentialPolicy.bindingVersion names has no
	// credentials of Countersign's: it has no access, brings verifiers of its own, or its application was handed over.
	ReasonNothingToBind Reason = "NothingToBind"
	// ReasonOverlapNotEnded is used with RotationPending=True where the version has as many valid secrets as rotation may
	// make: the next one waits until the overlap of one of them has ended.
	ReasonOverlapNotEnded Reason = "OverlapNotEnded"
	// ReasonInvalidAnnotation is used with RotationPending=True on an Application whose annotation countersign.dev/rotate or
	// countersign.dev/rotate-and-revoke cannot be read, or names a version that is not there. That annotation changes nothing.
	ReasonInvalidAnnotation Reason = "InvalidAnnotation"
	// ReasonEndsWithoutSuccessor is used with CredentialExpiring=True where the last of spec.versions[].verifiers ends within
	// seven days.
	ReasonEndsWithoutSuccessor Reason = "EndsWithoutSuccessor"
	// ReasonCredentialsExpired is used with CredentialExpiring=True where each of spec.versions[].verifiers has ended, and
	// with Effective=False there.
	ReasonCredentialsExpired Reason = "CredentialsExpired"
)

// Reasons why a decision yields no token. They are the reasons of Effective=False, and of Accepted=False where the object's
// owner can do something about it.
const (
	// ReasonApplicationNotFound is used where there is no Application of that name, or none that is offered to the asker.
	ReasonApplicationNotFound Reason = "ApplicationNotFound"
	// ReasonApplicationTransferred is used where the application was handed over to another one (spec.transferTo, and
	// spec.transferFrom of that one).
	ReasonApplicationTransferred Reason = "ApplicationTransferred"
	// ReasonVersionNotFound is used where spec.versions does not list the version.
	ReasonVersionNotFound Reason = "VersionNotFound"
	// ReasonTenantNotHosting is used where the application's namespace is no accepted tenant's, or the tenant hosts
	// nothing. The platform operator can change that in Tenant.spec.hosting.
	ReasonTenantNotHosting Reason = "TenantNotHosting"
	// ReasonTenantSuspended is used where the host tenant or the user tenant is suspended (Tenant.spec.state).
	ReasonTenantSuspended Reason = "TenantSuspended"
	// ReasonVersionSuspended is used where the version is suspended (Application.spec.versions[].state).
	ReasonVersionSuspended Reason = "VersionSuspended"
	// ReasonAccessNotGranted is used where the version has no access (Application.spec.versions[].access).
	ReasonAccessNotGranted Reason = "AccessNotGranted"
	// ReasonAccessLevelNotFound is used where the version's access names an AccessLevel that does not exist.
	ReasonAccessLevelNotFound Reason = "AccessLevelNotFound"
	// ReasonAudienceNotAllowed is used where the audience is none of the application's resource servers, or that
	// ResourceServer does not exist or is not accepted.
	ReasonAudienceNotAllowed Reason = "AudienceNotAllowed"
	// ReasonDevelopmentStage is used where an application of a Development host asks for another tenant.
	ReasonDevelopmentStage Reason = "DevelopmentStage"
	// ReasonTenantNotFound is used where there is no accepted Tenant of that name.
	ReasonTenantNotFound Reason = "TenantNotFound"
	// ReasonNotOffered is used where the application is not offered to the tenant (Application.spec.offer). On a
	// TenantGrant it also stands for an application that does not exist: a tenant cannot find out which applications exist
	// that are not offered to it.
	ReasonNotOffered Reason = "NotOffered"
	// ReasonNotGranted is used where the tenant has no TenantGrant for the application. It is also all that a client learns
	// about a tenant that has none, whether that tenant exists or not.
	ReasonNotGranted Reason = "NotGranted"
	// ReasonApplicationReplaced is used where the TenantGrant is for the UID of another Application of that name.
	ReasonApplicationReplaced Reason = "ApplicationReplaced"
	// ReasonGrantSuspended is used where the TenantGrant is suspended (TenantGrant.spec.state).
	ReasonGrantSuspended Reason = "GrantSuspended"
	// ReasonGrantExpired is used where the TenantGrant's expirationTime has passed.
	ReasonGrantExpired Reason = "GrantExpired"
	// ReasonVersionNotCovered is used where the TenantGrant lists versions, and not this one.
	ReasonVersionNotCovered Reason = "VersionNotCovered"
	// ReasonNothingInCommon is used where no scope is left in the intersection of what the version has, what the host
	// tenant's levels allow, what the audience knows and what the grant lists.
	ReasonNothingInCommon Reason = "NothingInCommon"
	// ReasonInvalidScope is used where a request asks for a scope that the decision does not yield.
	ReasonInvalidScope Reason = "InvalidScope"
)

// Names that Countersign gives to Secrets, and marks that it sets on them.
const (
	// FieldManager is the field manager under which the operator writes, so that its hand can be told from others'.
	FieldManager = "countersign-operator"

	// SecretTypeCredentials is the immutable type of every Secret that holds a version's credentials, also of the one of the
	// Service Binding specification. A Secret of another type is never touched.
	SecretTypeCredentials = "countersign.dev/credentials"
	// SecretTypeSigningKeys is the type of the Secret with the signing keys in Countersign's own namespace.
	SecretTypeSigningKeys = "countersign.dev/signing-keys"

	// AnnotationRotate is, on the Secret with the signing keys, a word of one's own choice: each new one rotates the keys of
	// both faces once, as the schedule would. On an Application, each new word rotates the credentials of every version once,
	// or, as <version>=<word>, of that version; several stand separated by commas.
	AnnotationRotate = "countersign.dev/rotate"
	// AnnotationRotated is, on a Secret with signing keys or credentials, the last such word that was acted on.
	AnnotationRotated = "countersign.dev/rotated"
	// AnnotationRotateAndRevoke is, on an Application, what AnnotationRotate is, and also ends every older secret at once.
	AnnotationRotateAndRevoke = "countersign.dev/rotate-and-revoke"
	// AnnotationRotatedAndRevoked is, on a Secret with credentials, the last such word that was acted on, and
	// AnnotationRotatedAndRevokedBefore those before it, newest first, with commas between. Where status is lost, they tell whether
	// the Secret is of after a revocation.
	AnnotationRotatedAndRevoked       = "countersign.dev/rotated-and-revoked"
	AnnotationRotatedAndRevokedBefore = "countersign.dev/rotated-and-revoked-before"
	// AnnotationRemoveKey is, on the Secret with the signing keys, the kids, separated by commas, of keys that must not be
	// there: each is removed at once, and tokens that it signed stop verifying.
	AnnotationRemoveKey = "countersign.dev/remove-key"
	// AnnotationRemovedKey is the last such list that was acted on. The operator writes it.
	AnnotationRemovedKey = "countersign.dev/removed-key"

	// AnnotationApplication is, on a Secret, the name of the Application whose it is.
	AnnotationApplication = "countersign.dev/application"
	// AnnotationApplicationUID is, on a Secret, the UID of the Application whose it is.
	AnnotationApplicationUID = "countersign.dev/application-uid"
	// AnnotationVersion is, on a Secret, the version whose it is.
	AnnotationVersion = "countersign.dev/version"
	// AnnotationSecretName is, on a Secret, its own name: a copy of it under another name is not Countersign's. One without it
	// counts as Countersign's under the default name alone, <application>.<version>.
	AnnotationSecretName = "countersign.dev/secret-name"
	// AnnotationBindingVersion is, on the Secret of the Service Binding specification, the version whose credentials are in it.
	// A Secret with it is no version's: nothing is ever read from it.
	AnnotationBindingVersion = "countersign.dev/binding-version"
	// AnnotationTemplate is, on a Secret with credentials, which state of credentialPolicy.secretTemplate was applied to it.
	AnnotationTemplate = "countersign.dev/template"
	// AnnotationCredentialID is, on a Secret, the id of the credential in it (status.versions[].verifiers[].id), and on the
	// pod template of a workload the id of the credential that its pods are to start with.
	AnnotationCredentialID = "countersign.dev/credential-id"
	// AnnotationIssueTime is, on a Secret, when the credential in it was made. It is read where status was lost, so that the
	// credential is not taken for an older one than it is.
	AnnotationIssueTime = "countersign.dev/issue-time"

	// LabelApplication is, on a Secret, the name of the Application, for people who select by it; nothing is ever decided
	// or deleted by a label.
	LabelApplication = "countersign.dev/application"
	// LabelVersion is, on a Secret, the version, for people who select by it.
	LabelVersion = "countersign.dev/version"
)
