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
	body, err := json.Marshal(document)
	if err != nil {
		h.Refuse(w, r, oauth.Internal())
		return
	}
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
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
