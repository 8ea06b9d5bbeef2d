package oauth

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Challenges of the WWW-Authenticate header that a 401 must have (RFC 9110 section 15.5.2).
const (
	challengeBasic      = `Basic realm="countersign", charset="UTF-8"`
	challengeBearer     = `Bearer realm="countersign", error="invalid_token"`
	challengeBearerBare = `Bearer realm="countersign"`
)

// ErrorBody is the JSON of RFC 6749 section 5.2, with reason as an additional member.
type ErrorBody struct {
	Code        Code   `json:"error"`
	Description string `json:"error_description,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

// WriteError answers with an error of the standard face (RFC 6749 section 5.2).
func WriteError(w http.ResponseWriter, e *Error) {
	SetErrorHeaders(w.Header(), e)
	WriteJSON(w, e.Status, e.Body())
}

// Body returns the error as it stands in an answer.
func (e *Error) Body() ErrorBody {
	return ErrorBody{Code: e.Code, Description: printable(e.Description), Reason: e.Reason}
}

// SetErrorHeaders sets the headers that belong to an error, whatever envelope its body has.
func SetErrorHeaders(header http.Header, e *Error) {
	ForbidStoring(header)
	if e.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challengeFor(e))
	}
	if e.RetryAfter > 0 {
		seconds := (e.RetryAfter + time.Second - 1) / time.Second // rounded up: sooner would be too soon
		header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if e.Allow != "" {
		header.Set("Allow", e.Allow)
	}
}

// ForbidStoring sets the headers of RFC 6749 section 5.1, which keep an answer out of every cache.
func ForbidStoring(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
}

// WriteJSON answers with a JSON body. The value must be one that encoding/json can encode.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		// Answers are structs of strings and numbers; a value that has no JSON is a mistake in the program, for which the
		// edge has an answer.
		panic("encoding an answer: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// The status is sent: a client that went away cannot be told anything any more.
	_, _ = w.Write(body)
}

func challengeFor(e *Error) string {
	switch {
	case e.Code != InvalidToken:
		return challengeBasic
	case e.Bare:
		return challengeBearerBare
	}
	return challengeBearer
}

// printable replaces what RFC 6749 section 5.2 forbids in error_description, which may quote a request.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, text)
}
