package httpapi

import (
	"encoding/base64"
	"strings"

	"countersign.dev/tokenserver/directory"
	"countersign.dev/tokenserver/oauth"
)

// A cursor is the base64url of its version and a place in the order of the client's tenants, for the client to hand back and
// not to read. It is a place and nothing else: who makes one up, or takes another application's, begins somewhere else in a list
// that is still its own, and whose every entry is decided upon anew. Therefore it carries no signature, and every replica knows
// the cursors of all others.
const (
	// cursorVersion stands in front of the place, so that cursors can change their form.
	cursorVersion = "2:"
	// maxCursorUID bounds what is taken for a UID. Those of Kubernetes have 36 characters.
	maxCursorUID = 64
)

// cursorOf returns the cursor of a place behind the host tenant, where all are that a page ends at.
func cursorOf(place directory.Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + place.Grant))
}

// placeOf reads a cursor.
func placeOf(cursor string) (directory.Place, *oauth.Error) {
	decoded, problem := base64.RawURLEncoding.Strict().DecodeString(cursor)
	uid, found := strings.CutPrefix(string(decoded), cursorVersion)
	if problem != nil || !found || len(uid) > maxCursorUID || strings.ContainsFunc(uid, notInUID) {
		return directory.Place{}, oauth.BadRequest(oauth.InvalidRequest,
			"cursor is none of this server's: take next_cursor of the page before, or leave it out to begin anew")
	}
	return directory.Place{HostPassed: true, Grant: uid}, nil
}

func notInUID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}
