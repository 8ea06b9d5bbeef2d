package directory

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

func sameType(a, b any) bool { return reflect.TypeOf(a) == reflect.TypeOf(b) }

// kpi is the client id of the scenario's application.
var kpi = clientID("kpi", "1.0.0", appUID)

func TestASecretAuthenticatesItsClient(t *testing.T) {
	w := scenario(t)
	got, ok := w.Authenticate(kpi, newSecret(1).Reveal())
	want := Client{ID: kpi, Host: "operator-co", Version: "1.0.0", CredentialID: "s1"}
	if !ok || !cmp.Equal(got, want, cmpopts.IgnoreFields(Client{}, "Application")) || got.Application.UID != appUID {
		t.Errorf("got %+v, %v", got, ok)
	}
	if again, ok := w.Client(kpi, "s1"); !ok || !cmp.Equal(again, got, cmp.Comparer(func(a, b *access.Application) bool { return a == b })) {
		t.Errorf("by its credential's id: got %+v, %v", again, ok)
	}
}

func TestNothingElseAuthenticates(t *testing.T) {
	valid := newSecret(1).Reveal()
	cases := map[string]struct{ id, secret string }{
		"a wrong secret":                   {kpi, newSecret(2).Reveal()},
		"no secret":                        {kpi, ""},
		"a text that is no secret":         {kpi, "password"},
		"the secret's hash":                {kpi, newSecret(1).Hash().String()},
		"an unknown client":                {clientID("other", "1.0.0", appUID), valid},
		"no client":                        {"", valid},
		"the digits alone":                 {credential.SuffixOf(kpi), valid},
		"a client id without its host":     {strings.TrimPrefix(kpi, "operator-co"), valid},
		"a client id with something ahead": {"x" + kpi, valid},
		"a client id with something after": {kpi + "0", valid},
		"a client id in capitals":          {strings.ToUpper(kpi), valid},
		"another host's client id":         {strings.Replace(kpi, "operator-co", "acme", 1), valid},
	}
	w := scenario(t)
	for name, c := range cases {
		if got, ok := w.Authenticate(c.id, c.secret); ok || got != (Client{}) {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
	if got, ok := w.Client(kpi, "s2"); ok {
		t.Errorf("a credential that the status does not list stands as %+v", got)
	}
}

func TestAnEmptyDirectoryKnowsNobody(t *testing.T) {
	w := newWorld(t)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("a client was authenticated")
	}
	if d := w.Decide(Client{}, "acme", "", nil); d.Granted() || w.Tenants(Client{}) != nil {
		t.Errorf("the zero Client got %s", d.Reason)
	}
	if w.Synced() || w.Age() != unknownAge {
		t.Errorf("synced: %v, age: %s", w.Synced(), w.Age())
	}
}

func TestWhatEndsACredential(t *testing.T) {
	cases := map[string]func(*v1alpha1.Application){
		"the application is being deleted, held by a finalizer": func(app *v1alpha1.Application) {
			app.DeletionTimestamp, app.Finalizers = &metav1.Time{Time: epoch}, []string{"example.com/held"}
		},
		"the application was created again under its name": func(app *v1alpha1.Application) { app.UID = laterUID },
		"the version is out of the spec, still in the status": func(app *v1alpha1.Application) {
			app.Spec.Versions = nil
		},
		"the version is another one, the status has only the old one's": func(app *v1alpha1.Application) {
			app.Spec.Versions[0].Version = "1.1.0"
		},
		"the status lists no verifiers": func(app *v1alpha1.Application) { app.Status.Versions[0].Verifiers = nil },
		"the status lists no versions":  func(app *v1alpha1.Application) { app.Status.Versions = nil },
		"the verifier expires this very second": func(app *v1alpha1.Application) {
			app.Status.Versions[0].Verifiers[0].ExpirationTime = &metav1.Time{Time: epoch}
		},
		"the verifier cannot be read": func(app *v1alpha1.Application) {
			verifier := &app.Status.Versions[0].Verifiers[0]
			verifier.SHA256 = strings.ToUpper(verifier.SHA256)
		},
		"the verifier is beyond as many as the schema admits": func(app *v1alpha1.Application) {
			verifiers := newStatus("1.0.0", newSecret(2)).Verifiers
			for len(verifiers) < maxIssued {
				verifiers = append(verifiers, verifiers[0])
			}
			app.Status.Versions[0].Verifiers = append(verifiers, app.Status.Versions[0].Verifiers...)
			app.Status.Versions[0].Verifiers[maxIssued].ID = "last"
		},
		"the status was written for another UID, as a restore brings it": func(app *v1alpha1.Application) {
			app.Status.Versions[0].ClientID = credential.ClientID("operator-co", "kpi", "1.0.0", string(laterUID))
		},
		"the verifiers are of another version": func(app *v1alpha1.Application) {
			app.Status.Versions[0].Version = "1.0"
		},
	}
	for name, edit := range cases {
		t.Run(name, func(t *testing.T) {
			w := scenario(t)
			app := newApp("kpi", appUID, newSecret(1))
			edit(app)
			w.apply(app)
			if got, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
				t.Errorf("it authenticates as %+v", got)
			}
		})
	}
}

func TestAPreviousCredentialStandsUntilTheSecondInWhichItExpires(t *testing.T) {
	w := scenario(t)
	app := newApp("kpi", appUID, newSecret(2), newSecret(1))
	app.Status.Versions[0].Verifiers[1].ExpirationTime = &metav1.Time{Time: epoch.Add(time.Hour)}
	app.Status.Versions[0].ClientID = kpi
	w.apply(app)
	w.clock.SetTime(epoch.Add(time.Hour - time.Second))
	if client, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok || client.CredentialID != "s2" {
		t.Errorf("a second before: got %+v, %v", client, ok)
	}
	w.clock.SetTime(epoch.Add(time.Hour))
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("it authenticates after its end")
	}
	if _, ok := w.Client(kpi, "s2"); ok {
		t.Error("a token's credential stands after its end")
	}
	if client, ok := w.Authenticate(kpi, newSecret(2).Reveal()); !ok || client.CredentialID != "s1" {
		t.Errorf("the current one: got %+v, %v", client, ok)
	}
}

func TestAVersionComesBackWithItsCredentials(t *testing.T) {
	w := scenario(t)
	app := newApp("kpi", appUID, newSecret(1))
	versions := app.Spec.Versions
	app.Spec.Versions = nil
	w.apply(app)
	app.Spec.Versions = versions
	w.apply(app)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok {
		t.Error("the version is back in the spec and does not authenticate")
	}
}

func TestACredentialIsOneVersionsOnly(t *testing.T) {
	w := scenario(t)
	app := newApp("kpi", appUID, newSecret(1))
	app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{Version: "1.1.0"})
	app.Status.Versions = append(app.Status.Versions, newStatus("1.1.0", newSecret(2)))
	w.apply(app)
	newer := clientID("kpi", "1.1.0", appUID)
	for id, want := range map[string]byte{kpi: 1, newer: 2} {
		for seed := byte(1); seed <= 2; seed++ {
			if _, ok := w.Authenticate(id, newSecret(seed).Reveal()); ok != (seed == want) {
				t.Errorf("secret %d at %s: %v", seed, id, ok)
			}
		}
	}
}

func TestNamesWithDashesAreNotMixedUp(t *testing.T) {
	w := scenario(t)
	w.apply(newAppVersion("a-1", "0", appUID, newSecret(1)), newAppVersion("a", "1-0", appUID, newSecret(2)))
	first, ok := w.Authenticate(clientID("a-1", "0", appUID), newSecret(1).Reveal())
	if !ok || first.Application.Name != "a-1" || first.Version != "0" {
		t.Errorf("got %+v, %v", first, ok)
	}
	second, ok := w.Authenticate(clientID("a", "1-0", appUID), newSecret(2).Reveal())
	if !ok || second.Application.Name != "a" || second.Version != "1-0" {
		t.Errorf("got %+v, %v", second, ok)
	}
}

// Two UIDs that were searched for: with these versions, both have the same 12 digits.
const (
	collidingUID0   = types.UID("0006a880-0000-4000-8000-00000000000a") // with version 0
	collidingUID1_0 = types.UID("00022a8b-0000-4000-8000-00000000000b") // with version 1-0
)

func TestOfTwoVersionsWithOneClientIDNeitherIsServed(t *testing.T) {
	id := clientID("a-1", "0", collidingUID0)
	if id != clientID("a", "1-0", collidingUID1_0) {
		t.Fatal("the two do not collide any more")
	}
	w := scenario(t)
	second := newAppVersion("a", "1-0", collidingUID1_0, newSecret(2))
	w.apply(newAppVersion("a-1", "0", collidingUID0, newSecret(1)), second)
	for seed := byte(1); seed <= 2; seed++ {
		if got, ok := w.Authenticate(id, newSecret(seed).Reveal()); ok {
			t.Errorf("secret %d is served as %+v", seed, got)
		}
	}
	w.remove(second)
	if _, ok := w.Authenticate(id, newSecret(1).Reveal()); !ok {
		t.Error("the one that is left is not served")
	}
}

func TestVersionsThatShareTheirDigitsAloneAreBothServed(t *testing.T) {
	w := scenario(t)
	w.apply(newAppVersion("x", "0", collidingUID0, newSecret(1)), newAppVersion("y", "1-0", collidingUID1_0, newSecret(2)))
	if client, ok := w.Authenticate(clientID("x", "0", collidingUID0), newSecret(1).Reveal()); !ok || client.Application.Name != "x" {
		t.Errorf("got %+v, %v", client, ok)
	}
	if client, ok := w.Authenticate(clientID("y", "1-0", collidingUID1_0), newSecret(2).Reveal()); !ok || client.Application.Name != "y" {
		t.Errorf("got %+v, %v", client, ok)
	}
	if _, ok := w.Authenticate(clientID("x", "0", collidingUID0), newSecret(2).Reveal()); ok {
		t.Error("one's secret is good for the other")
	}
}

func TestANamespaceThatTwoTenantsClaimHostsNobody(t *testing.T) {
	w := scenario(t)
	twin := newTenant("twin", "tenant-operator-co")
	w.apply(twin)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("a client was authenticated while two tenants claim its namespace")
	}
	w.remove(twin)
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); !ok {
		t.Error("the conflict is over and the client is still refused")
	}
}

func TestANamespaceUnderAnotherTenantHasOtherClients(t *testing.T) {
	w := scenario(t)
	before, _ := w.Authenticate(kpi, newSecret(1).Reveal())
	w.remove(newTenant("operator-co", "tenant-operator-co"))
	w.apply(newTenant("successor", "tenant-operator-co"))
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("the old client id still authenticates")
	}
	for _, tenant := range []string{"operator-co", "successor"} {
		if d := w.Decide(before, tenant, "", nil); d.Granted() {
			t.Errorf("who was authenticated under the old client id still gets tokens for %s", tenant)
		}
	}
	id := credential.ClientID("successor", "kpi", "1.0.0", string(appUID))
	if client, ok := w.Authenticate(id, newSecret(1).Reveal()); !ok || client.Host != "successor" {
		t.Errorf("under the new tenant's name: got %+v, %v", client, ok)
	}
}

func TestATenantThatMovesToAnotherNamespaceLeavesTheOldOne(t *testing.T) {
	w := scenario(t)
	w.apply(newTenant("operator-co", "tenant-elsewhere")) // deleted and created again, seen as one event
	if _, ok := w.Authenticate(kpi, newSecret(1).Reveal()); ok {
		t.Error("the old namespace still speaks for the tenant")
	}
	if got := w.TenantsClaiming("tenant-operator-co"); len(got) != 0 {
		t.Errorf("the old namespace is claimed by %v", got)
	}
}
