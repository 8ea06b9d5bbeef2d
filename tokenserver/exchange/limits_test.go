package exchange_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
	"countersign.dev/tokenserver/workload/workloadtest"
)

func TestAClientThatAsksForTooMuchIsToldWhenToComeBackOnBothFaces(t *testing.T) {
	for name, test := range map[string]struct {
		request func(client) *http.Request
		code    func(tokenservertest.Answer) any
		want    string
	}{
		"standard": {
			func(c client) *http.Request { return c.standard("tenant", tokenservertest.Tenant) },
			func(a tokenservertest.Answer) any { return a.JSON["error"] }, "too_many_requests",
		},
		"tenants": {client.tenants, func(a tokenservertest.Answer) any { return a.JSON["error"] }, "too_many_requests"},
		"insights hub": {
			func(c client) *http.Request { return c.hub(tokenservertest.Tenant) }, hubCode,
			"mdsp.technicaltokenmanager.too_many_requests",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := limited(t, limit.Config{ClientRate: 0.3, ClientBurst: 5}, twoVersions)
			for i := range 5 {
				if a := w.Do(test.request(first())); a.Status != http.StatusOK {
					t.Fatalf("request %d: %d %s", i, a.Status, a.Text)
				}
			}
			a := w.Do(test.request(first()))
			if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "4" || test.code(a) != test.want ||
				a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("past the burst: %d %v %s", a.Status, a.Header, a.Text)
			}
			if a := w.Do(test.request(second())); a.Status != http.StatusOK {
				t.Errorf("another client: %d %s", a.Status, a.Text)
			}
			w.Clock.Step(3 * time.Second)
			if a := w.Do(test.request(first())); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "1" {
				t.Errorf("too early: %d %v", a.Status, a.Header)
			}
			w.Clock.Step(time.Second)
			if a := w.Do(test.request(first())); a.Status != http.StatusOK {
				t.Errorf("came when told: %d %s", a.Status, a.Text)
			}
		})
	}
}

// An impostor knows the client id, which is no secret: it must not be able to spend what is the client's.
func TestNobodyCanSpendAnothersBucket(t *testing.T) {
	w := limited(t, limit.Config{ClientRate: 1, ClientBurst: 5, FailureRate: 1, FailureBurst: 1})
	for range 100 {
		w.Do(impostor().standard())
		w.Do(impostor().hub(tokenservertest.Tenant))
	}
	for i := range 5 {
		if a := w.Do(first().standard()); a.Status != http.StatusOK {
			t.Errorf("request %d: %d %s", i, a.Status, a.Text)
		}
	}
}

func TestTooManyFailuresFromAnAddressAre429AndLockNobodyOut(t *testing.T) {
	w := limited(t, limit.Config{FailureRate: 0.5, FailureBurst: 3}, twoVersions)
	const here, elsewhere = "192.0.2.1", "192.0.2.2"
	status := func(address string, r *http.Request) int { return w.Do(from(address, r)).Status }
	for i, r := range []*http.Request{
		impostor().standard(), impostor().hub(tokenservertest.Tenant), client{id: "nobody", secret: "x"}.tenants(),
	} {
		if got := status(here, r); got != http.StatusUnauthorized {
			t.Fatalf("failure %d: %d", i, got)
		}
	}
	a := w.Do(from(here, impostor().standard()))
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "2" || a.Header.Get("WWW-Authenticate") != "" ||
		a.Member("error") != "too_many_requests" {
		t.Errorf("one failure more: %d %v %s", a.Status, a.Header, a.Text)
	}
	if a := w.Do(from(here, userTenants("x"))); a.Status != http.StatusTooManyRequests || hubCode(a) != "mdsp.technicaltokenmanager.too_many_requests" {
		t.Errorf("a bad token: %d %s", a.Status, a.Text)
	}
	for name, r := range map[string]*http.Request{
		"the client itself": first().standard(), "another client": second().standard(), "on the other face": first().hub(tokenservertest.Host),
	} {
		if got := status(here, r); got != http.StatusOK {
			t.Errorf("%s, from the same address: %d", name, got)
		}
	}
	if got := status(elsewhere, impostor().standard()); got != http.StatusUnauthorized {
		t.Errorf("a failure from elsewhere: %d", got)
	}
	w.Clock.Step(2 * time.Second)
	if got := status(here, impostor().standard()); got != http.StatusUnauthorized {
		t.Errorf("a failure after Retry-After: %d", got)
	}
}

// Whether a client exists must not show in what is told to one that fails, nor in how often it may.
func TestARefusalDoesNotTellWhetherTheClientExists(t *testing.T) {
	w := limited(t, limit.Config{FailureRate: 1, FailureBurst: 1})
	for range 2 {
		known := w.Do(from("192.0.2.1", impostor().standard()))
		unknown := w.Do(from("192.0.2.2", client{id: "operator-co-other-1.0.0-123456789012", secret: tokenservertest.WrongSecret()}.standard()))
		if known.Status != unknown.Status || known.Text != unknown.Text {
			t.Errorf("%d %s\n%d %s", known.Status, known.Text, unknown.Status, unknown.Text)
		}
	}
}

func TestARequestForSeveralTokensCostsAsMany(t *testing.T) {
	w := limited(t, limit.Config{ClientRate: 1, ClientBurst: 5})
	if a := w.Do(first().batch("a", "b", "c", "d", tokenservertest.Tenant)); a.Status != http.StatusOK {
		t.Fatalf("a full bucket: %d %s", a.Status, a.Text)
	}
	if a := w.Do(first().standard()); a.Status != http.StatusTooManyRequests {
		t.Errorf("one more: %d %s", a.Status, a.Text)
	}
	w.Clock.Step(4 * time.Second)
	w.Log.Reset()
	a := w.Do(first().batch("a", "b", "c", "d", tokenservertest.Tenant))
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "2" || a.JSON["tokens"] != nil {
		t.Errorf("too little is left: %d %v %s", a.Status, a.Header, a.Text)
	}
	if n := len(w.Log.Lines(t, "Issued a token")) + len(w.Log.Lines(t, "Refused a token")); n != 0 {
		t.Errorf("%d of the tokens were decided on", n)
	}
	w.Clock.Step(2 * time.Second)
	if a := w.Do(first().batch("a", "b", "c", "d", tokenservertest.Tenant)); a.Status != http.StatusOK {
		t.Errorf("came when told: %d %s", a.Status, a.Text)
	}
}

func TestAServerThatIsBlindLimitsNobody(t *testing.T) {
	w := limited(t, limit.Config{ClientRate: 1, ClientBurst: 5, FailureRate: 1, FailureBurst: 1})
	w.GoBlind()
	for range 10 {
		if a := w.Do(impostor().standard()); a.Status != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
	}
}

func hubCode(a tokenservertest.Answer) any {
	errors, _ := a.JSON["errors"].([]any)
	if len(errors) != 1 {
		return nil
	}
	one, _ := errors[0].(map[string]any)
	return one["code"]
}

func TestAResourceServerThatAsksForTooMuchIsToldWhenToComeBackAndNobodyElseIs(t *testing.T) {
	w := tokenservertest.New(t, withPods)
	w.Restart(func(d *tokenserver.Deps) {
		d.Limits = limit.New(limit.Config{ClientRate: 1, ClientBurst: 2}, w.Clock)
	})
	gateway := w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), workloadtest.For("iot", "gateway"))
	for range 2 {
		if got := w.Do(introspecting("x", gateway)); got.Status != http.StatusOK {
			t.Fatalf("got %d %s", got.Status, got.Text)
		}
	}
	got := w.Do(introspecting("x", gateway))
	if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v", got.Status, got.Header)
	}
	if got := w.Do(first().standard()); got.Status != http.StatusOK {
		t.Errorf("an application gets %d %s", got.Status, got.Text)
	}
}

func TestAServiceAccountThatLooksAtOffersTooOftenIsToldWhenToComeBack(t *testing.T) {
	w := limited(t, limit.Config{ClientRate: 1, ClientBurst: 2})
	token := func(name string) string {
		return w.API.Cluster.Sign(t, tokenservertest.Issuer, w.Clock.Now(), workloadtest.For("tenant-acme", name))
	}
	for _, offer := range []string{"", "/operator-co/kpi"} {
		if got := w.Do(viewing(offer, token("default"))); got.Status != http.StatusOK {
			t.Fatalf("got %d %s", got.Status, got.Text)
		}
	}
	got := w.Do(viewing("", token("default")))
	if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v", got.Status, got.Header)
	}
	if got := w.Do(viewing("", token("another"))); got.Status != http.StatusOK {
		t.Errorf("another ServiceAccount gets %d %s", got.Status, got.Text)
	}
}

// The v3 API says how many tenants there are, and decides for each to know it.
func TestAListOfAllTenantsCostsByTheThousand(t *testing.T) {
	w := tokenservertest.New(t, func(o *tokenservertest.Objects) {
		for i := range 2000 {
			o.More = append(o.More, tokenservertest.NewGrant(fmt.Sprintf("tenant%d", i)))
		}
	})
	bearer := w.Do(first().hub(tokenservertest.Host)).Member("access_token")
	w.Restart(func(d *tokenserver.Deps) {
		d.Limits = limit.New(limit.Config{ClientRate: 1, ClientBurst: 5}, w.Clock)
	})
	if got := w.Do(userTenants(bearer)); got.Status != http.StatusOK {
		t.Fatalf("got %d %s", got.Status, got.Text)
	}
	if got := w.Do(userTenants(bearer)); got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "2" {
		t.Errorf("three of five are spent, and the next gets %d %v", got.Status, got.Header)
	}
}
