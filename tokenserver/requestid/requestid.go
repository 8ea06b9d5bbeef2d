// Package requestid owns the id of a request: it takes a sane one from the client or makes one, answers with it, and
// carries it to whoever logs. It knows nothing of what the request asks. The edge gives every request its id; the
// exchange and the Insights Hub API read it.
package requestid

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

// Header is the header that carries the id, in requests and in answers.
const Header = "X-Request-Id"

// maxLength bounds an id that a client chose, which is copied into every log line of the request: longer than a UUID, and too
// short for a client secret, with or without its mark.
const maxLength = 40

// secretMark is how every client secret begins, in lower case. One that ended up in the wrong header must not become the id under which
// everybody finds the request.
const secretMark = "csk_"

// bytesOfRandomness is how many random bytes an id of our own has.
const bytesOfRandomness = 16

type key struct{}

// Handler gives each request an id and sets it on the answer. The randomness must be safe for concurrent use.
func Handler(random io.Reader, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(Header)
		if !sane(id) {
			id = fresh(random)
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, id)))
	})
}

// From returns the id of the request, or "" outside of a Handler.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// sane admits what other systems use as ids (UUIDs, hexadecimal, base64url) and nothing that could break a log or header.
func sane(id string) bool {
	if id == "" || len(id) > maxLength || strings.Contains(strings.ToLower(id), secretMark) {
		return false
	}
	for i := range len(id) {
		if !isIDChar(id[i]) {
			return false
		}
	}
	return true
}

func isIDChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':'
}

// fresh makes an id. An id is no secret: where the source fails, the request goes on with a constant one.
func fresh(random io.Reader) string {
	id := make([]byte, bytesOfRandomness)
	if _, err := io.ReadFull(random, id); err != nil {
		return "none"
	}
	return hex.EncodeToString(id)
}
