package insightshub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// decode reads one JSON object into the value. Unknown members are ignored; anything behind the object is refused.
func decode(body []byte, into any) *oauth.Error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	err := decoder.Decode(into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		if wrong.Field == "" {
			return badRequest("the body is not a JSON object")
		}
		return badRequest(fmt.Sprintf("%s in the body has the wrong type: it is a %s, not a %s",
			wrong.Field, expected(wrong), wrong.Value))
	}
	if err != nil {
		return badRequest("the body is not valid JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return badRequest("there is something behind the JSON object in the body")
	}
	return nil
}

func expected(wrong *json.UnmarshalTypeError) string {
	if wrong.Type.Kind().String() == "slice" {
		return "list of strings"
	}
	return wrong.Type.String()
}

// once returns the one value of a parameter, or "".
func once(values url.Values, name string) (string, *oauth.Error) {
	if len(values[name]) > 1 {
		return "", badRequest("the parameter " + name + " is there more than once")
	}
	return values.Get(name), nil
}
