package credentials

import (
	"crypto/rand"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// made is a credential and its verifier, issued and delivered an hour ago.
type made struct {
	secret   credential.Secret
	verifier v1alpha1.Verifier
}

func makeOne(t *testing.T, id string) made {
	t.Helper()
	secret, err := credential.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return made{secret: secret, verifier: v1alpha1.Verifier{
		ID: id, SHA256: secret.Hash().String(),
		IssueTime: metav1.Time{Time: noon.Add(-time.Hour)}, DeliveryTime: timestamp(noon.Add(-time.Hour)),
	}}
}

func (m made) undelivered() v1alpha1.Verifier {
	v := m.verifier
	v.DeliveryTime = nil
	return v
}

func (m made) issuedAgo(d time.Duration) v1alpha1.Verifier {
	v := m.verifier
	v.IssueTime = metav1.Time{Time: noon.Add(-d)}
	return v
}

func (m made) endingIn(d time.Duration) v1alpha1.Verifier {
	v := m.verifier
	v.ExpirationTime = timestamp(noon.Add(d))
	return v
}

func holding(secrets ...made) content {
	var c content
	for _, s := range secrets {
		c.all = append(c.all, s.secret)
	}
	if len(c.all) > 0 {
		c.candidate = &c.all[0]
	}
	return c
}

func TestThePlanTellsFromStatusAndSecretHowFarACredentialCame(t *testing.T) {
	a, b, c, foreign := makeOne(t, "a"), makeOne(t, "b"), makeOne(t, "c"), makeOne(t, "foreign")
	type verifiers = []v1alpha1.Verifier
	for sentence, test := range map[string]struct {
		verifiers verifiers
		secret    content
		want      action
		standing  []string
		lost      bool
		next      time.Time
	}{
		"nothing anywhere: the first credential is issued": {want: issue},
		"status was lost and the Secret was not: the verifier is rebuilt": {
			secret: holding(a), want: rebuild,
		},
		"issued, and a crash before the Secret was written: it is dropped, for nobody had it": {
			verifiers: verifiers{a.undelivered()}, want: issue,
		},
		"dropped beside a value of unknown origin: that one never becomes valid": {
			verifiers: verifiers{a.undelivered()}, secret: holding(foreign), want: issue,
		},
		"issued and in the Secret, and a crash before status says so: it is delivered": {
			verifiers: verifiers{a.undelivered()}, secret: holding(a), want: deliver, standing: []string{"a"},
		},
		"delivered and in the Secret: it is kept": {
			verifiers: verifiers{a.verifier}, secret: holding(a), want: keep, standing: []string{"a"},
		},
		"under its former name, after a change of the environment: it is kept": {
			verifiers: verifiers{a.verifier}, secret: content{all: []credential.Secret{foreign.secret, a.secret}}, want: keep,
			standing: []string{"a"},
		},
		"the Secret was deleted: another is issued, and the lost one stays": {
			verifiers: verifiers{a.verifier}, want: issue, standing: []string{"a"}, lost: true,
		},
		"the Secret was edited: another is issued, and the foreign value never becomes valid": {
			verifiers: verifiers{a.verifier}, secret: holding(foreign), want: issue, standing: []string{"a"}, lost: true,
		},
		"an earlier Secret was put back: another is issued": {
			verifiers: verifiers{b.verifier, a.endingIn(time.Hour)}, secret: holding(a), want: issue,
			standing: []string{"b", "a"}, lost: true,
		},
		"a crash in the middle of a repair: the one before is still lost": {
			verifiers: verifiers{b.undelivered(), a.verifier}, want: issue, standing: []string{"a"}, lost: true,
		},
		"a crash in the middle of a repair, and the Secret came back: the one before is kept": {
			verifiers: verifiers{b.undelivered(), a.verifier}, secret: holding(a), want: keep, standing: []string{"a"},
		},
		"a previous one in its overlap stays, and its end is what comes next": {
			verifiers: verifiers{b.verifier, a.endingIn(time.Minute)}, secret: holding(b), want: keep,
			standing: []string{"b", "a"}, next: noon.Add(time.Minute),
		},
		"a previous one whose overlap ends this second leaves": {
			verifiers: verifiers{b.verifier, a.endingIn(0)}, secret: holding(b), want: keep, standing: []string{"b"},
		},
		"a current one does not end by the clock": {
			verifiers: verifiers{a.endingIn(-time.Hour)}, secret: holding(a), want: keep, standing: []string{"a"},
		},
		"lost a third time within the overlap: the next repair waits": {
			verifiers: verifiers{c.issuedAgo(time.Second), b.endingIn(time.Hour), a.endingIn(time.Hour)}, want: pause,
			standing: []string{"c", "b", "a"}, lost: true, next: noon.Add(59 * time.Second),
		},
		"the pause is over: it is repaired": {
			verifiers: verifiers{c.issuedAgo(time.Minute), b.endingIn(time.Hour), a.endingIn(time.Hour)}, want: issue,
			standing: []string{"c", "b", "a"}, lost: true,
		},
		"a hash that cannot be read verifies nothing: another is issued": {
			verifiers: verifiers{{ID: "x", SHA256: "?", DeliveryTime: timestamp(noon)}}, secret: holding(a), want: issue,
			standing: []string{"x"}, lost: true,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := planFor(test.verifiers, test.secret, noon)
			if got.action != test.want || got.lost != test.lost || !got.next.Equal(test.next) {
				t.Errorf("got %s, lost %v, next %v; want %s, %v, %v",
					got.action, got.lost, got.next, test.want, test.lost, test.next)
			}
			var standing []string
			for _, v := range got.verifiers {
				standing = append(standing, v.ID)
			}
			if len(standing) != len(test.standing) {
				t.Fatalf("got %v, want %v", standing, test.standing)
			}
			for i := range standing {
				if standing[i] != test.standing[i] {
					t.Fatalf("got %v, want %v", standing, test.standing)
				}
			}
		})
	}
}

// A Secret that somebody deletes as soon as it stands is the worst that can come: it must neither drive an endless rotation
// nor take a valid secret from a pod before its overlap ended, and status must stay within its schema.
func TestASecretThatIsLostAgainAndAgainIsRepairedEverMoreRarely(t *testing.T) {
	for _, overlap := range []time.Duration{0, time.Minute, 168 * time.Hour} {
		t.Run(overlap.String(), func(t *testing.T) {
			var verifiers []v1alpha1.Verifier
			repairs := 0
			for now := noon; now.Before(noon.Add(24 * time.Hour)); now = now.Add(time.Second) {
				p := planFor(verifiers, content{}, now)
				if p.action != issue {
					continue
				}
				repairs++
				fresh := makeOne(t, now.String()).undelivered()
				fresh.IssueTime = metav1.Time{Time: now}
				verifiers = delivered(append([]v1alpha1.Verifier{fresh}, p.verifiers...), now, overlap)
				if len(verifiers) > maxVerifiers {
					t.Fatalf("%d verifiers at %s", len(verifiers), now)
				}
			}
			if repairs < 4 || repairs > 25*maxVerifiers {
				t.Errorf("%d repairs in a day", repairs)
			}
		})
	}
}

func TestOnlyPreviousVerifiersGetAnEnd(t *testing.T) {
	a, b := makeOne(t, "a"), makeOne(t, "b")
	got := delivered([]v1alpha1.Verifier{b.undelivered(), a.verifier}, noon, time.Hour)
	if got[0].ExpirationTime != nil || !got[0].DeliveryTime.Time.Equal(noon) {
		t.Errorf("the current one: %+v", got[0])
	}
	if !got[1].ExpirationTime.Time.Equal(noon.Add(time.Hour)) {
		t.Errorf("the previous one: %+v", got[1])
	}
	again := delivered(got, noon.Add(time.Minute), time.Hour)
	if !again[0].DeliveryTime.Time.Equal(noon) || !again[1].ExpirationTime.Time.Equal(noon.Add(time.Hour)) {
		t.Errorf("a second delivery moved a time: %+v", again)
	}
}
