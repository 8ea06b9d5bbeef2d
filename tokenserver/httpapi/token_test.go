package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"countersign.dev/tokenserver/tokenservertest"
)

// encodedBasic is client_secret_basic with id and secret as they stand, for those that are form-encoded already.
func encodedBasic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// percent encodes every byte, which a client may do (RFC 6749 appendix B).
func percent(text string) string {
	var out strings.Builder
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		out.WriteByte('%')
		out.WriteByte(digits[text[i]>>4])
		out.WriteByte(digits[text[i]&15])
	}
	return out.String()
}

func TestTheTokenEndpointAuthenticatesClientsAsRFC6749Says(t *testing.T) {
	w := tokenservertest.New(t)
	id, secret, wrong := tokenservertest.ClientID(), tokenservertest.Secret(), tokenservertest.WrongSecret()
	for sentence, test := range map[string]struct {
		body   string
		header []string
		status int
		code   string
	}{
		"Basic": {tokenForm(), []string{"Authorization", basic()}, 200, ""},
		"Basic in small letters, with two spaces": {tokenForm(), []string{"Authorization", strings.Replace(basic(), "Basic ", "basic  ", 1)}, 200, ""},
		"Basic, form-encoded to the last byte":    {tokenForm(), []string{"Authorization", encodedBasic(percent(id), percent(secret))}, 200, ""},
		"the form":                                {tokenForm("client_id", id, "client_secret", secret), nil, 200, ""},
		"Basic and the same client_id":            {tokenForm("client_id", id), []string{"Authorization", basic()}, 200, ""},
		"Basic and a client_secret without value": {tokenForm("client_secret", ""), []string{"Authorization", basic()}, 200, ""},

		"nothing":                             {tokenForm(), nil, 401, "invalid_client"},
		"an id alone":                         {tokenForm("client_id", id), nil, 401, "invalid_client"},
		"a secret alone":                      {tokenForm("client_secret", secret), nil, 401, "invalid_client"},
		"a wrong secret in the form":          {tokenForm("client_id", id, "client_secret", wrong), nil, 401, "invalid_client"},
		"a wrong secret in Basic":             {tokenForm(), []string{"Authorization", tokenservertest.BasicAuth(id, wrong)}, 401, "invalid_client"},
		"an unknown client":                   {tokenForm(), []string{"Authorization", tokenservertest.BasicAuth("x"+id, secret)}, 401, "invalid_client"},
		"an id with a plus, which is a blank": {tokenForm(), []string{"Authorization", encodedBasic(id+"+", secret)}, 401, "invalid_client"},
		"an empty secret":                     {tokenForm(), []string{"Authorization", encodedBasic(id, "")}, 401, "invalid_client"},
		"Basic that does not decode":          {tokenForm(), []string{"Authorization", encodedBasic(id, "%zz")}, 401, "invalid_client"},
		"Basic that is not base64":            {tokenForm(), []string{"Authorization", "Basic %%%"}, 401, "invalid_client"},
		"Basic without a colon":               {tokenForm(), []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("x"))}, 401, "invalid_client"},
		"Basic without anything":              {tokenForm(), []string{"Authorization", "Basic"}, 401, "invalid_client"},
		"another scheme":                      {tokenForm(), []string{"Authorization", strings.Replace(basic(), "Basic", "Bearer", 1)}, 401, "invalid_client"},
		"two headers":                         {tokenForm(), []string{"Authorization", basic(), "Authorization", basic()}, 401, "invalid_client"},
		"Basic and a secret in the form":      {tokenForm("client_id", id, "client_secret", secret), []string{"Authorization", basic()}, 400, "invalid_request"},
		"Basic and another client_id":         {tokenForm("client_id", "x"+id), []string{"Authorization", basic()}, 400, "invalid_request"},
		"the form's id twice":                 {tokenForm("client_id", id, "client_id", id, "client_secret", secret), nil, 400, "invalid_request"},
		"the form's secret twice":             {tokenForm("client_id", id, "client_secret", secret, "client_secret", secret), nil, 400, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := with(post("/oauth2/token", test.body, "Content-Type", formType), test.header...)
			checkAnswer(t, w.Do(r), test.status, test.code)
		})
	}
}

func TestTheTokenEndpointReadsItsFormAsRFC6749AndRFC8707Say(t *testing.T) {
	w := tokenservertest.New(t)
	const here, elsewhere = tokenservertest.Audience, "https://elsewhere.example.com"
	own := "assets:read assets:write timeseries:read"
	for sentence, test := range map[string]struct {
		body   string
		status int
		code   string
		scope  string
	}{
		"the host tenant is the default":        {tokenForm(), 200, "", own},
		"parameters without a value are none":   {tokenForm("tenant", "", "scope", "", "resource", "", "audience", ""), 200, "", own},
		"one without a value is none to repeat": {tokenForm("scope", "", "scope", "assets:read"), 200, "", "assets:read"},
		"unknown parameters are ignored":        {tokenForm("state", "x", "state", "y"), 200, "", own},
		"a tenant":                              {tokenForm("tenant", tokenservertest.Tenant), 200, "", "assets:read assets:write"},
		"a scope narrows":                       {tokenForm("scope", "assets:read"), 200, "", "assets:read"},
		"scopes in any order, one twice":        {tokenForm("scope", "timeseries:read assets:read timeseries:read"), 200, "", "assets:read timeseries:read"},
		"a resource":                            {tokenForm("resource", here), 200, "", own},
		"an audience":                           {tokenForm("audience", here), 200, "", own},
		"a resource and the same audience":      {tokenForm("resource", here, "audience", here), 200, "", own},
		"the same resource three times":         {tokenForm("resource", here, "resource", "", "resource", here, "resource", here), 200, "", own},
		"a blank as a plus":                     {"grant_type=client_credentials&scope=assets:read+timeseries:read", 200, "", "assets:read timeseries:read"},
		"a grant type that is percent-encoded":  {"grant_type=client%5Fcredentials", 200, "", own},
		"no grant type":                         {"scope=assets:read", 400, "invalid_request", ""},
		"a grant type without a value":          {"grant_type=", 400, "invalid_request", ""},
		"another grant type":                    {"grant_type=password", 400, "unsupported_grant_type", ""},
		"a grant type in capitals":              {"grant_type=CLIENT_CREDENTIALS", 400, "unsupported_grant_type", ""},
		"the grant type twice":                  {tokenForm("grant_type", "client_credentials"), 400, "invalid_request", ""},
		"the tenant twice":                      {tokenForm("tenant", "acme", "tenant", "acme"), 400, "invalid_request", ""},
		"the scope twice":                       {tokenForm("scope", "assets:read", "scope", "assets:read"), 400, "invalid_request", ""},
		"the audience twice":                    {tokenForm("audience", here, "audience", here), 400, "invalid_request", ""},
		"two resources":                         {tokenForm("resource", here, "resource", elsewhere), 400, "invalid_target", ""},
		"two resources, the first again":        {tokenForm("resource", here, "resource", elsewhere, "resource", here), 400, "invalid_target", ""},
		"a resource and another audience":       {tokenForm("resource", here, "audience", elsewhere), 400, "invalid_target", ""},
		"an unknown resource":                   {tokenForm("resource", elsewhere), 400, "invalid_target", ""},
		"a resource with a fragment":            {tokenForm("resource", here+"#x"), 400, "invalid_target", ""},
		"a resource that is no URI":             {tokenForm("resource", "iot"), 400, "invalid_target", ""},
		"a scope that cannot be had":            {tokenForm("scope", "files:read"), 400, "invalid_scope", ""},
		"two blanks between scopes":             {tokenForm("scope", "assets:read  timeseries:read"), 400, "invalid_scope", ""},
		"a blank before a scope":                {tokenForm("scope", " assets:read"), 400, "invalid_scope", ""},
		"a blank behind a scope":                {tokenForm("scope", "assets:read "), 400, "invalid_scope", ""},
		"a blank alone":                         {tokenForm("scope", " "), 400, "invalid_scope", ""},
		"a tab between scopes":                  {tokenForm("scope", "assets:read\ttimeseries:read"), 400, "invalid_scope", ""},
		"a quotation mark in a scope":           {tokenForm("scope", `assets:"read"`), 400, "invalid_scope", ""},
		"a backslash in a scope":                {tokenForm("scope", `assets\read`), 400, "invalid_scope", ""},
		"a scope beyond ASCII":                  {tokenForm("scope", "ässets:read"), 400, "invalid_scope", ""},
		"a tenant without a grant":              {tokenForm("tenant", "other"), 400, "unauthorized_client", ""},
		"a tenant that there is not":            {tokenForm("tenant", "nobody"), 400, "unauthorized_client", ""},
		"a tenant with a name that none has":    {tokenForm("tenant", "\x00\n\"../acme"), 400, "unauthorized_client", ""},
		"a semicolon, which separates nothing":  {"grant_type=client_credentials;scope=assets:read", 400, "invalid_request", ""},
		"a percent sign that encodes nothing":   {"grant_type=client_credentials&scope=%zz", 400, "invalid_request", ""},
		"JSON":                                  {`{"grant_type":"client_credentials"}`, 400, "invalid_request", ""},
		"nothing at all":                        {"", 400, "invalid_request", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := w.Do(post("/oauth2/token", test.body, "Content-Type", formType, "Authorization", basic()))
			checkAnswer(t, got, test.status, test.code)
			if got.Member("scope") != test.scope {
				t.Errorf("scope %q, want %q", got.Member("scope"), test.scope)
			}
		})
	}
}

func TestTheTokenEndpointTakesAFormInTheBodyAlone(t *testing.T) {
	w := tokenservertest.New(t)
	body := tokenForm()
	for sentence, test := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"with a charset":                     {post("/oauth2/token", body, "Content-Type", formType+"; charset=UTF-8"), 200, ""},
		"with the charset of Java":           {post("/oauth2/token", body, "Content-Type", formType+"; charset=ISO-8859-1"), 200, ""},
		"in capitals":                        {post("/oauth2/token", body, "Content-Type", strings.ToUpper(formType)), 200, ""},
		"with an empty query":                {post("/oauth2/token?", body, "Content-Type", formType), 200, ""},
		"without a type":                     {post("/oauth2/token", body), 400, "invalid_request"},
		"as text":                            {post("/oauth2/token", body, "Content-Type", "text/plain"), 400, "invalid_request"},
		"as JSON":                            {post("/oauth2/token", "{}", "Content-Type", "application/json"), 400, "invalid_request"},
		"with parameters in the URL":         {post("/oauth2/token?tenant=acme", body, "Content-Type", formType), 400, "invalid_request"},
		"with unknown parameters in the URL": {post("/oauth2/token?x", body, "Content-Type", formType), 400, "invalid_request"},
		"of more than 64 KiB":                {post("/oauth2/token", body+"&x="+strings.Repeat("x", 64<<10), "Content-Type", formType), 413, "invalid_request"},
		"by GET":                             {get("/oauth2/token?" + body), 405, "invalid_request"},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := w.Do(with(test.request, "Authorization", basic()))
			checkAnswer(t, got, test.status, test.code)
			if test.status == http.StatusMethodNotAllowed && got.Header.Get("Allow") != "POST" {
				t.Errorf("Allow: %q", got.Header.Get("Allow"))
			}
		})
	}
}
