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
	oauth.WriteJSON(w, statusOf(err), errorsBody{Errors: []errorBody{{
		Code: codeOf(err), Logref: requestid.From(r.Context()), Message: messageOf(err),
	}}})
}

// messageOf begins with the decision's reason where there is one: the envelope has no member of its own for it.
func messageOf(err *oauth.Error) string {
	if err.Reason == "" {
		return err.Description
	}
	return err.Reason + ": " + err.Description
}

func codeOf(err *oauth.Error) string { return codePrefix + string(err.Code) }

// statusOf differs from the standard face's in one thing: what the decision refuses is 403. That goes for the audience, too,
// which a client cannot choose here.
func statusOf(err *oauth.Error) int {
	if err.Code == oauth.UnauthorizedClient || err.Code == oauth.InvalidTarget {
		return http.StatusForbidden
	}
	return err.Status
}

func badRequest(message string) *oauth.Error { return oauth.BadRequest(oauth.InvalidRequest, message) }
