package httpapi

import (
	"net/http"
	"strconv"
	"time"
)

// preflightFreshFor is how long a browser may remember what Preflight says: it never changes, and browsers cap it anyway.
const preflightFreshFor = 24 * time.Hour

// allowAnyOrigin lets a script of any origin read the answer, and compare its ETag. It is for public documents alone: every
// other endpoint takes a secret, which has no business in a browser.
func allowAnyOrigin(header http.Header) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "ETag")
}

// Preflight answers OPTIONS for a public document: what a browser asks before it sends a header of which a form could not
// (Fetch standard, CORS-preflight request), and anybody else who wants to know the methods.
func Preflight(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Allow", "GET, HEAD, OPTIONS")
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Allow-Methods", "GET, HEAD")
	header.Set("Access-Control-Allow-Headers", "If-None-Match")
	header.Set("Access-Control-Max-Age", strconv.Itoa(int(preflightFreshFor/time.Second)))
	w.WriteHeader(http.StatusNoContent)
}
