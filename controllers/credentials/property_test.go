package credentials

import (
	"crypto/rand"
	"flag"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// The life of a credential as pods see it: whatever happens, no pod holds a secret that is refused before its overlap ended.
var _ = It("keeps every credential honest through any history of edits, losses, crashes and steps of the clock", func() {
	// Each step is some requests to a real API server: fewer histories, and longer ones. A seed on the command line wins.
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		Expect(flag.Set("rapid.seed", "20300601")).To(Succeed())
		DeferCleanup(flag.Set, "rapid.seed", "0")
	}
	for name, value := range map[string]string{"rapid.checks": "10", "rapid.shrinktime": "10s"} {
		former := flag.Lookup(name).Value.String()
		Expect(flag.Set(name, value)).To(Succeed())
		DeferCleanup(flag.Set, name, former)
	}
	rapid.Check(GinkgoT(), func(t *rapid.T) {
		h := &history{T: t, world: newWorld(t, granted("1.0.0")), handed: map[string]*pod{}, foreign: map[string]bool{}}
		t.Repeat(map[string]func(*rapid.T){
			"":                    h.check,
			"reconcile":           h.reconcileOnce,
			"lose the Secret":     h.loseSecret,
			"edit the Secret":     h.editSecret,
			"lose the status":     h.loseStatus,
			"toggle 1.1.0":        h.toggleVersion,
			"let time pass":       h.passTime,
			"change environments": h.changeEnvironment,
		})
	})
})

const overlap = 168 * time.Hour

var versions = []string{"1.0.0", "1.1.0"}

// pod is a secret that a pod may hold.
type pod struct {
	version string
	// until is when the last overlap ends that it can count on; zero while it stands in the Secret.
	until time.Time
}

// history is a world to which things happen.
type history struct {
	*rapid.T
	world   *world
	handed  map[string]*pod
	foreign map[string]bool
}

// reconcileOnce reconciles with a crash before or after a write, or a lost update, or none.
func (h *history) reconcileOnce(t *rapid.T) {
	at := rapid.IntRange(0, 5).Draw(t, "crash at write")
	done := rapid.Bool().Draw(t, "after it")
	first := len(h.world.writes)
	h.world.fault = func(n int) (error, error) {
		switch {
		case n-first != at:
			return nil, nil
		case done:
			return nil, errCrash
		}
		return errCrash, nil
	}
	_, err := h.world.reconcile()
	h.world.fault = func(int) (error, error) { return nil, nil }
	t.Logf("reconcile: %v", err)
}

func (h *history) loseSecret(t *rapid.T) {
	if secret := h.world.secret(rapid.SampledFrom(versions).Draw(t, "version")); secret != nil {
		h.world.must(platform.Delete(h.world.ctx, secret))
	}
}

func (h *history) editSecret(t *rapid.T) {
	secret := h.world.secret(rapid.SampledFrom(versions).Draw(t, "version"))
	if secret == nil {
		return
	}
	foreign, err := credential.New(rand.Reader)
	h.world.must(err)
	h.foreign[foreign.Reveal()] = true
	for name, value := range secret.Data {
		if _, err := credential.Parse(string(value)); err == nil {
			secret.Data[name] = []byte(foreign.Reveal())
		}
	}
	h.world.must(platform.Update(h.world.ctx, secret))
}

// loseStatus puts an old backup in place, which has no status, as long as nobody has written into the Secret meanwhile: a
// foreign value beside a lost status cannot be told from the operator's own.
func (h *history) loseStatus(*rapid.T) {
	h.settle()
	for _, version := range versions {
		if secret := h.world.secret(version); secret != nil && h.foreign[textOf(secret)] {
			return
		}
	}
	app := h.world.app()
	app.Status = v1alpha1.ApplicationStatus{}
	h.world.must(platform.Status().Update(h.world.ctx, app))
	// What was previous is lost with it: only what stands in a Secret can be rebuilt.
	for text, p := range h.handed {
		if secret := h.world.secret(p.version); secret == nil || textOf(secret) != text {
			delete(h.handed, text)
		}
	}
	h.settle()
}

func (h *history) toggleVersion(*rapid.T) {
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		if len(s.Versions) == 2 {
			s.Versions = s.Versions[:1]
			return
		}
		s.Versions = append(s.Versions, granted("1.1.0"))
	})
	// A version that was out is another one when it comes back: settle in between, or nothing has happened.
	h.settle()
	for text, p := range h.handed {
		if p.version == "1.1.0" {
			delete(h.handed, text)
		}
	}
}

func (h *history) passTime(t *rapid.T) {
	seconds := rapid.SampledFrom([]int{1, 60, 3600, int(overlap/time.Second) - 1, int(overlap / time.Second)}).Draw(t, "seconds")
	h.world.clock.SetTime(h.world.clock.Now().Add(time.Duration(seconds) * time.Second))
}

func (h *history) changeEnvironment(t *rapid.T) {
	kind := rapid.SampledFrom([]v1alpha1.EnvironmentType{v1alpha1.EnvironmentStandard, v1alpha1.EnvironmentInsightsHub})
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.Environment = v1alpha1.Environment{Type: kind.Draw(t, "environment")}
	})
}

// check holds at every moment, also between a crash and the reconcile after it; then it settles a copy of nothing: it only
// looks, and notes what a pod that starts now would hold.
func (h *history) check(t *rapid.T) {
	h.noteLosses()
	for _, version := range versions {
		secret := h.world.secret(version)
		if secret == nil {
			continue
		}
		text := textOf(secret)
		if text == "" || h.foreign[text] {
			continue
		}
		if !h.world.accepts(version, text) && len(h.world.app().Spec.Versions) == 2 {
			t.Fatalf("version %s: a pod that starts now holds a secret that is refused", version)
		}
		if h.handed[text] == nil {
			h.handed[text] = &pod{version: version}
		}
	}
	for text, p := range h.handed {
		if (p.until.IsZero() || h.world.clock.Now().Before(p.until)) && !h.world.accepts(p.version, text) {
			t.Fatalf("version %s: a pod lost a valid secret before its overlap ended", p.version)
		}
	}
	for text := range h.foreign {
		for _, version := range versions {
			if h.world.accepts(version, text) {
				t.Fatalf("version %s: a foreign value became valid", version)
			}
		}
	}
	h.checkSettled(t)
}

// noteLosses gives each handed secret that status has ended the end that the policy promises at the earliest.
func (h *history) noteLosses() {
	for text, p := range h.handed {
		secret := h.world.secret(p.version)
		if secret != nil && textOf(secret) == text {
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
		entry := entryOf(app, v.Version)
		ready := meta.FindStatusCondition(entry.Conditions, string(v1alpha1.ConditionReady))
		secret := h.world.secret(string(v.Version))
		inOrder := secret != nil && h.world.accepts(string(v.Version), textOf(secret))
		if inOrder != (ready.Status == "True") || !inOrder && ready.Reason != string(v1alpha1.ReasonSecretContested) {
			t.Fatalf("version %s: in order %v, Ready %s (%s)", v.Version, inOrder, ready.Status, ready.Message)
		}
	}
	for _, version := range versions {
		if !present[version] && h.world.secret(version) != nil {
			t.Fatalf("the Secret of the removed version %s stays", version)
		}
	}
	if len(app.Status.Versions) != len(app.Spec.Versions) {
		t.Fatalf("status has %d versions, spec %d", len(app.Status.Versions), len(app.Spec.Versions))
	}
}

func (h *history) settle() {
	h.world.settle()
	// A contested Secret's pause is waited for now and then, or histories would end in it.
	if secret := h.world.secret("1.0.0"); secret == nil || !h.world.accepts("1.0.0", textOf(secret)) {
		h.world.clock.SetTime(h.world.clock.Now().Add(time.Minute))
		h.world.settle()
	}
}

func textOf(secret *corev1.Secret) string {
	for _, name := range []string{clientSecret, "MDSP_KEY_STORE_CLIENT_SECRET"} {
		if value, found := secret.Data[name]; found {
			return string(value)
		}
	}
	return ""
}
