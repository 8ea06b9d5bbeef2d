package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"countersign.dev/tokenserver/oauth"
)

// clientAuth is a client id and secret as they were sent, not yet proven.
type clientAuth struct{ id, secret string }

// basicAuth reads client_secret_basic (RFC 6749 section 2.3.1): id and secret are form-encoded before they are joined. It
// returns false where there is no Authorization header.
func basicAuth(header http.Header) (clientAuth, bool, *oauth.Error) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return clientAuth{}, false, nil
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Basic") {
		return clientAuth{}, true, malformed("use one Authorization header with the scheme Basic")
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return clientAuth{}, true, malformed("what stands behind Basic is not base64")
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	if !found {
		return clientAuth{}, true, malformed("there is no colon between client id and secret")
	}
	auth := clientAuth{}
	if auth.id, err = url.QueryUnescape(id); err == nil {
		auth.secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return clientAuth{}, true, malformed("client id and secret are form-encoded before they are joined, and these do not decode")
	}
	return auth, true, nil
}

// headerAuth reads client authentication of a request that has no form. Whoever authenticates in another way than by a secret
// is to be admitted here, for all such requests at once.
func headerAuth(header http.Header) (clientAuth, *oauth.Error) {
	auth, found, err := basicAuth(header)
	if err == nil && !found {
		err = unauthenticated("client authentication is missing: send client id and secret by HTTP Basic authentication")
	}
	return auth, err
}

// formAuth reads client authentication from the header or from the form (client_secret_post), but not from both.
func formAuth(r *http.Request, form form) (clientAuth, *oauth.Error) {
	auth, basic, err := basicAuth(r.Header)
	if err != nil {
		return clientAuth{}, err
	}
	id, secret := form["client_id"], form["client_secret"]
	switch {
	case !basic && (id == "" || secret == ""):
		return clientAuth{}, unauthenticated("client authentication is missing: send client_id and client_secret by HTTP " +
			"Basic authentication or in the form")
	case !basic:
		return clientAuth{id: id, secret: secret}, nil
	case secret != "":
		return clientAuth{}, oauth.BadRequest(oauth.InvalidRequest,
			"two methods of client authentication in one request: leave client_secret out of the form, or Authorization out of the header")
	case id != "" && id != auth.id:
		return clientAuth{}, oauth.BadRequest(oauth.InvalidRequest,
			"client_id in the form contradicts the one in the Authorization header: leave it out of the form")
	}
	return auth, nil
}

// malformed is a header that cannot be read. It is a failed client authentication (RFC 6749 section 5.2).
func malformed(what string) *oauth.Error {
	return unauthenticated("the Authorization header is malformed: " + what +
		"; it is Basic and the base64 of client id, colon, client secret")
}

func unauthenticated(description string) *oauth.Error {
	err := oauth.Unauthenticated()
	err.Description = description
	return err
}
