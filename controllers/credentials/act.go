package credentials

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// fieldManager is the name under which Secrets are written, so that a foreign hand can be told from our own.
const fieldManager = "countersign-operator"

// defaultOverlap stands for an overlap that is not set; the schema sets it.
const defaultOverlap = 168 * time.Hour

// act does what the round says, in the order that a crash between any two writes can be told from: leftovers go, verifiers
// are written, then Secrets. Marking them delivered is left to the caller's one write of status.
func (p *Phase) act(ctx context.Context, app *v1alpha1.Application, r *round) error {
	for _, secret := range r.leftovers {
		if err := p.remove(ctx, secret); err != nil {
			return err
		}
		p.Events.Eventf(app, secret, corev1.EventTypeNormal, eventRemoved, actionRemove,
			"Secret %s was removed with its version or access", secret.Name)
	}
	if err := p.prepare(ctx, app, r); err != nil {
		return err
	}
	for _, s := range r.steps {
		if !s.looksLive() || s.plan.action == pause {
			continue
		}
		if s.err = p.write(ctx, app, s); s.err == nil {
			s.verifiers = delivered(s.verifiers, r.now, overlapOf(app))
			p.tell(app, s)
		}
	}
	return nil
}

// prepare makes the new credentials' verifiers and writes them to status, all in one write.
func (p *Phase) prepare(ctx context.Context, app *v1alpha1.Application, r *round) error {
	fresh := false
	for _, s := range r.steps {
		var err error
		switch {
		case s.situation != entitled:
		case s.plan.action == issue:
			fresh, err = true, p.issue(s, r.now)
		case s.plan.action == rebuild:
			err = p.rebuild(s, r.now)
		}
		if err != nil {
			return err
		}
	}
	if !fresh {
		return nil
	}
	r.settle(app)
	if err := p.Client.Status().Update(ctx, app); err != nil {
		return fmt.Errorf("writing verifiers to status: %w", err)
	}
	return nil
}

func (p *Phase) issue(s *step, now time.Time) error {
	secret, err := credential.New(p.Rand)
	if err != nil {
		return err
	}
	id, err := credential.NewID(p.Rand)
	if err != nil {
		return err
	}
	verifier := v1alpha1.Verifier{ID: id, SHA256: secret.Hash().String(), IssueTime: metav1.Time{Time: now}}
	s.text, s.verifiers = secret, append([]v1alpha1.Verifier{verifier}, s.plan.verifiers...)
	return nil
}

// rebuild makes the verifier from the Secret. It keeps its id where the Secret has one, so that tokens in hand go on.
func (p *Phase) rebuild(s *step, now time.Time) error {
	id := s.secret.Annotations[v1alpha1.AnnotationCredentialID]
	if id == "" || len(id) > 64 {
		var err error
		if id, err = credential.NewID(p.Rand); err != nil {
			return err
		}
	}
	s.verifiers = []v1alpha1.Verifier{{
		ID: id, SHA256: s.text.Hash().String(),
		IssueTime:    metav1.Time{Time: s.secret.CreationTimestamp.UTC()},
		DeliveryTime: timestamp(now),
	}}
	return nil
}

// write brings the version's Secret into shape: created, or updated if it is still the one that was looked at.
func (p *Phase) write(ctx context.Context, app *v1alpha1.Application, s *step) error {
	if s.secret == nil {
		return p.create(ctx, app, s)
	}
	secret := s.secret.DeepCopy()
	if !s.shape(app).applyTo(secret) {
		return nil
	}
	if secret.Immutable != nil && *secret.Immutable {
		// Somebody froze it, and no update can mend it: another one takes its place.
		if err := p.remove(ctx, secret); err != nil {
			return err
		}
		return p.create(ctx, app, s)
	}
	if err := p.Client.Update(ctx, secret, client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("updating secret %s: %w", secret.Name, err)
	}
	return nil
}

func (p *Phase) create(ctx context.Context, app *v1alpha1.Application, s *step) error {
	secret := &corev1.Secret{Type: v1alpha1.SecretTypeCredentials}
	secret.Namespace, secret.Name = app.Namespace, secretName(app.Name, s.version)
	s.shape(app).applyTo(secret)
	if err := p.Client.Create(ctx, secret, client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("creating secret %s: %w", secret.Name, err)
	}
	return nil
}

// remove deletes the Secret if it is still the one that was looked at.
func (p *Phase) remove(ctx context.Context, secret *corev1.Secret) error {
	precondition := client.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion}
	doomed := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}}
	if err := p.Client.Delete(ctx, doomed, precondition); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting secret %s: %w", secret.Name, err)
	}
	return nil
}

func overlapOf(app *v1alpha1.Application) time.Duration {
	if app.Spec.CredentialPolicy.Overlap == nil {
		return defaultOverlap
	}
	return app.Spec.CredentialPolicy.Overlap.Duration
}
