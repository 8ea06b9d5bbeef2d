package credentials

import (
	"crypto/rand"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// What a history does with the names of Secrets, and with what stands beside the credentials.

// nameSecrets chooses other names for the Secrets, so that now and then two versions swap theirs, with a crash on the way.
func (h *history) nameSecrets(t *rapid.T) {
	h.check(t)
	names := rapid.Permutation([]string{"", "chosen", "another"}).Draw(t, "names")
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		for i := range s.Versions {
			s.Versions[i].SecretName = names[i]
		}
	})
	h.reconcileOnce(t)
	h.noteLosses()
}

// editTemplate changes the labels of the Secrets, and with that no credential.
func (h *history) editTemplate(t *rapid.T) {
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.SecretTemplate = nil
		if team := rapid.SampledFrom([]v1alpha1.TemplateLabel{"", "one", "other"}).Draw(t, "team"); team != "" {
			s.CredentialPolicy.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]v1alpha1.TemplateLabel{"team": team}}
		}
	})
}

// editBinding asks for a binding, or for none, or writes into the one that there is.
func (h *history) editBinding(t *rapid.T) {
	secret := h.world.secretNamed(bindingSecret)
	if secret != nil && rapid.Bool().Draw(t, "write into it") {
		foreign, err := credential.New(rand.Reader)
		h.world.must(err)
		h.foreign[foreign.Reveal()] = true
		secret.Data["client-secret"] = []byte(foreign.Reveal())
		h.world.must(h.world.platform.Update(h.world.ctx, secret))
		return
	}
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.BindingVersion = v1alpha1.VersionName(rapid.SampledFrom([]string{"", "1.0.0", "1.1.0"}).Draw(t, "binding"))
	})
	h.reconcileOnce(t)
}

// checkBinding says of a binding at rest that it has what its version's Secret has, or is not there.
func (h *history) checkBinding(t *rapid.T, app *v1alpha1.Application) {
	version, secret := string(app.Spec.CredentialPolicy.BindingVersion), h.world.secretNamed(bindingSecret)
	own, bound := h.own(version), meta.IsStatusConditionTrue(app.Status.Conditions, string(v1alpha1.ConditionBound))
	if bound && (secret == nil || own == nil || string(secret.Data["client-secret"]) != textOf(own) || app.Status.Binding == nil) {
		t.Fatalf("the binding of version %s has not what its Secret has", version)
	}
	ready := meta.FindStatusCondition(entryOf(app, v1alpha1.VersionName(version)).Conditions, string(v1alpha1.ConditionReady))
	waits := ready != nil && ready.Status == "False" // as it is: what pods can have of it was valid
	if wanted := lists(app, version) && own != nil && ready.Status == "True"; !bound && (wanted || own == nil && secret != nil && !waits) {
		t.Fatalf("version %s has credentials %v, and there is a binding: %v", version, wanted, secret != nil)
	}
}

// secrets returns the versions' Secrets, whatever they are called.
func (h *history) secrets() []corev1.Secret {
	list := &corev1.SecretList{}
	h.world.must(h.world.platform.List(h.world.ctx, list, client.InNamespace(h.world.namespace)))
	return slices.DeleteFunc(list.Items, func(s corev1.Secret) bool { return s.Name == bindingSecret || s.Type == corev1.SecretTypeOpaque })
}

// takeName makes a Secret of somebody else's under one of the names, or takes it away.
func (h *history) takeName(*rapid.T) {
	if secret := h.world.secretNamed("chosen"); secret == nil {
		theirs := &corev1.Secret{Type: corev1.SecretTypeOpaque}
		theirs.Namespace, theirs.Name = h.world.namespace, "chosen"
		h.world.must(h.world.platform.Create(h.world.ctx, theirs))
	} else if secret.Type == corev1.SecretTypeOpaque {
		h.world.must(h.world.platform.Delete(h.world.ctx, secret))
	}
}

// own returns the version's Secret of the name that it is to have, or nil where there is none or somebody else's.
func (h *history) own(version string) *corev1.Secret {
	if secret := h.world.secret(version); secret != nil && secret.Annotations[v1alpha1.AnnotationVersion] == version {
		return secret
	}
	return nil
}

// isCurrent reports whether the Secret has the name that its version's is to have. One of a former name counts for pods until
// status has an end for what is in it.
func (h *history) isCurrent(secret *corev1.Secret) bool {
	own := h.own(secret.Annotations[v1alpha1.AnnotationVersion])
	return own != nil && own.Name == secret.Name
}

func (h *history) isEndless(version, text string) bool {
	secret, err := credential.Parse(text)
	return err == nil && slices.ContainsFunc(h.world.entry(version).Verifiers, func(v v1alpha1.Verifier) bool {
		return v.SHA256 == secret.Hash().String() && v.ExpirationTime == nil
	})
}

// isTaken reports whether somebody else's Secret has the name that the version's is to have.
func (h *history) isTaken(version string) bool {
	return h.world.secret(version) != nil && h.own(version) == nil
}
