package credentials

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// binding is the Secret of the Service Binding specification in a round: a second place for the credentials of one version,
// under the names that the specification and Spring Cloud Bindings know. It follows that version's Secret, and nothing is ever
// read from it: a value in it that is not the version's is written over.
//
// Its type is that of the other Secrets, where the specification only recommends servicebinding.io/oauth2: the operator watches
// Secrets of one type, so that it keeps no others in memory.
type binding struct {
	name string
	// version is whose credentials are to be in it, "" for none, and step what the round says of that version, or nil.
	version v1alpha1.VersionName
	step    *step
	// secret is the Secret, or nil; taken says that somebody else's has the name.
	secret *corev1.Secret
	taken  bool
	// contested is until when it stays as it is, because it was put right again and again. Zero: it does not.
	contested time.Time
	// arrived says that it has what it is to have.
	arrived bool
	err     error
}

func bindingName(application string) string { return application + ".binding" }

// isBinding reports whether the Secret is the one that was made for the bindings of the application with this very UID.
func isBinding(secret *corev1.Secret, app *v1alpha1.Application) bool {
	_, binds := secret.Annotations[v1alpha1.AnnotationBindingVersion]
	return binds && secret.Type == v1alpha1.SecretTypeCredentials &&
		secret.Annotations[v1alpha1.AnnotationApplication] == app.Name &&
		secret.Annotations[v1alpha1.AnnotationApplicationUID] == string(app.UID) &&
		secret.Name == bindingName(app.Name) && hasOwnName(secret, app.Name)
}

// thinkOfBinding says what there is of the binding, and whether that is what is wanted. The steps are thought of before.
func (p *Phase) thinkOfBinding(app *v1alpha1.Application, r *round, secrets map[string]*corev1.Secret) *binding {
	b := &binding{name: bindingName(app.Name), version: app.Spec.CredentialPolicy.BindingVersion}
	if b.version == "" {
		b.secret = secrets[b.name]
		return b
	}
	b.step = r.step(b.version)
	switch secret := secrets[b.name]; {
	case secret == nil || isOrphan(secret, app.Name, app.UID):
		b.taken = r.wants(b.name)
	case isBinding(secret, app):
		b.secret = secret
	default:
		b.taken = true
	}
	if b.follows() && b.step.plan.action == keep {
		if b.arrived = b.isOfVersion() && b.shape(app).fits(b.secret); !b.arrived {
			b.contested = p.mends.until(client.ObjectKey{Namespace: app.Namespace, Name: b.name}, r.now)
		}
	}
	return b
}

// follows reports whether the version's own Secret has, or is about to have, what is to be in this one.
func (b *binding) follows() bool {
	return b.step != nil && !b.taken && b.step.situation == entitled && b.step.plan.action != pause
}

// looksLive reports whether there is something to do that has to rest on what the API server says now.
func (b *binding) looksLive() bool { return b.follows() && !b.arrived && b.contested.IsZero() }

// needs reports whether the Secret is still to be there: while the version waits, it stays as it is, unless it is another
// version's, or what is in it was revoked.
func (b *binding) needs() bool {
	switch {
	case b.step == nil || b.secret == nil || !b.step.keepsSecret():
		return false
	case b.step.situation == entitled:
		return true
	}
	isDead := len(b.step.entry.Verifiers) == 0 && b.step.entry.RevocationTime != nil
	return !isDead && b.isOfVersion()
}

func (b *binding) isOfVersion() bool {
	return b.secret != nil && b.secret.DeletionTimestamp == nil &&
		b.secret.Annotations[v1alpha1.AnnotationBindingVersion] == string(b.version)
}

func (b *binding) shape(app *v1alpha1.Application) shape {
	newest := b.step.entry.Verifiers[0]
	annotations := marks(app, b.name, newest)
	annotations[v1alpha1.AnnotationBindingVersion] = string(b.version)
	return shape{
		app: app, name: b.name, annotations: annotations, template: templateOf(app),
		labels: map[string]string{v1alpha1.LabelApplication: app.Name}, data: b.step.bindingData(b.step.text),
	}
}

// bind writes the binding's Secret after that of its version.
func (p *Phase) bind(ctx context.Context, app *v1alpha1.Application, r *round) {
	b := r.binding
	if !b.looksLive() || !b.step.arrived {
		return
	}
	wanted := b.shape(app)
	secret, err := p.write(ctx, b.secret, wanted)
	if err != nil {
		b.err = err
		return
	}
	b.err = p.dress(ctx, secret, wanted.template)
	if b.step.plan.action == keep && app.Status.Binding != nil {
		p.mends.note(client.ObjectKeyFromObject(secret), wanted, r.now)
	}
	b.secret, b.arrived = secret, true
}

// reported is what status says of the binding.
func (b *binding) reported() *v1alpha1.Binding {
	if !b.isOfVersion() || !b.needs() {
		return nil
	}
	return &v1alpha1.Binding{Name: b.name}
}

// bound is what the application's condition Bound says: nil where no binding is asked for.
func (b *binding) bound() *finding {
	if b.version == "" {
		return nil
	}
	f := found(v1alpha1.ReasonCredentialsPending, "Secret %s waits for the credentials of version %s, whose condition Ready says more",
		b.name, b.version)
	switch {
	case b.step == nil || !b.step.keepsSecret():
		f = found(v1alpha1.ReasonNothingToBind,
			"credentialPolicy.bindingVersion names version %s, for which no credentials are kept: name another one, or leave it out", b.version)
	case b.taken:
		f = found(v1alpha1.ReasonSecretNameConflict,
			"Secret %s is, or is to be, another one than that of the binding: delete or rename it; Countersign never touches it", b.name)
	case !b.contested.IsZero():
		f = found(v1alpha1.ReasonSecretContested,
			"Secret %s was deleted or changed again and again%s: it is put right at %s; stop whoever writes it",
			b.name, lastWriter(b.secret), readable(b.contested))
	case b.err != nil:
		f = found(v1alpha1.ReasonCredentialsPending, "%s", b.err)
	case b.arrived && b.isOfVersion():
		f = found(v1alpha1.ReasonBound, "Secret %s has the credentials of version %s", b.name, b.version)
	}
	return &f
}

// next is when there is something to do without anybody's change.
func (b *binding) next(now time.Time) time.Time {
	if b.taken {
		return now.Add(conflictRetry)
	}
	return b.contested
}
