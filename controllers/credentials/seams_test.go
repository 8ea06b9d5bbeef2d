package credentials

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"countersign.dev/api/v1alpha1"
)

// Where two things meet in the life of a credential: a crash and a change of mind, two hands, two clocks.

// stopAt reconciles once with a crash before or after a write.
func (w *world) stopAt(write int, done bool) {
	w.crashAt(write, done)
	_, _ = w.reconcile()
	w.heal()
}

func (w *world) selfHosted(yes bool) {
	w.Helper()
	w.edit(func(s *v1alpha1.ApplicationSpec) {
		s.Versions[0].Verifiers = nil
		if yes {
			s.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{stated(noon.Add(365 * day))}
		}
	})
}

func (w *world) loseSecret() {
	w.Helper()
	w.must(w.platform.Delete(w.ctx, w.secret("1.0.0")))
}

func TestACredentialThatPodsHaveOutlivesACrashBeforeStatusSaysSo(t *testing.T) {
	for sentence, happens := range map[string]func(w *world){
		"and a time as a self-hosted version": func(w *world) {
			w.selfHosted(true)
			w.settle()
			w.selfHosted(false)
		},
		"and a day without a host, in which its Secret is deleted": func(w *world) {
			host := w.standing
			w.standing = Standing{}
			w.settle()
			w.pass(day)
			w.loseSecret()
			w.settle()
			w.standing = host
		},
	} {
		for _, repaired := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, repaired before: %v", sentence, repaired), func(t *testing.T) {
				w := newWorldOn(t, standIn(), granted("1.0.0"))
				if repaired {
					w.settle()
					w.loseSecret()
				}
				w.stopAt(1, true)
				pod := w.text("1.0.0")
				happens(w)
				w.settle()
				if !w.accepts("1.0.0", pod) {
					t.Errorf("a pod is refused before the overlap ended: %+v", w.entry("1.0.0").Verifiers)
				}
			})
		}
	}
}

func TestASecretThatEndedIsNotBelievedWhenACopyOfItComesBack(t *testing.T) {
	for sentence, happens := range map[string]func(w *world){
		"after its version was self-hosted": func(w *world) {
			w.selfHosted(true)
			w.settle()
			w.pass(overlap + lingers)
			w.settle()
			w.selfHosted(false)
		},
		"after it was revoked by a word while its version was self-hosted": func(w *world) {
			w.selfHosted(true)
			w.settle()
			w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
			w.settle()
			app := w.app()
			app.Annotations = nil
			w.must(w.platform.Update(w.ctx, app))
			w.selfHosted(false)
		},
		"after its version was taken out and added again": func(w *world) {
			w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions = s.Versions[1:] })
			w.settle()
			w.edit(func(s *v1alpha1.ApplicationSpec) {
				s.Versions = []v1alpha1.ApplicationVersion{granted("1.0.0"), s.Versions[0]}
			})
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorldOn(t, standIn(), granted("1.0.0"), granted("1.1.0"))
			w.settle()
			old, copied := w.text("1.0.0"), w.secret("1.0.0")
			happens(w)
			copied.ResourceVersion = ""
			w.must(w.platform.Create(w.ctx, copied))
			w.settle()
			if w.accepts("1.0.0", old) || !w.accepts("1.0.0", w.text("1.0.0")) {
				t.Errorf("old %v, present %v", w.accepts("1.0.0", old), w.accepts("1.0.0", w.text("1.0.0")))
			}
		})
	}
}

func TestWhatHasEndedWakesNobodyForEver(t *testing.T) {
	for sentence, happens := range map[string]func(w *world){
		"where its host is lost": func(w *world) { w.standing = Standing{} },
		"where the name of its Secret is taken": func(w *world) {
			theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "kpi-dashboard.1.0.0"}}
			w.must(w.platform.Create(w.ctx, theirs))
			w.selfHosted(false)
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorldOn(t, standIn(), granted("1.0.0"))
			w.settle()
			w.selfHosted(true)
			w.settle()
			happens(w)
			w.settle()
			w.pass(overlap + lingers + time.Hour)
			if after := w.settle(); after != 0 && after <= time.Second {
				t.Errorf("looked at again after %s, for ever", after)
			}
		})
	}
}

func TestAFullListMakesNoPlaceForAnHourAfterAnEnd(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.Overlap = &metav1.Duration{Duration: 90 * time.Minute}
	})
	w.settle()
	handed := map[string]bool{}
	for len(w.entry("1.0.0").Verifiers) < maxVerifiers {
		if secret := w.secret("1.0.0"); secret != nil {
			handed[textOf(secret)] = true
			w.loseSecret()
		}
		w.pass(max(time.Second, w.settle()))
		w.settle()
	}
	valid := func() (texts []string) {
		for text := range handed {
			if w.accepts("1.0.0", text) {
				texts = append(texts, text)
			}
		}
		return texts
	}
	before := len(valid())
	w.pass(time.Hour) // the operator is ahead
	w.loseSecret()
	w.settle()
	w.pass(-time.Hour)
	if now := len(valid()); now < before {
		t.Errorf("%d secrets were valid by the token server's clock, and %d are", before, now)
	}
}

func TestAWordIsNotForgottenInACrash(t *testing.T) {
	for _, annotation := range []string{v1alpha1.AnnotationRotate, v1alpha1.AnnotationRotateAndRevoke} {
		t.Run("and then "+annotation, func(t *testing.T) {
			w := newWorldOn(t, standIn(), granted("1.0.0"))
			w.settle()
			w.annotate(v1alpha1.AnnotationRotate, "one")
			w.stopAt(1, true) // it is in the Secret, and not in status
			w.loseSecret()
			w.annotate(v1alpha1.AnnotationRotate, "two")
			w.annotate(annotation, "two")
			w.settle()
			w.pass(overlap + time.Hour)
			w.settle()
			text := w.text("1.0.0")
			w.annotate(v1alpha1.AnnotationRotate, "one")
			w.settle()
			if w.text("1.0.0") != text {
				t.Error("it was acted on twice")
			}
		})
	}
}

func TestNamesThatChangeInCrashesFillNoListWithoutAnEnd(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.settle()
	for i := range maxVerifiers + 4 {
		w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].SecretName = fmt.Sprintf("name-%d", i) })
		w.stopAt(1, true)
		if n := len(w.entry("1.0.0").Verifiers); n > maxVerifiers {
			t.Fatalf("%d verifiers: the API server takes %d", n, maxVerifiers)
		}
	}
	w.pass(overlap + skew)
	w.settle()
	if !w.accepts("1.0.0", w.text("1.0.0")) {
		t.Error("it does not come to rest")
	}
}

func TestAFormerSecretThatIsPutBackDrivesNoEndlessMoves(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.edit(func(s *v1alpha1.ApplicationSpec) { s.CredentialPolicy.Overlap = &metav1.Duration{} })
	w.settle()
	former := w.secret("1.0.0")
	former.ResourceVersion = ""
	w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].SecretName = "chosen" })
	w.settle()
	seen := map[string]bool{}
	for range 30 {
		w.pass(time.Second)
		if w.secretNamed(former.Name) == nil {
			w.must(w.platform.Create(w.ctx, former.DeepCopy()))
		}
		if w.secret("1.0.0") != nil {
			w.loseSecret()
		}
		w.settle()
		if secret := w.secret("1.0.0"); secret != nil {
			seen[textOf(secret)] = true
		}
	}
	if reason := w.ready("1.0.0").Reason; len(seen) > promptRepairs+1 || reason != string(v1alpha1.ReasonSecretContested) {
		t.Errorf("%d credentials in half a minute, Ready says %s", len(seen), reason)
	}
}

func TestNothingIsSaidToWaitThatDoesNot(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.settle()
	w.annotate(v1alpha1.AnnotationRotate, "one")
	w.stopAt(1, true)
	w.annotate(v1alpha1.AnnotationRotate, "two")
	if _, err := w.reconcile(); err != nil {
		t.Fatal(err)
	}
	if pending := w.condition("1.0.0", v1alpha1.ConditionRotationPending); pending != nil {
		t.Error(pending.Message)
	}
}

func TestTheSecondRevocationWithinASecondWaitsForNoSecretEither(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.settle()
	w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
	w.settle()
	pod := w.text("1.0.0")
	w.standing.Revoked = handedOver.Revoked
	w.stopAt(0, true)
	if w.accepts("1.0.0", pod) {
		t.Error("what the first write was not is a revocation")
	}
}

func TestAnEndIsToldOnceHoweverLongItsVerifierIsRemembered(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.edit(func(s *v1alpha1.ApplicationSpec) {
		s.CredentialPolicy.Overlap = &metav1.Duration{Duration: 10 * time.Minute}
	})
	w.settle()
	for range promptRepairs + 1 {
		w.loseSecret()
		w.settle()
		w.pass(5 * time.Minute)
		w.settle()
	}
	w.pass(5 * time.Hour)
	w.settle()
	told := len(w.told(eventEnded))
	for range 3 {
		w.settle()
	}
	if now := len(w.told(eventEnded)); now != told {
		t.Errorf("%d events, and after three looks at nothing %d", told, now)
	}
}

func TestASecretThatTheAPIServerRefusesIsTriedEverMoreRarelyAndARevocationAtOnce(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.refusals = newRefusals()
	denied := errors.New("exceeded quota: secrets=100")
	trials := 0
	w.fault = func(n int) (error, error) {
		if w.writes[n] == "status" {
			return nil, nil
		}
		trials++
		return denied, nil
	}
	minute := w.clock.Now().Add(time.Minute)
	for looks := 0; w.clock.Now().Before(minute); looks++ {
		if looks > 40 {
			t.Fatal("it looks again and again")
		}
		after, err := w.reconcile()
		if err == nil { // else the queue decides, which is sooner: the Phase has to say no
			w.pass(max(after, time.Millisecond))
		}
	}
	if trials > 8 {
		t.Errorf("%d trials in a minute", trials)
	}
	if ready := w.ready("1.0.0"); ready.Reason != string(v1alpha1.ReasonCredentialsPending) {
		t.Errorf("Ready says %s: %s", ready.Reason, ready.Message)
	}
	w.heal()
	w.pass(longestWait)
	w.settle()
	pod := w.text("1.0.0")

	w.fault = func(n int) (error, error) {
		if w.writes[n] == "status" {
			return nil, nil
		}
		return denied, nil
	}
	w.annotate(v1alpha1.AnnotationRotate, "one")
	_, _ = w.reconcile()
	if !w.accepts("1.0.0", pod) {
		t.Error("a rotation that was refused took the old secret away")
	}
	w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
	_, _ = w.reconcile()
	if w.accepts("1.0.0", pod) {
		t.Error("a revocation waits for a Secret that is refused")
	}
}

func TestACredentialThatTheAPIServerRefusesToStoreIsForgottenAtOnce(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.settle()
	w.loseSecret()
	w.annotate(v1alpha1.AnnotationRotateAndRevoke, "incident-17")
	w.fault = func(n int) (error, error) {
		if w.writes[n] == "status" {
			return nil, nil
		}
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "kpi-dashboard.1.0.0", errors.New("exceeded quota")), nil
	}
	_, _ = w.reconcile()
	if verifiers := w.entry("1.0.0").Verifiers; len(verifiers) > 0 {
		t.Errorf("nobody has it, and status says that it is valid: %+v", verifiers)
	}
	w.heal()
	w.settle()
	if told := w.told(eventReplaced); len(told) > 0 {
		t.Errorf("as if something that leaked were valid still: %v", told)
	}
	if len(w.entry("1.0.0").Verifiers) != 1 || !w.accepts("1.0.0", w.text("1.0.0")) {
		t.Errorf("%+v", w.entry("1.0.0").Verifiers)
	}
}

func TestACredentialThatPodsHaveOutlivesAPauseInWhichItsSecretGoes(t *testing.T) {
	w := newWorldOn(t, standIn(), granted("1.0.0"))
	w.settle()
	for range promptRepairs {
		w.loseSecret()
		w.settle()
	}
	w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].SecretName = "chosen" })
	w.must(w.platform.Delete(w.ctx, w.secretNamed("kpi-dashboard.1.0.0")))
	w.stopAt(1, true) // it is in the chosen one, and not in status
	pod := w.text("1.0.0")
	w.edit(func(s *v1alpha1.ApplicationSpec) { s.Versions[0].SecretName = "" })
	w.settle() // the repair under the former name waits
	if chosen := w.secretNamed("chosen"); chosen != nil {
		w.must(w.platform.Delete(w.ctx, chosen))
	}
	w.pass(firstPause)
	w.settle()
	if !w.accepts("1.0.0", pod) || !w.accepts("1.0.0", w.text("1.0.0")) {
		t.Errorf("a pod is refused before its overlap ended: %+v", w.entry("1.0.0").Verifiers)
	}
}
