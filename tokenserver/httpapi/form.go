package httpapi

import (
	"mime"
	"net/http"
	"net/url"
	"slices"

	"countersign.dev/tokenserver/oauth"
)

// form is the parameters of a request, each once. One without a value is as one that is not there (RFC 6749 section 3.2).
type form map[string]string

// readForm reads the form of a token request (RFC 6749 appendix B). Unknown parameters are ignored, known ones may be there
// once; resource may repeat (RFC 8707 section 2), but a token has one audience. A charset in the Content-Type changes nothing:
// the encoding is ASCII, and there are clients that name another than UTF-8.
func readForm(r *http.Request, known ...string) (form, *oauth.Error) {
	if r.URL.RawQuery != "" {
		return nil, oauth.BadRequest(oauth.InvalidRequest,
			"parameters in the URL are refused, since URLs end in logs: send them in the form")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, oauth.BadRequest(oauth.InvalidRequest, "the body must be of Content-Type application/x-www-form-urlencoded")
	}
	body, err := oauth.ReadBody(r)
	if err != nil {
		return nil, err
	}
	values, problem := url.ParseQuery(string(body))
	if problem != nil {
		return nil, oauth.BadRequest(oauth.InvalidRequest, "the body is not form-encoded")
	}
	parsed := form{}
	for _, name := range known {
		given := slices.DeleteFunc(values[name], func(value string) bool { return value == "" })
		switch {
		case len(given) == 0:
			continue
		case name == "resource" && slices.ContainsFunc(given, func(other string) bool { return other != given[0] }):
			return nil, oauth.BadRequest(oauth.InvalidTarget, "a token has one audience: ask for one resource at a time")
		case name != "resource" && len(given) > 1:
			return nil, oauth.BadRequest(oauth.InvalidRequest, "the parameter "+name+" is there more than once")
		}
		parsed[name] = given[0]
	}
	return parsed, nil
}
