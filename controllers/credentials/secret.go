package credentials

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// ApplicationOf returns the key of the Application that a Secret says it is for; false where it says none, or is not of
// the type of credentials. What a Secret says gives it no right: it is only what to look at when the Secret changes.
func ApplicationOf(object client.Object) (types.NamespacedName, bool) {
	secret, ok := object.(*corev1.Secret)
	if !ok || secret.Type != v1alpha1.SecretTypeCredentials {
		return types.NamespacedName{}, false
	}
	name := secret.Annotations[v1alpha1.AnnotationApplication]
	return types.NamespacedName{Namespace: secret.Namespace, Name: name}, name != ""
}

// FieldApplication is the index of Secrets by which a Phase finds an application's among thousands in a namespace. A cache
// has it; the API server selects Secrets by no such field.
const FieldApplication = "application"

// ByApplication returns the values of FieldApplication: the name of the Application that the Secret says it is for.
func ByApplication(secret *corev1.Secret) []string {
	if key, ok := ApplicationOf(secret); ok {
		return []string{key.Name}
	}
	return nil
}

// secretName is the name that a version's Secret is to have.
func secretName(app *v1alpha1.Application, v *v1alpha1.ApplicationVersion) string {
	if v.SecretName != "" {
		return v.SecretName
	}
	return defaultName(app.Name, v.Version)
}

// defaultName is that of a version which chooses none. Names of applications have no dot, so no two versions share one.
func defaultName(application string, version v1alpha1.VersionName) string {
	return application + "." + string(version)
}

// hasOwnName reports whether the Secret has the name that it was made with. A copy under another name has not, and one of a
// version that has chosen another name since has.
func hasOwnName(secret *corev1.Secret, application string) bool {
	name, marked := secret.Annotations[v1alpha1.AnnotationSecretName]
	if !marked {
		name = defaultName(application, v1alpha1.VersionName(secret.Annotations[v1alpha1.AnnotationVersion]))
	}
	return secret.Name == name
}

// isOf reports whether the Secret is one that was made for the application with this very UID and this version, under the
// name that it is to have now or another one. Any other Secret is somebody else's, whatever its labels say.
func isOf(secret *corev1.Secret, app *v1alpha1.Application, version v1alpha1.VersionName) bool {
	_, binds := secret.Annotations[v1alpha1.AnnotationBindingVersion]
	return !binds && version != "" && secret.Type == v1alpha1.SecretTypeCredentials &&
		secret.Annotations[v1alpha1.AnnotationApplication] == app.Name &&
		secret.Annotations[v1alpha1.AnnotationApplicationUID] == string(app.UID) &&
		secret.Annotations[v1alpha1.AnnotationVersion] == string(version) &&
		hasOwnName(secret, app.Name)
}

// isOrphan reports whether the Secret is one that Countersign made for an application of this name with another UID than
// the living one's: type, annotations, name and owner reference all say so. The garbage collector removes it, too; the
// operator is sooner, so that an application which is created again does not wait for its Secret's name.
func isOrphan(secret *corev1.Secret, application string, living types.UID) bool {
	uid := types.UID(secret.Annotations[v1alpha1.AnnotationApplicationUID])
	return secret.Type == v1alpha1.SecretTypeCredentials &&
		secret.Annotations[v1alpha1.AnnotationApplication] == application &&
		hasOwnName(secret, application) &&
		uid != "" && uid != living && ownedBy(secret, uid)
}

// strangerOf is the UID of another Application of the same name, where the Secret says that it was made for that one.
func strangerOf(secret *corev1.Secret, app *v1alpha1.Application) types.UID {
	of, ok := ApplicationOf(secret)
	uid := types.UID(secret.Annotations[v1alpha1.AnnotationApplicationUID])
	if !ok || of.Name != app.Name || uid == app.UID {
		return ""
	}
	return uid
}

func ownedBy(secret *corev1.Secret, uid types.UID) bool {
	return slices.ContainsFunc(secret.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == uid })
}

// content is the client secrets that stand in a Secret. The zero value is a Secret without any.
type content struct {
	// absent says that there is no Secret.
	absent bool
	// candidate is the one that pods get as their client secret, or nil where that variable holds something else.
	candidate *credential.Secret
	// all is every value that has the form of a client secret: after a change of the environment the credential stands
	// under its former name.
	all []credential.Secret
	// id is the credential's that the Secret says it holds, and revoked the words of the revocations before it, newest first.
	id      string
	revoked []string
	// late says that status tells of other versions, so that it was not lost: the Secret is a copy of one that was removed.
	late bool
	// former is what stands in Secrets of the version that have another name.
	former []content
}

// revokedBy returns the words of rotate-and-revoke that the Secret says were acted on before its credential was made, newest
// first.
func revokedBy(secret *corev1.Secret) []string {
	words := []string{secret.Annotations[v1alpha1.AnnotationRotatedAndRevoked]}
	words = append(words, strings.Split(secret.Annotations[v1alpha1.AnnotationRotatedAndRevokedBefore], ",")...)
	words = slices.DeleteFunc(words, func(text string) bool { return !word.MatchString(text) })
	return words[:min(len(words), maxWords)]
}

// contentOf reads a Secret whose client secret should stand under that key.
func contentOf(secret *corev1.Secret, key string) content {
	var c content
	if secret == nil {
		return content{absent: true}
	}
	c.id = secret.Annotations[v1alpha1.AnnotationCredentialID]
	c.revoked = revokedBy(secret)
	for name, value := range secret.Data {
		parsed, err := credential.Parse(string(value))
		if err != nil {
			continue
		}
		c.all = append(c.all, parsed)
		if name == key {
			c.candidate = &parsed
		}
	}
	if c.candidate == nil && len(c.all) == 1 {
		c.candidate = &c.all[0]
	}
	if secret.DeletionTimestamp != nil {
		c.candidate = nil // held by somebody's finalizer, and absent
	}
	return c
}

// find returns the client secret that the verifier is of.
func (c content) find(verifier v1alpha1.Verifier) (credential.Secret, bool) {
	hash, err := credential.ParseHash(verifier.SHA256)
	if err != nil {
		return credential.Secret{}, false
	}
	for _, secret := range c.all {
		if secret.Hash().Equal(hash) {
			return secret, true
		}
	}
	return credential.Secret{}, false
}

// isBelieved reports whether a client secret is valid because it stands in the Secret: only where status says nothing at all, for
// a foreign value must never become valid, nor a revoked one valid again. Where a word asks for a revocation, the Secret has to
// say that it is of after that.
func (c content) isBelieved(former v1alpha1.ApplicationVersionStatus, wanted wish) bool {
	return c.candidate != nil && !c.late && len(former.Verifiers) == 0 && former.RevocationTime == nil &&
		(wanted.revoke == "" || slices.Contains(c.revoked, wanted.revoke))
}

func (c content) holds(verifier v1alpha1.Verifier) bool {
	_, found := c.find(verifier)
	return found
}

// isElsewhere reports whether the newest credential stands in a Secret of another name, as where that name was chosen for a moment:
// then it is not lost.
func (c content) isElsewhere(former v1alpha1.ApplicationVersionStatus) bool {
	return len(former.Verifiers) > 0 && !c.holds(former.Verifiers[0]) &&
		slices.ContainsFunc(c.former, func(f content) bool { return f.holds(former.Verifiers[0]) })
}

// held reports whether a Secret of the version holds the credential, or was changed after it did: pods may have it then.
func (c content) held(verifier v1alpha1.Verifier) bool {
	return c.id == verifier.ID || c.holds(verifier) ||
		slices.ContainsFunc(c.former, func(f content) bool { return f.held(verifier) })
}

// shape is what a Secret of the application has to be called and to say.
type shape struct {
	app                 *v1alpha1.Application
	name                string
	annotations, labels map[string]string
	data                map[string][]byte
	template            template
}

// fits reports whether the Secret says all that it has to say.
func (s shape) fits(secret *corev1.Secret) bool {
	return !s.applyTo(secret.DeepCopy()) && s.template.isOn(secret)
}

// applyTo brings a Secret into shape and reports whether anything had to change. Labels and annotations of others stay;
// the data is Countersign's alone, for every key of it becomes an environment variable.
func (s shape) applyTo(secret *corev1.Secret) bool {
	before := secret.DeepCopy()
	secret.Annotations = merged(secret.Annotations, s.annotations)
	secret.Labels = merged(secret.Labels, s.labels)
	if !ownedBy(secret, s.app.UID) {
		secret.OwnerReferences = append(secret.OwnerReferences, s.owner(secret))
	}
	secret.Data = s.data
	return !maps.Equal(before.Annotations, secret.Annotations) || !maps.Equal(before.Labels, secret.Labels) ||
		len(before.OwnerReferences) != len(secret.OwnerReferences) || !maps.EqualFunc(before.Data, secret.Data, bytes.Equal)
}

// marks are the annotations by which a Secret of the application is known, with the credential in it.
func marks(app *v1alpha1.Application, name string, credential v1alpha1.Verifier) map[string]string {
	return map[string]string{
		v1alpha1.AnnotationApplication:    app.Name,
		v1alpha1.AnnotationApplicationUID: string(app.UID),
		v1alpha1.AnnotationSecretName:     name,
		v1alpha1.AnnotationCredentialID:   credential.ID,
		v1alpha1.AnnotationIssueTime:      credential.IssueTime.UTC().Format(time.RFC3339),
	}
}

// owner refers to the application for the garbage collector. It does not block the owner's deletion: absence is
// revocation, and nothing of ours may hold it up.
func (s shape) owner(secret *corev1.Secret) metav1.OwnerReference {
	ref := metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "Application", Name: s.app.Name, UID: s.app.UID,
	}
	if metav1.GetControllerOf(secret) == nil {
		controller := true
		ref.Controller = &controller
	}
	return ref
}

func merged(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, over)
	return out
}
