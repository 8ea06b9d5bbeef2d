package httpapi

import (
	"net/http"

	"countersign.dev/tokenserver/oauth"
)

// respond ends every request that a client or a resource server authenticates for: with the error if there is one, else with the
// answer. Neither may be kept by any cache, and no endpoint can forget to say so.
func respond(w http.ResponseWriter, answer any, err *oauth.Error) {
	if err != nil {
		oauth.WriteError(w, err)
		return
	}
	oauth.ForbidStoring(w.Header())
	oauth.WriteJSON(w, http.StatusOK, answer)
}
