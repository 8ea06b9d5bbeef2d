package credentials

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

const day = 24 * time.Hour

func TestThePlanRotatesWhatIsDueOrAskedForAndNothingElse(t *testing.T) {
	a, b := makeOne(t, "a"), makeOne(t, "b")
	c := makeOne(t, "c").by(v1alpha1.CauseRotation)
	three := verifiers{c.issuedAgo(day), b.endingIn(2 * time.Hour), a.endingIn(time.Hour)}
	yearly := wish{interval: 365 * day}
	for sentence, test := range map[string]struct {
		former   v1alpha1.ApplicationVersionStatus
		secret   content
		wish     wish
		want     action
		revoke   bool
		standing []string
		rotation time.Time
	}{
		"a second before its age it is kept": {
			former: status(a.issuedAgo(365*day - time.Second)), secret: holding(a), wish: yearly, want: keep, standing: []string{"a"},
			rotation: noon.Add(time.Second),
		},
		"at its age it is rotated": {
			former: status(a.issuedAgo(365 * day)), secret: holding(a), wish: yearly, want: issue, standing: []string{"a"},
			rotation: noon,
		},
		"at any age it is kept where the policy says never": {
			former: status(a.issuedAgo(3650 * day)), secret: holding(a), want: keep, standing: []string{"a"},
		},
		"with one in its overlap it is rotated, too": {
			former: status(b.issuedAgo(365*day), a.endingIn(time.Hour)), secret: holding(b), wish: yearly, want: issue,
			standing: []string{"b", "a"}, rotation: noon,
		},
		"with two in their overlap it waits for the first end": {
			former: status(c.issuedAgo(365*day), b.endingIn(2*time.Hour), a.endingIn(time.Hour)), secret: holding(c), wish: yearly,
			want: keep, standing: []string{"c", "b", "a"}, rotation: noon.Add(time.Hour),
		},
		"after repairs it waits until one alone is left": {
			former: status(c.issuedAgo(365*day), b.endingIn(2*time.Hour), a.endingIn(time.Hour), makeOne(t, "d").endingIn(3*time.Hour)),
			secret: holding(c), wish: yearly, want: keep, standing: []string{"c", "b", "a", "d"}, rotation: noon.Add(2 * time.Hour),
		},
		"a new word rotates": {
			former: status(a.verifier), secret: holding(a), wish: wish{rotate: "x"}, want: issue, standing: []string{"a"},
			rotation: noon.Add(-time.Hour),
		},
		"a new word rotates, although the clock was set back": {
			former: status(a.issuedAgo(-time.Hour)), secret: holding(a), wish: wish{rotate: "x"}, want: issue, standing: []string{"a"},
			rotation: noon,
		},
		"the word that was acted on does not": {
			former: v1alpha1.ApplicationVersionStatus{Verifiers: verifiers{a.verifier}, Rotated: "x"}, secret: holding(a),
			wish: wish{rotate: "x"}, want: keep, standing: []string{"a"},
		},
		"the word for which the newest was made does not either, before status says that it was acted on": {
			former: status(b.forNonce("x").undelivered(), a.verifier), secret: holding(b), wish: wish{rotate: "x"}, want: deliver,
			standing: []string{"b", "a"},
		},
		"the word for which a verifier was made that no Secret ever held rotates": {
			former: status(b.forNonce("x").undelivered(), a.verifier), secret: holding(a), wish: wish{rotate: "x"}, want: issue,
			standing: []string{"a"}, rotation: noon.Add(-time.Hour),
		},
		"a new word waits for an end, too": {
			former: v1alpha1.ApplicationVersionStatus{Verifiers: three, Rotated: "x"}, secret: holding(c), wish: wish{rotate: "y"},
			want: keep, standing: []string{"c", "b", "a"}, rotation: noon.Add(time.Hour),
		},
		"a new word that also revokes waits for nothing, and leaves nothing": {
			former: v1alpha1.ApplicationVersionStatus{Verifiers: three, Rotated: "x"}, secret: holding(c), wish: wish{revoke: "y"},
			want: issue, revoke: true,
		},
		"it does not wait for a repair either": {
			former: v1alpha1.ApplicationVersionStatus{Verifiers: three}, wish: wish{revoke: "y"}, want: issue, revoke: true,
		},
		"one that was acted on revokes nothing": {
			former: v1alpha1.ApplicationVersionStatus{Verifiers: verifiers{a.verifier}, RotatedAndRevoked: "y"}, secret: holding(a),
			wish: wish{revoke: "y"}, want: keep, standing: []string{"a"},
		},
		"a word that is there before the first credential rotates nothing": {want: issue, wish: wish{rotate: "x", revoke: "y"}},
		"a word that is there after a restore rotates nothing": {
			secret: holding(a).after("y"), want: rebuild, wish: wish{rotate: "x", revoke: "y"},
		},
		"a word that revokes is there after a restore, and the Secret is from before it: it is not believed": {
			secret: holding(a).after("x"), want: issue, wish: wish{revoke: "y"},
		},
		"what has ended keeps no rotation waiting, although it is listed": {
			former: status(c.issuedAgo(time.Minute), b.endingIn(-time.Second), a.endingIn(-time.Minute)), secret: holding(c),
			wish: wish{rotate: "x"}, want: issue, standing: []string{"c", "b", "a"}, rotation: noon.Add(-time.Minute),
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := planFor(test.former, test.secret, test.wish, noon)
			if got.action != test.want || got.revoke != test.revoke || !slices.Equal(idsOf(got.verifiers), test.standing) {
				t.Errorf("got %s, revoke %v, leaving %v; want %s, %v, %v",
					got.action, got.revoke, idsOf(got.verifiers), test.want, test.revoke, test.standing)
			}
			if next := test.wish.next(test.former.Rotated, got.verifiers, noon); !next.Equal(test.rotation) {
				t.Errorf("the next rotation is at %v, want %v", next, test.rotation)
			}
		})
	}
}

func status(verifiers ...v1alpha1.Verifier) v1alpha1.ApplicationVersionStatus {
	return v1alpha1.ApplicationVersionStatus{Verifiers: verifiers}
}

func TestIntervalsDifferByUpToFivePercentAndAreAlwaysTheSameForAVersion(t *testing.T) {
	seen := map[time.Duration]bool{}
	var shortest, longest time.Duration
	for i := range 2000 {
		app := &v1alpha1.Application{}
		app.UID = types.UID(fmt.Sprintf("uid-%d", i))
		app.Spec.CredentialPolicy.RotateAfter = &metav1.Duration{Duration: 1000 * time.Hour}
		got := intervalOf(app, "1.0.0")
		if got != intervalOf(app.DeepCopy(), "1.0.0") {
			t.Fatal("the interval of a version changes")
		}
		seen[got] = true
		if shortest == 0 || got < shortest {
			shortest = got
		}
		longest = max(longest, got)
	}
	if len(seen) < 500 || shortest < 950*time.Hour || shortest > 951*time.Hour || longest > 1050*time.Hour || longest < 1049*time.Hour {
		t.Errorf("%d different intervals from %s to %s", len(seen), shortest, longest)
	}
	never := &v1alpha1.Application{}
	never.Spec.CredentialPolicy.RotateAfter = &metav1.Duration{}
	if got := intervalOf(never, "1.0.0"); got != 0 {
		t.Errorf("0s: got %s", got)
	}
	one, other := intervalOf(&v1alpha1.Application{}, "1.0.0"), intervalOf(&v1alpha1.Application{}, "1.1.0")
	if one == other {
		t.Error("two versions of an application rotate together")
	}
}

func TestAnnotationsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]map[v1alpha1.VersionName]string{
		"x":                          {"1.0.0": "x", "1.1.0": "x"},
		"2030-06-01T12:00:00+02:00":  {"1.0.0": "2030-06-01T12:00:00+02:00", "1.1.0": "2030-06-01T12:00:00+02:00"},
		"1.0.0=x":                    {"1.0.0": "x", "1.1.0": ""},
		"1.0.0=x , 1.1.0=y":          {"1.0.0": "x", "1.1.0": "y"},
		"1.1.0=y,x":                  {"1.0.0": "x", "1.1.0": "y"},
		"1.0.0=" + repeated(64, "x"): {"1.0.0": repeated(64, "x")},
	} {
		got, err := parseWords(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for version, nonce := range want {
			if got.of(version) != nonce {
				t.Errorf("%q: version %s has %q, want %q", text, version, got.of(version), nonce)
			}
		}
	}
	for _, text := range []string{
		"", " ", ",", "x,", "x,y", "1.0.0=", "=x", "1.0.0=x,1.0.0=y", "a b", "1.0.0=a b", "a=b=c", "ä", repeated(65, "x"), "x\ny",
	} {
		if got, err := parseWords(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func repeated(n int, text string) string { return strings.Repeat(text, n) }
