package injector_test

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

// transferredTo is what the operator says of a hand-over.
func transferredTo(app *v1alpha1.Application, status metav1.ConditionStatus, reason v1alpha1.Reason) {
	app.Spec.TransferTo = &v1alpha1.ApplicationPeer{Tenant: "secret-customer", Application: "theirs"}
	app.Status.Conditions = []metav1.Condition{{
		Type: string(v1alpha1.ConditionTransferredTo), Status: status, Reason: string(reason),
	}}
}

func TestAPodThatWouldNeverGetItsCredentialsIsRefusedWithWhatToDo(t *testing.T) {
	for says, c := range map[string]struct {
		change func(app *v1alpha1.Application)
		// want is part of the refusal; empty: the pod is admitted.
		want string
	}{
		"there is no such version": {
			func(app *v1alpha1.Application) { app.Spec.Versions[0].Version = "9.9.9" },
			"application kpi has no version 1.0.0, which the label countersign.dev/version names: add it to spec.versions, or correct the label",
		},
		"the version has no access": {
			func(app *v1alpha1.Application) { app.Spec.Versions[0].Access = nil },
			"give it a level or scopes in spec.versions[1.0.0].access",
		},
		"the version brings its own verifiers": {
			func(app *v1alpha1.Application) {
				app.Spec.Versions[0].Verifiers = []v1alpha1.SelfHostedVerifier{{SHA256: strings.Repeat("0", 64)}}
			},
			"give the pod the secret that you made yourself, without the labels, or take spec.versions[1.0.0].verifiers out",
		},
		"the application was handed over": {
			func(app *v1alpha1.Application) { transferredTo(app, metav1.ConditionTrue, v1alpha1.ReasonHandedOver) },
			"take the labels off, or take spec.transferTo out to have it back",
		},
		"the application is to be handed over": {
			func(app *v1alpha1.Application) {
				transferredTo(app, metav1.ConditionFalse, v1alpha1.ReasonTransferPending)
			}, "",
		},
		"it was taken back, and the operator has not said so yet": {
			func(app *v1alpha1.Application) {
				transferredTo(app, metav1.ConditionTrue, v1alpha1.ReasonHandedOver)
				app.Spec.TransferTo = nil
			}, "",
		},
		"the version is suspended, and keeps its Secret": {
			func(app *v1alpha1.Application) { app.Spec.Versions[0].State = v1alpha1.StateSuspended }, "",
		},
	} {
		t.Run(says, func(t *testing.T) {
			app := kpi()
			c.change(app)
			apps := reader(t, app)
			answer := ask(t, handler(apps, apps), podWith(t, labelled()))
			switch {
			case answer.Allowed != (c.want == ""):
				t.Errorf("allowed=%t: %s", answer.Allowed, answer.Result.Message)
			case !strings.Contains(answer.Result.Message, c.want):
				t.Errorf("it says %q, want something with %q", answer.Result.Message, c.want)
			}
			for _, told := range []string{"9.9.9", "secret-customer", "theirs"} {
				if strings.Contains(answer.Result.Message, told) {
					t.Errorf("whoever asks learns of %s by %q", told, answer.Result.Message)
				}
			}
		})
	}
}

func TestALabelWithoutAValueIsRefusedAndAPodWithoutTheLabelIsNone(t *testing.T) {
	apps := reader(t, kpi())
	for _, label := range []string{v1alpha1.LabelApplication, v1alpha1.LabelVersion} {
		labels := labelled()
		labels[label] = ""
		answer := ask(t, handler(apps, apps), podWith(t, labels))
		if answer.Allowed || !strings.Contains(answer.Result.Message, "the label "+label+" is empty: ") {
			t.Errorf("%s empty: allowed=%t, %q", label, answer.Allowed, answer.Result.Message)
		}
		delete(labels, label)
		if answer := ask(t, handler(apps, apps), podWith(t, labels)); !answer.Allowed || len(answer.Patches) > 0 {
			t.Errorf("%s absent: %v", label, answer)
		}
	}
}

func TestNobodyIsRefusedForWhatACacheDoesNotKnowYet(t *testing.T) {
	changed := func(change func(app *v1alpha1.Application)) *v1alpha1.Application {
		app := kpi()
		change(app)
		return app
	}
	for says, cached := range map[string]*v1alpha1.Application{
		"a new version":      changed(func(app *v1alpha1.Application) { app.Spec.Versions = nil }),
		"access that is new": changed(func(app *v1alpha1.Application) { app.Spec.Versions[0].Access = nil }),
		"verifiers that are gone": changed(func(app *v1alpha1.Application) {
			app.Spec.Versions[0].Verifiers = make([]v1alpha1.SelfHostedVerifier, 1)
		}),
		"a hand-over that is over": changed(func(app *v1alpha1.Application) { transferredTo(app, metav1.ConditionTrue, v1alpha1.ReasonHandedOver) }),
		"a deletion that is over": changed(func(app *v1alpha1.Application) {
			app.DeletionTimestamp, app.Finalizers = &metav1.Time{Time: metav1.Now().Time}, []string{"example.com/hold"}
		}),
	} {
		if answer := ask(t, handler(reader(t, cached), reader(t, kpi())), podWith(t, labelled())); !answer.Allowed {
			t.Errorf("%s: %s", says, answer.Result.Message)
		}
	}
	if answer := ask(t, handler(reader(t), reader(t, kpi())), podWith(t, labelled())); !answer.Allowed {
		t.Errorf("a new application: %s", answer.Result.Message)
	}
}

func TestTheAPIServerIsAskedNoMoreThanTheLimitAllowsAndThePodIsToTryAgain(t *testing.T) {
	live := &counting{Reader: reader(t, kpi())}
	injector := handler(reader(t), live)
	for range questions {
		if answer := ask(t, injector, podWith(t, labelled())); !answer.Allowed {
			t.Fatal("within the limit: ", answer.Result.Message)
		}
	}
	for range 3 {
		answer := ask(t, injector, podWith(t, labelled()))
		if answer.Allowed || answer.Result.Code != http.StatusTooManyRequests ||
			!strings.Contains(answer.Result.Message, "not in namespace operator-co") || !strings.Contains(answer.Result.Message, "try again") {
			t.Errorf("allowed=%t: %v", answer.Allowed, answer.Result)
		}
	}
	if live.reads != questions {
		t.Errorf("the API server was asked %d times, want %d", live.reads, questions)
	}
}

func TestWhatTheCacheAdmitsCostsNoQuestion(t *testing.T) {
	apps, live := reader(t, kpi()), &counting{Reader: reader(t, kpi())}
	injector := handler(apps, live)
	for range 2 * questions {
		if answer := ask(t, injector, podWith(t, labelled())); !answer.Allowed {
			t.Fatal(answer.Result.Message)
		}
	}
	if live.reads > 0 {
		t.Errorf("the API server was asked %d times", live.reads)
	}
}
