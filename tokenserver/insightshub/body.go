package insightshub

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"

	"countersign.dev/tokenserver/oauth"
)

// readBody returns the body and its media type, which is empty where there is none. Bodies are never logged: there is a
// client that posts its whole configuration, secret included.
func readBody(r *http.Request) (body []byte, media string, err *oauth.Error) {
	if body, err = oauth.ReadBody(r); err != nil {
		return nil, "", err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, "", nil
	}
	media, _, problem := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if problem != nil || media != "application/json" && media != "application/x-www-form-urlencoded" {
		return nil, "", &oauth.Error{
			Code: oauth.InvalidRequest, Description: "the body must be of Content-Type application/json",
			Status: http.StatusUnsupportedMediaType,
		}
	}
	return body, media, nil
}

// once returns the one value of a parameter, or "".
func once(values url.Values, name string) (string, *oauth.Error) {
	if len(values[name]) > 1 {
		return "", badRequest("the parameter " + name + " is there more than once")
	}
	return values.Get(name), nil
}
