package oauth

import (
	"errors"
	"io"
	"net/http"
)

// MaxBody is the most that the body of a request may have, in bytes.
const MaxBody = 64 << 10

// ReadBody returns the body of a request, or the error that says why it could not be read: 413 past MaxBody, else 400.
func ReadBody(r *http.Request) ([]byte, *Error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &Error{Code: InvalidRequest, Description: "the body is larger than 64 KiB", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, BadRequest(InvalidRequest, "the body could not be read")
	}
	return body, nil
}
