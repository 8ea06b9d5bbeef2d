package tokenserver_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign.dev/tokenserver"
	"countersign.dev/tokenserver/limit"
	"countersign.dev/tokenserver/tokenservertest"
)

// scrape returns what is at /metrics.
func scrape(w *tokenservertest.World) string {
	answer := httptest.NewRecorder()
	w.Server.MetricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// series returns the series of ours.
func series(w *tokenservertest.World) []string {
	var all []string
	for line := range strings.Lines(scrape(w)) {
		if name, _, found := strings.Cut(line, " "); found && strings.HasPrefix(name, "countersign_") {
			all = append(all, name)
		}
	}
	return all
}

func request(method, path string, form url.Values, id, secret string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	return r
}

// send sends what brings about every metric and, with the text wherever a client can write, whatever it must not.
func send(w *tokenservertest.World, text string) {
	id, secret := tokenservertest.ClientID(), tokenservertest.Secret()
	const token, hub = "/oauth2/token", "/api/technicaltokenmanager/v3"
	grant := func(more ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for pair := range slices.Chunk(more, 2) {
			form.Set(pair[0], pair[1])
		}
		return form
	}
	hubForm := url.Values{
		"appName": {tokenservertest.App}, "appVersion": {tokenservertest.Version}, "hostTenant": {tokenservertest.Host},
		"userTenant": {tokenservertest.Tenant},
	}
	wrongForm := maps.Clone(hubForm)
	wrongForm.Set("appName", text)
	for _, r := range []*http.Request{
		request(http.MethodPost, token, grant(), id, secret),
		request(http.MethodPost, token, grant("tenant", text), id, secret),
		request(http.MethodPost, token, grant("scope", text), id, secret),
		request(http.MethodPost, token, grant("audience", "https://"+text), id, secret),
		request(http.MethodPost, token, grant("grant_type", text), id, secret),
		request(http.MethodPost, token, grant(), text, secret),
		request(http.MethodPost, token, grant(), id, text),
		request(http.MethodPost, hub+"/oauth/token", hubForm, id, secret),
		request(http.MethodPost, hub+"/oauth/token", wrongForm, id, secret),
		request(http.MethodGet, hub+"/userTenants", nil, id, text),
		request(http.MethodGet, "/v1/tenants?cursor="+text, nil, id, secret),
		request(http.MethodGet, "/v1/tenants", nil, id, secret),
		request(http.MethodGet, "/.well-known/jwks.json", nil, id, secret),
		request(http.MethodGet, "/"+text, nil, id, secret),
		request(http.MethodGet, hub+"/"+text, nil, id, secret),
		request(http.MethodGet, "//oauth2//"+text, nil, id, secret),
		request(strings.ToUpper(text), token, nil, id, secret),
	} {
		r.Header.Set("User-Agent", text)
		r.Header.Set("X-Request-Id", text)
		r.Header.Set("X-Forwarded-For", text)
		r.Host = text
		w.Do(r)
	}
}

// limitedWorld has every limit in reach.
func limitedWorld(t *testing.T) *tokenservertest.World {
	t.Helper()
	w := tokenservertest.New(t)
	config := limit.Config{ClientRate: 1, ClientBurst: 12, FailureRate: 1, FailureBurst: 2}
	w.Restart(func(d *tokenserver.Deps) { d.Limits = limit.New(config, w.Clock) })
	return w
}

func TestTheNumberOfSeriesDoesNotGrowWithWhoComes(t *testing.T) {
	w := limitedWorld(t)
	send(w, "hostile0")
	send(w, "hostile1")
	before := series(w)
	for i := range 100 {
		send(w, fmt.Sprintf("hostile%d", i+2))
	}
	after := series(w)
	if !slices.Equal(before, after) {
		t.Errorf("there were %d series, and there are %d", len(before), len(after))
	}
	text := strings.ToLower(strings.Join(after, "\n"))
	for _, name := range []string{
		"hostile", tokenservertest.ClientID(), tokenservertest.Host, `"` + tokenservertest.Tenant + `"`, `"` + tokenservertest.App + `"`, "192.0.2.1",
	} {
		if strings.Contains(text, name) {
			t.Errorf("%s is in a label", name)
		}
	}
}

// documented is a row of docs/metrics.md.
var documented = regexp.MustCompile("(?m)^\\| `(countersign_[a-z_]+)` \\| (counter|gauge|histogram) \\| ([^|]*) \\|")

func TestTheDocumentHasEveryMetricAndNoOther(t *testing.T) {
	w := limitedWorld(t)
	decideSwitch(t, w)
	tellOfTheMount(t, w)
	send(w, "somebody")
	text := scrape(w)
	data, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, typed := range regexp.MustCompile(`(?m)^# TYPE (countersign_[a-z_]+) ([a-z]+)$`).FindAllStringSubmatch(text, -1) {
		sample := regexp.MustCompile(`(?m)^` + typed[1] + `(?:_bucket)?(?:\{(.*)\})? `).FindStringSubmatch(text)
		if sample == nil {
			t.Fatalf("%s has no series", typed[1])
		}
		var labels []string
		for _, label := range regexp.MustCompile(`([a-z]+)="`).FindAllStringSubmatch(sample[1], -1) {
			if label[1] != "le" {
				labels = append(labels, label[1])
			}
		}
		got[typed[1]] = fmt.Sprint(typed[2], labels)
	}
	section, _, _ := strings.Cut(string(data), "\n## The operator\n")
	for _, row := range documented.FindAllStringSubmatch(section, -1) {
		var labels []string
		for _, label := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[3], -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		want[row[1]] = fmt.Sprint(row[2], labels)
	}
	if len(got) == 0 || !maps.Equal(got, want) {
		t.Errorf("the server has %v\nthe document has %v", got, want)
	}
}

func TestTheViewsAgeIsThatOfEachKind(t *testing.T) {
	w := tokenservertest.New(t)
	w.GoBlind()
	text := scrape(w)
	for _, kind := range []string{"Tenant", "ResourceServer", "AccessLevel", "Application", "TenantGrant"} {
		if want := fmt.Sprintf("countersign_view_age_seconds{kind=%q} 301\n", kind); !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if text := scrape(tokenservertest.NewBlind(t)); !strings.Contains(text, `countersign_view_age_seconds{kind="Tenant"} +Inf`) {
		t.Error("a view that never was has an age")
	}
}

func TestTokensAreCountedByWhatTheyAreSignedWith(t *testing.T) {
	w := limitedWorld(t)
	send(w, "x")
	for _, want := range []string{
		`countersign_tokens_issued_total{algorithm="ES256",face="standard"} 1`,
		`countersign_tokens_issued_total{algorithm="RS256",face="insights_hub"} 1`,
		`countersign_http_request_duration_seconds_count{endpoint="/oauth2/token",status="2xx"} 1`,
		`countersign_http_request_duration_seconds_count{endpoint="/oauth2/token",status="4xx"} 7`,
		`countersign_http_request_duration_seconds_count{endpoint="none",status="4xx"} 3`,
	} {
		if text := scrape(w); !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}
