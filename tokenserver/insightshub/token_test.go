package insightshub_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

func TestEveryFormOfAuthenticationThatRealClientsSendWorks(t *testing.T) {
	w := tokenservertest.New(t)
	padded := key()
	bare := strings.TrimRight(padded, "=")
	if padded == bare {
		t.Fatal("this key has no padding to leave out")
	}
	if url := base64.RawURLEncoding.EncodeToString([]byte(tokenservertest.ClientID() + ":" + tokenservertest.Secret())); url != bare {
		t.Errorf("the URL-safe alphabet makes another text of ids and secrets of ours, and has to be read, too: %s", url)
	}
	for _, name := range []string{header, "Authorization"} {
		for _, value := range []string{
			"Basic " + padded, "Bearer " + padded, "basic " + padded, "BEARER " + padded, padded, "Basic " + bare, "Bearer " + bare, bare,
			"Basic <" + padded + ">", "Bearer <" + bare + ">", "<" + padded + ">", "<" + bare + ">", "Basic   " + padded, " " + padded + " ",
		} {
			for _, path := range []string{"/oauth/token", "/oauthTokens"} {
				text := body()
				if path == "/oauthTokens" {
					text = severalBody("acme")
				}
				if got := w.Do(post(base+path, text, name, value)); got.Status != http.StatusOK || !strings.Contains(got.Text, "access_token") {
					t.Errorf("%s: %q: %d %s", name, value, got.Status, got.Text)
				}
			}
		}
	}
}

func TestBothHeadersAreReadAndMustSayTheSame(t *testing.T) {
	w := tokenservertest.New(t)
	checkToken(t, w.Do(post(base+"/oauth/token", body(), header, "Basic "+key(), "Authorization", "Bearer <"+key()+">")))
	checkToken(t, w.Do(post(base+"/oauth/token", body(), header, "", "Authorization", "Basic "+key())))
	checkToken(t, w.Do(post(base+"/oauth/token", body(), header, key(), header, key())))
	for _, other := range []string{wrongKey(), "Bearer ey.ey.ey", "Digest x"} {
		checkRefusal(t, w.Do(post(base+"/oauth/token", body(), header, key(), "Authorization", other)), 400, "invalid_request")
		checkRefusal(t, w.Do(post(base+"/oauth/token", body(), header, other, "Authorization", key())), 400, "invalid_request")
	}
}

func TestNobodyElseIsAuthenticated(t *testing.T) {
	w := tokenservertest.New(t)
	encode := base64.StdEncoding.EncodeToString
	id, secret := tokenservertest.ClientID(), tokenservertest.Secret()
	for sentence, test := range map[string]struct {
		value  string
		status int
		code   string
	}{
		"a wrong secret":        {"Basic " + wrongKey(), 401, "invalid_client"},
		"an unknown client":     {"Basic " + encode([]byte("x"+id+":"+secret)), 401, "invalid_client"},
		"no client":             {"Basic " + encode([]byte(":"+secret)), 401, "invalid_client"},
		"no secret":             {"Basic " + encode([]byte(id+":")), 401, "invalid_client"},
		"a secret and more":     {"Basic " + encode([]byte(id+":"+secret+"\n")), 401, "invalid_client"},
		"the header empty":      {"", 401, "invalid_client"},
		"no colon":              {"Basic " + encode([]byte(id)), 400, "invalid_request"},
		"no base64":             {"Basic %%%", 400, "invalid_request"},
		"a scheme alone":        {"Basic", 400, "invalid_request"},
		"brackets alone":        {"<>", 400, "invalid_request"},
		"two pairs of them":     {"<<" + key() + ">>", 400, "invalid_request"},
		"another scheme":        {"Digest " + key(), 400, "invalid_request"},
		"id and secret as such": {id + ":" + secret, 400, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) {
			checkRefusal(t, w.Do(post(base+"/oauth/token", body(), header, test.value)), test.status, test.code)
			checkRefusal(t, w.Do(post(base+"/oauthTokens", severalBody("acme"), "Authorization", test.value)), test.status, test.code)
		})
	}
	unknown := w.Do(post(base+"/oauth/token", body(), header, encode([]byte("x"+id+":"+secret)), "X-Request-Id", "r"))
	wrong := w.Do(post(base+"/oauth/token", body(), header, wrongKey(), "X-Request-Id", "r"))
	if unknown.Text != wrong.Text {
		t.Errorf("an unknown client and a wrong secret are told apart: %s, %s", unknown.Text, wrong.Text)
	}
}

func TestParametersStandInTheBodyOrInTheQueryAndNotSomeInEach(t *testing.T) {
	w := tokenservertest.New(t)
	const path = base + "/oauth/token"
	configuration := body("{", `{"ClientSecret":"`+tokenservertest.Secret()+`","APPNAME":"other","nested":{"a":[1,{"a":1,"a":2}]},"a":1,"a":2,`)
	for sentence, r := range map[string]*http.Request{
		"the body":                              post(path, body()),
		"the body, its type with a charset":     typed(post(path, body()), "application/json; charset=utf-8"),
		"the body with its grant_type":          post(path, body("{", `{"grant_type":"client_credentials",`)),
		"the body, grant_type in the query":     post(path+"?grant_type=client_credentials", body()),
		"grant_type in both":                    post(path+"?grant_type=client_credentials", body("{", `{"grant_type":"client_credentials",`)),
		"a whole configuration, secret and all": post(path, configuration),
		"no context":                            post(path, body("{", `{"caller_context":null,"caller_context_type":null,`)),
		"the query":                             post(path+"?"+query, ""),
		"the query with its grant_type":         post(path+"?grant_type=client_credentials&"+query, ""),
		"the query, of JSON's type":             typed(post(path+"?"+query, ""), jsonType),
		"the query beside an empty object":      post(path+"?"+query, "{}"),
		"the query beside blanks":               typed(post(path+"?"+query, " \r\n"), "text/plain"),
		"the query with what nobody knows":      post(path+"?x=1&x=2&"+query, ""),
		"a form":                                typed(post(path, query), formType),
		"a form, grant_type in the query":       typed(post(path+"?grant_type=client_credentials", query), formType),
	} {
		t.Run(sentence, func(t *testing.T) { checkToken(t, w.Do(with(r, header, key()))) })
	}
	for sentence, test := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"body and query":                                {post(path+"?appName=kpi", body()), 400, "invalid_request"},
		"userTenant in the query":                       {post(path+"?userTenant=acme", body(`,"userTenant":"acme"`, "")), 400, "invalid_request"},
		"grant_type in the body, the rest in the query": {post(path+"?"+query, `{"grant_type":"client_credentials"}`), 400, "invalid_request"},
		"form and query":                                {typed(post(path+"?appName=kpi", query), formType), 400, "invalid_request"},
		"two grant types":                               {post(path+"?grant_type=password", body("{", `{"grant_type":"client_credentials",`)), 400, "invalid_request"},
		"another grant type":                            {post(path+"?grant_type=password", body()), 400, "unsupported_grant_type"},
		"another grant type in the body":                {post(path, body("{", `{"grant_type":"password",`)), 400, "unsupported_grant_type"},
		"a parameter twice in the query":                {post(path+"?appName=kpi&"+query, ""), 400, "invalid_request"},
		"a parameter twice in the form":                 {typed(post(path, "appName=kpi&"+query), formType), 400, "invalid_request"},
		"a member twice":                                {post(path, body("{", `{"userTenant":"operator-co",`)), 400, "invalid_request"},
		"a query that does not decode":                  {post(path+"?grant_type=%zz", body()), 400, "invalid_request"},
		"a form that does not decode":                   {typed(post(path, "appName=%zz"), formType), 400, "invalid_request"},
		"a user's context":                              {post(path, body("{", `{"caller_context":{"token":"x"},`)), 400, "invalid_request"},
		"a user's context's type":                       {post(path, body("{", `{"caller_context_type":"id_token",`)), 400, "invalid_request"},
		"a user's context beside the body":              {post(path+"?caller_context=x", body()), 400, "invalid_request"},
		"a user's context in the query":                 {post(path+"?caller_context=x&"+query, ""), 400, "invalid_request"},
		"nothing":                                       {post(path, ""), 400, "invalid_request"},
		"an empty object":                               {post(path, "{}"), 400, "invalid_request"},
		"no appName":                                    {post(path, body(`"appName":"kpi",`, "")), 400, "invalid_request"},
		"no appVersion":                                 {post(path, body(`"appVersion":"1.0.0",`, "")), 400, "invalid_request"},
		"no hostTenant":                                 {post(path, body(`"hostTenant":"operator-co",`, "")), 400, "invalid_request"},
		"no userTenant":                                 {post(path, body(`,"userTenant":"acme"`, "")), 400, "invalid_request"},
		"null for a parameter":                          {post(path, body(`"kpi"`, "null")), 400, "invalid_request"},
		"a number for a parameter":                      {post(path, body(`"kpi"`, "1")), 400, "invalid_request"},
		"a parameter in capitals":                       {post(path, body("appName", "APPNAME")), 400, "invalid_request"},
		"a list":                                        {post(path, "["+body()+"]"), 400, "invalid_request"},
		"a text":                                        {post(path, `"x"`), 400, "invalid_request"},
		"no JSON":                                       {post(path, "{"), 400, "invalid_request"},
		"JSON nested too deep":                          {post(path, strings.Repeat(`{"a":`, 10500)), 400, "invalid_request"},
		"a second value":                                {post(path, body()+body()), 400, "invalid_request"},
		"something behind it":                           {post(path, body()+"x"), 400, "invalid_request"},
		"another application":                           {post(path, body("kpi", "other")), 400, "invalid_request"},
		"another version":                               {post(path, body("1.0.0", "v1.0.0")), 400, "invalid_request"},
		"another host":                                  {post(path, body("operator-co", "acme")), 400, "invalid_request"},
		"a tenant without a grant":                      {post(path, body("acme", "other")), 403, "unauthorized_client"},
		"a tenant that there is not":                    {post(path, body("acme", "nobody")), 403, "unauthorized_client"},
		"a body of a type unknown":                      {typed(post(path, body()), "text/plain"), 415, "invalid_request"},
		"a body of no type":                             {typed(post(path, body()), ""), 415, "invalid_request"},
		"a body of more than 64 KiB":                    {post(path, body()+strings.Repeat(" ", 64<<10)), 413, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) { checkRefusal(t, w.Do(with(test.request, header, key())), test.status, test.code) })
	}
}

func TestSeveralTokensComeInTheOrderAskedWithAResultForEach(t *testing.T) {
	w := tokenservertest.New(t)
	got := w.Do(post(base+"/oauthTokens?grant_type=client_credentials", severalBody("other", "acme", "operator-co", "nobody"), header, key()))
	tokens, _ := got.JSON["tokens"].([]any)
	if got.Status != http.StatusOK || len(tokens) != 4 || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s", got.Status, got.Text)
	}
	for i, tenant := range []string{"other", "acme", "operator-co", "nobody"} {
		entry, _ := tokens[i].(map[string]any)
		refused := tenant == "other" || tenant == "nobody"
		problem, _ := entry["error"].(map[string]any)
		if entry["userTenantId"] != tenant || refused != (entry["access_token"] == nil) || refused != (problem != nil) {
			t.Errorf("%s: %v", tenant, entry)
		}
		if refused && (problem["code"] != "mdsp.technicaltokenmanager.unauthorized_client" || problem["message"] == "") {
			t.Errorf("%s: %v", tenant, problem)
		}
		if !refused && (entry["token_type"] != "bearer" || entry["expires_in"] != 1799.0 || entry["scope"] == "" || entry["jti"] == "") {
			t.Errorf("%s: %v", tenant, entry)
		}
	}
	if got := w.Do(post(base+"/oauthTokens", severalBody("nobody", "other"), header, key())); got.Status != http.StatusForbidden ||
		strings.Count(got.Text, `"error"`) != 2 {
		t.Errorf("without any token: %d %s", got.Status, got.Text)
	}
}

func TestARequestForSeveralTokensThatIsNotWellFormedYieldsNone(t *testing.T) {
	w := tokenservertest.New(t)
	const path = base + "/oauthTokens"
	good := severalBody("acme")
	for sentence, test := range map[string]struct {
		request *http.Request
		status  int
	}{
		"six tenants":                   {post(path, severalBody("acme", "b", "c", "d", "e", "f")), 400},
		"no tenants":                    {post(path, severalBody()), 400},
		"a tenant twice":                {post(path, severalBody("acme", "acme")), 400},
		"an empty name":                 {post(path, severalBody("acme", "")), 400},
		"one name for a list":           {post(path, strings.Replace(good, `["acme"]`, `"acme"`, 1)), 400},
		"the other names":               {post(path, body()), 400},
		"a parameter in the query":      {post(path+"?userTenantIds=acme", good), 400},
		"a user's context":              {post(path, strings.Replace(good, "{", `{"caller_context_type":"x",`, 1)), 400},
		"a user's context in the query": {post(path+"?caller_context=x", good), 400},
		"a member twice":                {post(path, strings.Replace(good, "{", `{"userTenantIds":["operator-co"],`, 1)), 400},
		"a second value":                {post(path, good+good), 400},
		"a form":                        {typed(post(path, "userTenantIds=acme"), formType), 400},
		"nothing":                       {post(path, ""), 400},
		"another application":           {post(path, strings.Replace(good, "kpi", "other", 1)), 400},
		"another version":               {post(path, strings.Replace(good, "1.0.0", "1.0", 1)), 400},
		"another host":                  {post(path, strings.Replace(good, "operator-co", "acme", 1)), 400},
		"a type unknown":                {typed(post(path, good), "application/xml"), 415},
		"more than 64 KiB":              {post(path, good+strings.Repeat(" ", 64<<10)), 413},
	} {
		t.Run(sentence, func(t *testing.T) {
			checkRefusal(t, w.Do(with(test.request, header, key())), test.status, "invalid_request")
		})
	}
	checkRefusal(t, w.Do(post(path+"?grant_type=password", good, header, key())), 400, "unsupported_grant_type")
	if issued := w.Log.Lines(t, "Issued a token"); issued != nil {
		t.Errorf("%d tokens were issued", len(issued))
	}
}

func TestADoubledSlashIsServedAndNotRedirected(t *testing.T) {
	w := tokenservertest.New(t)
	server := httptest.NewServer(w.Handler)
	defer server.Close()
	for _, path := range []string{"/" + base + "/oauth/token", "//" + base + "//oauth///token", base + "//oauth/token"} {
		checkToken(t, w.Do(post(path, body(), header, key())))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body()))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(typed(with(request, header, key()), jsonType))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s over the wire: %d", path, answer.StatusCode)
		}
	}
	if got := w.Do(get("//token_keys")); got.Status != http.StatusOK {
		t.Errorf("//token_keys: %d", got.Status)
	}
}

func TestEveryErrorIsInTheEnvelopeThatTheSDKsRead(t *testing.T) {
	w := tokenservertest.New(t)
	for _, path := range []string{base, base + "/", base + "/nothing", "/" + base + "/oauth/token/more"} {
		checkRefusal(t, w.Do(post(path, body(), header, key())), 404, "invalid_request")
	}
	for path, allowed := range map[string]string{
		"/oauth/token": "POST", "/oauthTokens": "POST", "/userTenants": "GET, HEAD",
	} {
		got := w.Do(httptest.NewRequest(http.MethodDelete, base+path, http.NoBody))
		checkRefusal(t, got, 405, "invalid_request")
		if got.Header.Get("Allow") != allowed {
			t.Errorf("%s: Allow %q", path, got.Header.Get("Allow"))
		}
	}
	blind := tokenservertest.NewBlind(t)
	for _, r := range []*http.Request{
		post(base+"/oauth/token", body(), header, key()), post(base+"/oauthTokens", severalBody("acme"), header, key()),
		get(base+"/userTenants", "Authorization", "Bearer x"), get("/token_keys"),
	} {
		got := blind.Do(r)
		checkRefusal(t, got, 503, "temporarily_unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", r.URL)
		}
	}
}

func TestWhoAsksForAUsersTokenIsToldThatThereAreNoneWhereverItStands(t *testing.T) {
	w := tokenservertest.New(t)
	for sentence, request := range map[string]*http.Request{
		"in the body":                         post(base+"/oauth/token", body("{", `{"caller_context":{"token":"x"},`)),
		"in the query beside a body":          post(base+"/oauth/token?caller_context=x", body()),
		"its type in the query beside a body": post(base+"/oauth/token?caller_context_type=id_token", body()),
		"in the query of several":             post(base+"/oauthTokens?caller_context=x", severalBody("acme")),
	} {
		got := w.Do(with(request, header, key()))
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Text, "caller_context is not supported") {
			t.Errorf("%s: %d %s", sentence, got.Status, got.Text)
		}
	}
	if got := w.Do(with(post(base+"/oauth/token?caller_context=&caller_context_type=", body()), header, key())); got.Status != http.StatusOK {
		t.Errorf("without a value it is as if it were not there: %d %s", got.Status, got.Text)
	}
}

func TestAMemberOfTheWrongTypeIsNamedAsTheClientWroteIt(t *testing.T) {
	w := tokenservertest.New(t)
	got := w.Do(with(post(base+"/oauth/token", body("{", `{"grant_type":1,`)), header, key()))
	if !strings.Contains(got.Text, `"grant_type in the body has the wrong type, number: it is a string"`) {
		t.Errorf("got %s", got.Text)
	}
}
