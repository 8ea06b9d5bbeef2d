package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign.dev/tokenserver/oauth"
)

// Public is a document that anybody may read and keep for a while, also from a browser of another origin. It is served
// whatever the age of the view: closed for issuing is not closed for verifying.
type Public struct {
	// Document returns what is published now, or false when there is nothing yet.
	Document func() (any, bool)
	// FreshFor returns how long it may be kept from now on.
	FreshFor func() time.Duration
	// Refuse answers while there is nothing, in the envelope of the face.
	Refuse func(http.ResponseWriter, *http.Request, *oauth.Error)
}

func (h Public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w.Header())
	document, ok := h.Document()
	if !ok {
		h.Refuse(w, r, oauth.Unavailable("the server has no keys yet; try again", time.Second))
		return
	}
	body, tag, err := encode(document)
	if err != nil {
		h.Refuse(w, r, oauth.Internal())
		return
	}
	header := w.Header()
	header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(h.FreshFor()/time.Second)))
	header.Set("ETag", tag)
	if matches(strings.Join(r.Header.Values("If-None-Match"), ","), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	// A client that went away cannot be told anything.
	_, _ = w.Write(body)
}

// encoded is a document that never changes, with its entity tag: neither is made anew for each who asks.
type encoded struct {
	body []byte
	tag  string
}

// constant returns what Public.Document wants, for a document that never changes. One that has no JSON is a mistake in the
// program.
func constant(document any) func() (any, bool) {
	body, tag, err := encode(document)
	if err != nil {
		panic("encoding a document: " + err.Error())
	}
	return func() (any, bool) { return encoded{body, tag}, true }
}

// encode returns a document's JSON and its entity tag (RFC 9110 section 8.8.3).
func encode(document any) (body []byte, tag string, err error) {
	if ready, ok := document.(encoded); ok {
		return ready.body, ready.tag, nil
	}
	if body, err = json.Marshal(document); err != nil {
		return nil, "", fmt.Errorf("encoding a document: %w", err)
	}
	sum := sha256.Sum256(body)
	return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, nil
}

// refuse answers in the standard face's envelope.
func refuse(w http.ResponseWriter, _ *http.Request, err *oauth.Error) { oauth.WriteError(w, err) }

// matches compares weakly (RFC 9110 section 13.1.2).
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		if candidate = strings.TrimSpace(candidate); candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
