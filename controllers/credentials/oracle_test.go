package credentials

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"

	"countersign.dev/api/v1alpha1"
)

// What has to be true of every history, at every moment and at rest.

// check holds at every moment, also between a crash and the reconcile after it; then it settles a copy of nothing: it only
// looks, and notes what a pod that starts now would hold.
func (h *history) check(t *rapid.T) {
	h.noteLosses()
	app := h.world.app()
	secrets := h.secrets()
	for i := range secrets {
		version, text := secrets[i].Annotations[v1alpha1.AnnotationVersion], textOf(&secrets[i])
		if text == "" || h.foreign[text] {
			continue
		}
		past := h.handed[text]
		isOver := past != nil && !past.until.IsZero() && !h.world.clock.Now().Before(past.until) && !h.isCurrent(&secrets[i])
		if !h.world.acceptedBy(app, version, text) && lists(app, version) && !isOver {
			t.Fatalf("version %s: a pod that starts now holds a secret that is refused", version)
		}
		if h.handed[text] == nil {
			h.handed[text] = &pod{version: version}
		}
	}
	for text, p := range h.handed {
		if (p.until.IsZero() || h.world.clock.Now().Before(p.until)) && !h.world.acceptedBy(app, p.version, text) {
			t.Fatalf("version %s: a pod lost a valid secret before its overlap ended", p.version)
		}
	}
	for text, version := range h.dead {
		if h.world.acceptedBy(app, version, text) {
			t.Fatalf("version %s: a revoked secret is accepted again", version)
		}
	}
	for text := range h.foreign {
		for _, version := range versions {
			if h.world.acceptedBy(app, version, text) {
				t.Fatalf("version %s: a foreign value became valid", version)
			}
		}
	}
	h.checkSettled(t)
}

// noteLosses gives each handed secret that status has ended the end that the policy promises at the earliest.
func (h *history) noteLosses() {
	secrets := h.secrets()
	for text, p := range h.handed {
		stands := slices.ContainsFunc(secrets, func(s corev1.Secret) bool {
			return textOf(&s) == text && (h.isCurrent(&s) || h.isEndless(p.version, text))
		})
		if stands {
			p.until = time.Time{}
		} else if p.until.IsZero() {
			p.until = h.world.clock.Now().Add(overlap)
		}
	}
}

// checkSettled says of a history that has come to rest: every Secret's credential verifies, or Ready says why not.
func (h *history) checkSettled(t *rapid.T) {
	if !rapid.Bool().Draw(t, "come to rest") {
		return
	}
	h.settle()
	app := h.world.app()
	present := map[string]bool{}
	for _, v := range app.Spec.Versions {
		present[string(v.Version)] = true
		h.checkVersion(t, app, v)
	}
	h.checkBinding(t, app)
	for _, secret := range h.secrets() {
		version := secret.Annotations[v1alpha1.AnnotationVersion]
		own, isTaken := h.own(version), h.isTaken(version)
		if !present[version] || !isTaken && (own == nil || own.Name != secret.Name) {
			t.Fatalf("Secret %s of version %s stays, and nobody needs it", secret.Name, version)
		}
	}
	if len(app.Status.Versions) != len(app.Spec.Versions) {
		t.Fatalf("status has %d versions, spec %d", len(app.Status.Versions), len(app.Spec.Versions))
	}
}

// checkVersion says of a version at rest: its credential verifies, or Ready says why not; what is previous has an end; and
// no word was forgotten.
func (h *history) checkVersion(t *rapid.T, app *v1alpha1.Application, v v1alpha1.ApplicationVersion) {
	entry, version := entryOf(app, v.Version), string(v.Version)
	ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady))
	secret := h.own(version)
	for i, verifier := range entry.Verifiers {
		if verifier.DeliveryTime == nil && verifier.ExpirationTime == nil || i > 0 && verifier.ExpirationTime == nil {
			t.Fatalf("version %s: verifier %d of %d has no owner", version, i, len(entry.Verifiers))
		}
	}
	switch {
	case h.world.standing.Revoked != nil:
		if secret != nil || len(entry.Verifiers) > 0 || ready.Reason != "HandedOver" {
			t.Fatalf("version %s was revoked: %d verifiers, Ready %s", version, len(entry.Verifiers), ready.Message)
		}
	case v.Verifiers != nil:
		if secret != nil || ready.Status != "True" || len(entry.Verifiers) > 0 && entry.Verifiers[0].ExpirationTime == nil {
			t.Fatalf("version %s is self-hosted, and has a credential of ours: Ready %s", version, ready.Message)
		}
	default:
		template := app.Spec.CredentialPolicy.SecretTemplate
		if team := ""; secret != nil && ready.Status == "True" {
			if template != nil {
				team = string(template.Labels["team"])
			}
			if secret.Labels["team"] != team {
				t.Fatalf("version %s: the label is %q, want %q", version, secret.Labels["team"], team)
			}
		}
		if isTaken := h.isTaken(version); isTaken || ready.Reason == string(v1alpha1.ReasonSecretNameConflict) {
			if !isTaken || ready.Reason != string(v1alpha1.ReasonSecretNameConflict) {
				t.Fatalf("version %s: the name is taken: %v, Ready %s", version, isTaken, ready.Message)
			}
			return
		}
		inOrder := secret != nil && h.world.accepts(version, textOf(secret))
		why := v1alpha1.Reason(ready.Reason)
		waitsForPlace := why == v1alpha1.ReasonCredentialsPending && len(standing(entry.Verifiers, h.world.clock.Now())) == maxVerifiers
		if inOrder != (ready.Status == "True") || !inOrder && !waitsForPlace && why != v1alpha1.ReasonSecretContested {
			t.Fatalf("version %s: in order %v, Ready %s (%s)", version, inOrder, ready.Status, ready.Message)
		}
		word := askedOf(app).rotate.of(v.Version)
		known := word == entry.Rotated || slices.Contains(entry.RotatedBefore, word)
		if inOrder && word != "" && !known && !waits(entry) {
			t.Fatalf("version %s: the word %s was not acted on", version, word)
		}
	}
}

// waits reports whether status says that a rotation waits; an annotation that asks for nothing is said there, too.
func waits(entry v1alpha1.ApplicationVersionStatus) bool {
	pending := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionRotationPending))
	return pending != nil && pending.Reason != string(v1alpha1.ReasonInvalidAnnotation)
}
