package credentials

import (
	"context"
	"crypto/rand"
	"flag"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// The life of a credential as pods see it: whatever happens, no pod holds a secret that is refused before its overlap ended.
//
// Histories are many and long, so they take place on a stand-in for the API server that keeps what counts here:
// resourceVersions, the subresource for status, and deletions with a precondition. A seed on the command line wins.
func TestEveryCredentialStaysHonestThroughAnyHistoryOfEditsLossesCrashesAndStepsOfTheClock(t *testing.T) {
	for name, value := range map[string]string{"rapid.seed": "20300601", "rapid.checks": "20", "rapid.shrinktime": "10s"} {
		former := flag.Lookup(name).Value.String()
		if former != flag.Lookup(name).DefValue {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set(name, former) })
	}
	rapid.Check(t, func(t *rapid.T) {
		h := &history{
			T: t, world: newWorldOn(t, standIn(), granted("1.0.0")),
			handed: map[string]*pod{}, dead: map[string]string{}, foreign: map[string]bool{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"":                    h.check,
			"reconcile":           h.reconcileOnce,
			"lose the Secret":     h.loseSecret,
			"edit the Secret":     h.editSecret,
			"lose the status":     h.loseStatus,
			"toggle 1.1.0":        h.toggleVersion,
			"let time pass":       h.passTime,
			"let more time pass":  h.passTime,
			"be an hour ahead":    h.beAhead,
			"change environments": h.changeEnvironment,
			"ask for a rotation":  h.askForRotation,
			"ask for another":     h.askForRotation,
			"rotate and revoke":   h.rotateAndRevoke,
			"toggle revocation":   h.toggleRevocation,
			"toggle self-hosting": h.toggleSelfHosting,
			"edit the template":   h.editTemplate,
			"edit the binding":    h.editBinding,
			"name the Secrets":    h.nameSecrets,
			"name them again":     h.nameSecrets,
			"take a name":         h.takeName,
		})
	})
}

// standIn stands for an API server. What it does not do by itself is to give each object a UID.
func standIn() client.WithWatch {
	memory := fake.NewClientBuilder().WithScheme(schemeOf()).WithStatusSubresource(&v1alpha1.Application{}).Build()
	return interceptor.NewClient(memory, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			o.SetUID(uuid.NewUUID())
			return c.Create(ctx, o, opts...)
		},
	})
}

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
	world  *world
	handed map[string]*pod
	// dead is what was revoked, with the version that it was good for.
	dead    map[string]string
	foreign map[string]bool
	words   int
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

// loseSecret deletes a Secret, but for one that status does not know to hold a first credential, or one after a loss: whether
// pods can have it cannot be told.
func (h *history) loseSecret(t *rapid.T) {
	version := rapid.SampledFrom(versions).Draw(t, "version")
	verifiers := h.world.entry(version).Verifiers
	if len(verifiers) > 0 && verifiers[0].DeliveryTime == nil && verifiers[0].Cause != v1alpha1.CauseRotation {
		return
	}
	if secret := h.world.secret(version); secret != nil {
		h.world.must(h.world.platform.Delete(h.world.ctx, secret))
	}
}

func (h *history) editSecret(t *rapid.T) {
	secret := h.own(rapid.SampledFrom(versions).Draw(t, "version"))
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
	h.world.must(h.world.platform.Update(h.world.ctx, secret))
}

// loseStatus puts an old backup in place, which has no status, as long as nobody has written into the Secret meanwhile: a
// foreign value beside a lost status cannot be told from the operator's own.
func (h *history) loseStatus(*rapid.T) {
	h.settle()
	for _, version := range versions {
		if secret := h.own(version); secret != nil && h.foreign[textOf(secret)] {
			return
		}
	}
	app := h.world.app()
	app.Status = v1alpha1.ApplicationStatus{}
	h.world.must(h.world.platform.Status().Update(h.world.ctx, app))
	// What was previous is lost with it: only what stands in a Secret can be rebuilt.
	for text, p := range h.handed {
		if secret := h.own(p.version); secret == nil || textOf(secret) != text {
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
	h.bury("1.1.0")
}

// bury notes that what pods of the version hold is refused for good.
func (h *history) bury(version string) {
	for text, p := range h.handed {
		if p.version == version {
			h.dead[text] = version
			delete(h.handed, text)
		}
	}
}

// passTime lets time pass, and now and then an hour twice. What has an end in status then keeps that end, also where the
// operator has seen it pass before.
func (h *history) passTime(t *rapid.T) {
	year := int(9300 * time.Hour / time.Second) // more than the longest interval between rotations
	seconds := rapid.SampledFrom([]int{
		-3600, 1, 60, 3600, int(overlap/time.Second) - 1, int(overlap / time.Second), year,
	}).Draw(t, "seconds")
	h.noteLosses()
	h.world.pass(time.Duration(seconds) * time.Second)
	for text, p := range h.handed {
		if seconds < 0 && !p.until.IsZero() && h.isEndless(p.version, text) {
			p.until = p.until.Add(time.Duration(seconds) * time.Second) // its overlap begins when the operator looks
		}
	}
}

// beAhead lets an operator look whose clock is an hour ahead of that by which secrets end, often a second before one does.
func (h *history) beAhead(t *rapid.T) {
	h.noteLosses()
	if rapid.Bool().Draw(t, "a second before an end") {
		now, next := h.world.clock.Now(), time.Time{}
		for _, version := range versions {
			next = earlier(next, nextEnd(standing(h.world.entry(version).Verifiers, now), now))
		}
		if !next.IsZero() {
			h.world.clock.SetTime(next.Add(-time.Second))
		}
	}
	h.world.pass(time.Hour)
	h.reconcileOnce(t)
	h.world.pass(-time.Hour)
}

// word is a new one, or now and then one of the last three again.
func (h *history) word(t *rapid.T) string {
	back := rapid.IntRange(-5, 2).Draw(t, "words back")
	if back < 0 || h.words == 0 {
		h.words++
	}
	return "word-" + strconv.Itoa(max(1, h.words-max(0, back)))
}

// askForRotation sets a word, with a crash on the way. Now and then the history comes to rest before and after it: a new
// word has made a new credential then, and one that was acted on has not.
func (h *history) askForRotation(t *rapid.T) {
	word, rest := h.word(t), rapid.Bool().Draw(t, "between rests")
	if rest {
		h.settle()
	}
	before, was := h.world.entry("1.0.0"), h.own("1.0.0")
	h.world.annotate(v1alpha1.AnnotationRotate, rapid.SampledFrom([]string{word, "1.0.0=" + word}).Draw(t, "words"))
	h.noteLosses()
	h.reconcileOnce(t)
	if !rest || was == nil || !h.world.accepts("1.0.0", textOf(was)) {
		return
	}
	h.settle()
	is, waits := h.own("1.0.0"), waits(h.world.entry("1.0.0"))
	known := before.Rotated == word || slices.Contains(before.RotatedBefore, word)
	if rotated := textOf(is) != textOf(was); rotated != (!known && !waits) {
		t.Fatalf("the word was %q and is %q, waits %v, and there is a new credential: %v", before.Rotated, word, waits, rotated)
	}
}

// rotateAndRevoke asks for it, with crashes on the way: what pods had until then is refused at the end.
func (h *history) rotateAndRevoke(t *rapid.T) {
	h.check(t)
	word := h.word(t)
	before := map[string]v1alpha1.ApplicationVersionStatus{}
	for _, version := range versions {
		before[version] = h.world.entry(version)
	}
	h.world.annotate(v1alpha1.AnnotationRotateAndRevoke, word)
	h.reconcileOnce(t)
	h.reconcileOnce(t)
	h.settle()
	for _, version := range versions {
		entry, was := h.world.entry(version), before[version]
		known := was.RotatedAndRevoked == word || slices.Contains(was.RotatedAndRevokedBefore, word)
		if !known && entry.RevocationTime != nil && entry.RevocationTime.Time.Equal(h.world.clock.Now()) {
			h.bury(version)
		} else if !known && h.own(version) != nil && len(entry.Verifiers) != 1 {
			t.Fatalf("version %s: revoked, and it has %d verifiers", version, len(entry.Verifiers))
		}
	}
}

// toggleRevocation takes the application's credentials away, and most often gives it others.
func (h *history) toggleRevocation(t *rapid.T) {
	h.check(t)
	if h.world.standing.Revoked == nil {
		h.world.standing.Revoked = handedOver.Revoked
		h.reconcileOnce(t)
		h.settle()
		for _, version := range versions {
			h.bury(version)
		}
		if rapid.IntRange(0, 3).Draw(t, "for now") == 0 {
			return
		}
	}
	h.world.standing.Revoked = nil
	h.reconcileOnce(t)
	h.settle()
}

func (h *history) toggleSelfHosting(t *rapid.T) {
	h.settle()
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		if s.Versions[0].Verifiers == nil {
			s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(365 * day))}
		} else {
			s.Versions[0].Verifiers = nil
		}
	})
	h.reconcileOnce(t)
	h.settle()
}

func (h *history) changeEnvironment(t *rapid.T) {
	kind := rapid.SampledFrom([]v1alpha1.EnvironmentType{v1alpha1.EnvironmentStandard, v1alpha1.EnvironmentInsightsHub})
	h.world.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.Environment = v1alpha1.Environment{Type: kind.Draw(t, "environment")}
	})
}

func lists(app *v1alpha1.Application, version string) bool {
	return slices.ContainsFunc(app.Spec.Versions, func(v v1alpha1.ApplicationVersion) bool {
		return string(v.Version) == version
	})
}

func (h *history) settle() {
	h.world.settle()
	// A contested Secret's pause is waited for now and then, or histories would end in it.
	if secret := h.own("1.0.0"); secret != nil && !h.world.accepts("1.0.0", textOf(secret)) {
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
