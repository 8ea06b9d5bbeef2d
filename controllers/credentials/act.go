package credentials

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// defaultOverlap stands for an overlap that is not set; the schema sets it.
const defaultOverlap = 168 * time.Hour

// act does what the round says, in the order that a crash between any two writes can be told from: what begins or ends is
// written to status, then leftovers go, then Secrets are written. The rest of status is left to the caller's one write.
func (p *Phase) act(ctx context.Context, app *v1alpha1.Application, r *round) error {
	if err := p.prepare(ctx, app, r); err != nil {
		return err
	}
	for _, secret := range r.leftovers {
		if !isOrphan(secret, app.Name, app.UID) {
			p.mends.forget(client.ObjectKeyFromObject(secret))
			p.refusals.forget(client.ObjectKeyFromObject(secret))
		}
		p.clear(ctx, app, r, secret)
	}
	for _, s := range r.steps {
		if s.writes() {
			p.deliver(ctx, app, s, r.now)
		}
	}
	p.bind(ctx, app, r)
	return nil
}

// deliver writes a version's Secret, and notes that the credential is there. That it fails must not hold up the other versions.
func (p *Phase) deliver(ctx context.Context, app *v1alpha1.Application, s *step, now time.Time) {
	wanted := s.shape(app)
	key := client.ObjectKey{Namespace: app.Namespace, Name: s.name}
	s.tried = true
	secret, err := p.write(ctx, s.secret, wanted)
	if err != nil {
		s.err, s.refused = err, p.refusals.note(key, err, now)
		if isRefusal(err) && s.plan.action == issue {
			s.entry.Verifiers = s.entry.Verifiers[1:] // nobody has it, and nobody will
		}
		return
	}
	s.err = p.dress(ctx, secret, wanted.template) // the credential is there, whatever becomes of this
	s.refused = p.refusals.note(key, s.err, now)
	if s.plan.action == keep {
		p.mends.note(client.ObjectKeyFromObject(secret), wanted, now)
	}
	s.arrived = true
	first := s.entry.Verifiers[0].DeliveryTime == nil
	s.entry.Verifiers = delivered(s.entry.Verifiers, now, overlapOf(app))
	if nonce := s.entry.Verifiers[0].Nonce; first && nonce != "" {
		s.noteRotated(nonce)
	}
	if first || s.plan.action == rebuild {
		p.tell(app, s)
	}
}

// clear removes a Secret that nobody is entitled to. That it fails must not hold up the other versions.
func (p *Phase) clear(ctx context.Context, app *v1alpha1.Application, r *round, secret *corev1.Secret) {
	if err := p.remove(ctx, secret); err != nil {
		r.errs = append(r.errs, err)
		return
	}
	p.event(app, corev1.EventTypeNormal, eventRemoved, actionRemove, secret.Name,
		"Secret %s was removed: no version of the application keeps its credentials in it", secret.Name)
}

// prepare makes the new credentials' verifiers and writes them to status, with what is revoked, all in one write.
func (p *Phase) prepare(ctx context.Context, app *v1alpha1.Application, r *round) error {
	hurry := false
	for _, s := range r.steps {
		var err error
		switch {
		case s.situation == entitled && s.plan.action == issue:
			hurry, err = true, p.issue(s, r.now, overlapOf(app))
		case s.plan.action == rebuild:
			err = p.rebuild(s, r.now)
		default:
			hurry = hurry || s.hurries()
		}
		if err != nil {
			return err
		}
	}
	if !hurry {
		return nil
	}
	r.settle(app)
	if err := p.Client.Status().Update(ctx, app, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return fmt.Errorf("writing verifiers to status: %w", err)
	}
	for _, s := range r.steps {
		if s.hurries() {
			p.tellRevoked(app, s)
		}
	}
	return nil
}

func (p *Phase) issue(s *step, now time.Time, overlap time.Duration) error {
	secret, err := credential.New(p.Rand)
	if err != nil {
		return err
	}
	id, err := credential.NewID(p.Rand)
	if err != nil {
		return err
	}
	verifier := v1alpha1.Verifier{
		ID: id, SHA256: secret.Hash().String(), Cause: s.plan.cause, IssueTime: metav1.Time{Time: now},
	}
	if replaced := s.former.Verifiers; len(replaced) > 0 && replaced[0].DeliveryTime == nil && replaced[0].Nonce != s.wish.rotate {
		s.noteRotated(replaced[0].Nonce) // it was acted on, and a crash came before status said so
	}
	switch {
	case s.plan.revoke:
		s.revoke(now)
		s.noteWords()
	case s.plan.cause == v1alpha1.CauseIssue:
		s.noteWords()
	case s.wish.asks(s.former.Rotated, s.entry.Verifiers):
		verifier.Nonce = s.wish.rotate
	case s.entry.Verifiers[0].DeliveryTime == nil:
		// It takes the place of one that was lost before status said that its word was acted on.
		verifier.Nonce = s.entry.Verifiers[0].Nonce
	}
	if s.wish.moves {
		s.noteFormer(now)
	}
	if previous := s.entry.Verifiers; len(previous) > 1 {
		s.entry.Verifiers = slices.Concat(previous[:1], ended(previous[1:], now.Add(overlap)))
	}
	s.text, s.entry.Verifiers = secret, append([]v1alpha1.Verifier{verifier}, s.entry.Verifiers...)
	return nil
}

// rebuild makes the verifier from the Secret. It keeps its id and age where the Secret says them, so that tokens in hand go
// on and nothing rotates; what annotations ask for was asked of a state that is lost.
func (p *Phase) rebuild(s *step, now time.Time) error {
	source := s.secret
	if s.situation == nameTaken || source == nil {
		source = s.moved[0]
	}
	id := source.Annotations[v1alpha1.AnnotationCredentialID]
	if !credential.IsID(id) {
		var err error
		if id, err = credential.NewID(p.Rand); err != nil {
			return err
		}
	}
	issued, err := time.Parse(time.RFC3339, source.Annotations[v1alpha1.AnnotationIssueTime])
	if err != nil || issued.After(now) {
		issued = now
	}
	s.entry.Verifiers = []v1alpha1.Verifier{{
		ID: id, SHA256: s.text.Hash().String(), Cause: v1alpha1.CauseRebuild,
		IssueTime: metav1.Time{Time: issued.UTC()}, DeliveryTime: timestamp(now),
	}}
	words := revokedBy(source)
	for i := range words {
		note(&s.entry.RotatedAndRevoked, &s.entry.RotatedAndRevokedBefore, words[len(words)-1-i])
	}
	s.noteWords()
	return nil
}

// write brings a Secret into shape: created where there is none, or updated if it is still the one that was looked at. What
// the template says is not part of it.
func (p *Phase) write(ctx context.Context, found *corev1.Secret, to shape) (*corev1.Secret, error) {
	if found == nil {
		return p.create(ctx, to)
	}
	secret := found.DeepCopy()
	if !to.applyTo(secret) {
		return secret, nil
	}
	if secret.Immutable != nil && *secret.Immutable {
		// Somebody froze it, and no update can mend it: another one takes its place.
		if err := p.remove(ctx, secret); err != nil {
			return nil, err
		}
		return p.create(ctx, to)
	}
	if err := p.Client.Update(ctx, secret, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return nil, fmt.Errorf("updating secret %s: %w", secret.Name, err)
	}
	return secret, nil
}

func (p *Phase) create(ctx context.Context, of shape) (*corev1.Secret, error) {
	secret := &corev1.Secret{Type: v1alpha1.SecretTypeCredentials}
	secret.Namespace, secret.Name = of.app.Namespace, of.name
	of.applyTo(secret)
	if err := p.Client.Create(ctx, secret, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return nil, fmt.Errorf("creating secret %s: %w", secret.Name, err)
	}
	return secret, nil
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
