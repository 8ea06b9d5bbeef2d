package insightshub

import (
	"net/http"

	"countersign.dev/tokenserver/oauth"
)

// respond ends every request of this API: with the error if there is one, else with the answer. Neither may be kept by any
// cache, and no endpoint can forget to say so.
func respond(w http.ResponseWriter, r *http.Request, status int, answer any, err *oauth.Error) {
	if err != nil {
		WriteError(w, r, err)
		return
	}
	oauth.ForbidStoring(w.Header())
	oauth.WriteJSON(w, status, answer)
}
