package credentials

import (
	"crypto/rand"
	"slices"
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

// after says of a Secret which revocation was the last before it.
func (c content) after(word string) content {
	c.revoked = []string{word}
	return c
}

func (m made) by(cause v1alpha1.Cause) made {
	m.verifier.Cause = cause
	return m
}

func (m made) forNonce(nonce string) made {
	m.verifier.Nonce = nonce
	return m
}

type verifiers = []v1alpha1.Verifier

func TestThePlanTellsFromStatusAndSecretHowFarACredentialCame(t *testing.T) {
	a, foreign := makeOne(t, "a"), makeOne(t, "foreign")
	b, c := makeOne(t, "b").by(v1alpha1.CauseRepair), makeOne(t, "c").by(v1alpha1.CauseRepair)
	for sentence, test := range map[string]struct {
		verifiers verifiers
		secret    content
		revoked   bool
		want      action
		cause     v1alpha1.Cause
		standing  []string
		next      time.Time
	}{
		"nothing anywhere: the first credential is issued": {want: issue, cause: v1alpha1.CauseIssue},
		"status was lost and the Secret was not: the verifier is rebuilt": {
			secret: holding(a), want: rebuild,
		},
		"everything was revoked, and the Secret is there still, or again: it is not believed": {
			secret: holding(a), revoked: true, want: issue, cause: v1alpha1.CauseIssue,
		},
		"issued, and a crash before the Secret was written: it is dropped, for nobody had it": {
			verifiers: verifiers{a.undelivered()}, want: issue, cause: v1alpha1.CauseIssue,
		},
		"dropped beside a value of unknown origin: that one never becomes valid": {
			verifiers: verifiers{a.undelivered()}, secret: holding(foreign), want: issue, cause: v1alpha1.CauseIssue,
		},
		"issued and in the Secret, and a crash before status says so: it is delivered": {
			verifiers: verifiers{a.undelivered()}, secret: holding(a), want: deliver, standing: []string{"a"},
		},
		"the same, and the Secret was edited meanwhile: pods may have it, so it stays": {
			verifiers: verifiers{a.undelivered()}, secret: content{all: []credential.Secret{foreign.secret}, id: "a"}, want: issue,
			cause: v1alpha1.CauseRepair, standing: []string{"a"},
		},
		"a rotation, and a crash, and the Secret was deleted before anybody looked: pods may have it, so it stays": {
			verifiers: verifiers{b.by(v1alpha1.CauseRotation).undelivered(), a.verifier}, secret: content{absent: true}, want: issue,
			cause: v1alpha1.CauseRepair, standing: []string{"b", "a"},
		},
		"a rotation, and a crash before the Secret was written: it is dropped": {
			verifiers: verifiers{b.by(v1alpha1.CauseRotation).undelivered(), a.verifier}, secret: holding(a), want: keep,
			standing: []string{"a"},
		},
		"a repair, and a crash before the Secret was created: it is dropped": {
			verifiers: verifiers{b.undelivered(), a.verifier}, secret: content{absent: true}, want: issue, standing: []string{"a"},
			cause: v1alpha1.CauseRepair,
		},
		"delivered and in the Secret: it is kept": {
			verifiers: verifiers{a.verifier}, secret: holding(a), want: keep, standing: []string{"a"},
		},
		"under its former name, after a change of the environment: it is kept": {
			verifiers: verifiers{a.verifier}, secret: content{all: []credential.Secret{foreign.secret, a.secret}}, want: keep,
			standing: []string{"a"},
		},
		"the Secret was deleted: another is issued, and the lost one stays": {
			verifiers: verifiers{a.verifier}, want: issue, standing: []string{"a"}, cause: v1alpha1.CauseRepair,
		},
		"the Secret was edited: another is issued, and the foreign value never becomes valid": {
			verifiers: verifiers{a.verifier}, secret: holding(foreign), want: issue, standing: []string{"a"},
			cause: v1alpha1.CauseRepair,
		},
		"an earlier Secret was put back: another is issued": {
			verifiers: verifiers{b.verifier, a.endingIn(time.Hour)}, secret: holding(a), want: issue,
			standing: []string{"b", "a"}, cause: v1alpha1.CauseRepair,
		},
		"a crash in the middle of a repair: the one before is still lost": {
			verifiers: verifiers{b.undelivered(), a.verifier}, want: issue, standing: []string{"a"}, cause: v1alpha1.CauseRepair,
		},
		"a crash in the middle of a repair, and the Secret came back: the one before is kept": {
			verifiers: verifiers{b.undelivered(), a.verifier}, secret: holding(a), want: keep, standing: []string{"a"},
		},
		"a previous one in its overlap stays": {
			verifiers: verifiers{b.verifier, a.endingIn(time.Minute)}, secret: holding(b), want: keep, standing: []string{"b", "a"},
		},
		"a previous one that ended an hour ago by this clock stays: the token server's may be behind": {
			verifiers: verifiers{b.verifier, a.endingIn(-time.Hour)}, secret: holding(b), want: keep, standing: []string{"b", "a"},
		},
		"two hours after its end it leaves": {
			verifiers: verifiers{b.verifier, a.endingIn(-2 * time.Hour)}, secret: holding(b), want: keep, standing: []string{"b"},
		},
		"the newest has an end, so it is a previous one, and another is issued whatever the Secret holds": {
			verifiers: verifiers{a.endingIn(time.Hour)}, secret: holding(a), want: issue, cause: v1alpha1.CauseIssue,
			standing: []string{"a"},
		},
		"the same long after that end: the Secret is not believed": {
			verifiers: verifiers{a.endingIn(-2 * time.Hour)}, secret: holding(a), want: issue, cause: v1alpha1.CauseIssue,
		},
		"lost a third time within the overlap: the next repair waits": {
			verifiers: verifiers{c.issuedAgo(time.Second), b.endingIn(time.Hour), a.endingIn(time.Hour)}, want: pause,
			standing: []string{"c", "b", "a"}, next: noon.Add(59 * time.Second), cause: v1alpha1.CauseRepair,
		},
		"the pause is over: it is repaired": {
			verifiers: verifiers{c.issuedAgo(time.Minute), b.endingIn(time.Hour), a.endingIn(time.Hour)}, want: issue,
			standing: []string{"c", "b", "a"}, cause: v1alpha1.CauseRepair,
		},
		"lost, and the clock went back behind its issue: it is repaired at once": {
			verifiers: verifiers{c.issuedAgo(-time.Hour), b.endingIn(time.Hour), a.endingIn(time.Hour)}, want: issue,
			standing: []string{"c", "b", "a"}, cause: v1alpha1.CauseRepair,
		},
		"lost after many rotations in a short time: those that ended make place, the oldest first": {
			verifiers: verifiers{
				a.by(v1alpha1.CauseRotation).issuedAgo(time.Minute), rotated(t, "g", -1), rotated(t, "f", -2),
				rotated(t, "e", -3), rotated(t, "d", -4), rotated(t, "c", -5), rotated(t, "b", -6), rotated(t, "x", -7),
			},
			want: issue, cause: v1alpha1.CauseRepair, standing: []string{"a", "g", "f", "e", "d", "c", "b"},
		},
		"self-hosted and back so often that eight are valid: the next credential waits for an hour after the first end": {
			verifiers: verifiers{
				rotated(t, "h", 8), rotated(t, "g", 7), rotated(t, "f", 6), rotated(t, "e", 5), rotated(t, "d", 4),
				rotated(t, "c", 3), rotated(t, "b", 2), rotated(t, "x", 1),
			},
			want: pause, cause: v1alpha1.CauseIssue, next: noon.Add(time.Minute + skew),
			standing: []string{"h", "g", "f", "e", "d", "c", "b", "x"},
		},
		"lost right after a rotation: it is repaired at once": {
			verifiers: verifiers{a.by(v1alpha1.CauseRotation).issuedAgo(0), foreign.endingIn(time.Hour)}, want: issue,
			standing: []string{"a", "foreign"}, cause: v1alpha1.CauseRepair,
		},
		"a hash that cannot be read verifies nothing: another is issued": {
			verifiers: verifiers{{ID: "x", SHA256: "?", DeliveryTime: timestamp(noon)}}, secret: holding(a), want: issue,
			standing: []string{"x"}, cause: v1alpha1.CauseRepair,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			former := v1alpha1.ApplicationVersionStatus{Verifiers: test.verifiers}
			if test.revoked {
				former.RevocationTime = timestamp(noon)
			}
			got := planFor(former, test.secret, wish{}, noon)
			if got.action != test.want || got.cause != test.cause || !got.next.Equal(test.next) || got.revoke {
				t.Errorf("got %s for %q, next %v, revoke %v; want %s for %q, %v",
					got.action, got.cause, got.next, got.revoke, test.want, test.cause, test.next)
			}
			if standing := idsOf(got.verifiers); !slices.Equal(standing, test.standing) {
				t.Errorf("got %v, want %v", standing, test.standing)
			}
		})
	}
}

// rotated makes a verifier that a rotation made and that ends in so many minutes.
func rotated(t *testing.T, id string, minutes int) v1alpha1.Verifier {
	t.Helper()
	return makeOne(t, id).by(v1alpha1.CauseRotation).endingIn(time.Duration(minutes) * time.Minute)
}

func idsOf(verifiers []v1alpha1.Verifier) []string {
	var ids []string
	for _, v := range verifiers {
		ids = append(ids, v.ID)
	}
	return ids
}

// A Secret that somebody deletes as soon as it stands is the worst that can come: it must neither drive an endless rotation
// nor take a valid secret from a pod before its overlap ended, and status must stay within its schema.
func TestASecretThatIsLostAgainAndAgainIsRepairedEverMoreRarely(t *testing.T) {
	for _, overlap := range []time.Duration{0, time.Minute, 168 * time.Hour} {
		t.Run(overlap.String(), func(t *testing.T) {
			var verifiers []v1alpha1.Verifier
			repairs := 0
			for now := noon; now.Before(noon.Add(24 * time.Hour)); now = now.Add(time.Second) {
				p := planFor(v1alpha1.ApplicationVersionStatus{Verifiers: verifiers}, content{}, wish{}, now)
				if p.action != issue {
					continue
				}
				repairs++
				fresh := makeOne(t, now.String()).undelivered()
				fresh.IssueTime, fresh.Cause = metav1.Time{Time: now}, p.cause
				verifiers = delivered(append([]v1alpha1.Verifier{fresh}, p.verifiers...), now, overlap)
				if len(verifiers) > maxVerifiers {
					t.Fatalf("%d verifiers at %s", len(verifiers), now)
				}
			}
			if repairs < 4 || repairs > 30 {
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
