package insightshub

import (
	"net/http"

	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/requestid"
)

// codePrefix is in front of every code; what follows is the code of package oauth.
const codePrefix = "mdsp.technicaltokenmanager."

// errorsBody is the envelope as the vendor's SDKs read it. The codes are ours.
type errorsBody struct {
	Errors []errorBody `json:"errors"`
}

type errorBody struct {
	Code    string `json:"code"`
	Logref  string `json:"logref"`
	Message string `json:"message"`
}

// WriteError answers with an error in this API's envelope.
func WriteError(w http.ResponseWriter, r *http.Request, err *oauth.Error) {
	oauth.SetErrorHeaders(w.Header(), err)
	message := err.Description
	if err.Reason != "" {
		message = err.Reason + ": " + message
	}
	oauth.WriteJSON(w, statusOf(err), errorsBody{Errors: []errorBody{{
		Code: codeOf(err), Logref: requestid.From(r.Context()), Message: message,
	}}})
}

func codeOf(err *oauth.Error) string { return codePrefix + string(err.Code) }

// statusOf differs from the standard face's in one thing: a client that may not act for the tenant is told so by 403.
func statusOf(err *oauth.Error) int {
	if err.Code == oauth.UnauthorizedClient {
		return http.StatusForbidden
	}
	return err.Status
}

func badRequest(message string) *oauth.Error { return oauth.BadRequest(oauth.InvalidRequest, message) }
