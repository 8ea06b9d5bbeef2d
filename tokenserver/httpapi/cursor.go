package httpapi

import (
	"encoding/base64"
	"strings"

	"countersign.dev/tokenserver/oauth"
)

// A cursor is the base64url of its kind and a place in the order of a list, for the client to hand back and not to read. It is a
// place and nothing else: who makes one up, or takes another's, begins somewhere else in a list that is still its own, and whose
// every entry is decided upon anew. Therefore it carries no signature, and every replica knows the cursors of all others.
const (
	// cursorTenants and cursorOffers stand in front of the place: each list has its own, and can change their form.
	cursorTenants = "2:"
	cursorOffers  = "o1:"
	// maxCursorUID bounds what is taken for a UID. Those of Kubernetes have 36 characters.
	maxCursorUID = 64
)

// cursorOf returns the cursor of a place in a list: a UID, or the beginning of one.
func cursorOf(kind, uid string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + uid))
}

// placeOf reads a cursor of that kind.
func placeOf(kind, cursor string) (string, *oauth.Error) {
	decoded, problem := base64.RawURLEncoding.Strict().DecodeString(cursor)
	uid, found := strings.CutPrefix(string(decoded), kind)
	if problem != nil || !found || len(uid) > maxCursorUID || strings.ContainsFunc(uid, notInUID) {
		return "", oauth.BadRequest(oauth.InvalidRequest,
			"cursor is none of this server's: take next_cursor of the page before, or leave it out to begin anew")
	}
	return uid, nil
}

func notInUID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}
