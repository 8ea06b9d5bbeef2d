package insightshub

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"countersign.dev/tokenserver/oauth"
)

// headerKey is the header of the original service for client authentication.
const headerKey = "X-SPACE-AUTH-KEY"

const authHint = "send X-SPACE-AUTH-KEY or Authorization with Basic and the base64 of client id, colon, client secret"

// clientAuth reads client id and secret in every form that real clients send: in either header; with the scheme Basic or
// Bearer or none; the base64 with or without its padding, and between angle brackets, as the vendor's sample was printed.
func clientAuth(header http.Header) (id, secret string, err *oauth.Error) {
	encoded, err := oneOf(header)
	if err != nil {
		return "", "", err
	}
	decoded, problem := base64.RawStdEncoding.DecodeString(encoded)
	if problem != nil {
		return "", "", badRequest("client authentication is not base64: " + authHint)
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", badRequest("client authentication has no colon between client id and secret: " + authHint)
	}
	return id, secret, nil
}

// oneOf returns the base64 of the one header, bare of what real clients put around it. A proxy may have repeated it in the
// other header, but not changed it.
func oneOf(header http.Header) (string, *oauth.Error) {
	values := slices.DeleteFunc(slices.Concat(header.Values(headerKey), header.Values("Authorization")), func(value string) bool {
		return strings.TrimSpace(value) == ""
	})
	if len(values) == 0 {
		missing := oauth.Unauthenticated()
		missing.Description = "client authentication is missing: " + authHint
		return "", missing
	}
	encoded := bare(values[0])
	for _, value := range values[1:] {
		if bare(value) != encoded {
			return "", badRequest("two headers with different client authentication: send one")
		}
	}
	return encoded, nil
}

// bare takes away the scheme, the angle brackets and the padding.
func bare(text string) string {
	text = strings.TrimSpace(text)
	scheme, rest, found := strings.Cut(text, " ")
	if found && (strings.EqualFold(scheme, "Basic") || strings.EqualFold(scheme, "Bearer")) {
		text = strings.TrimSpace(rest)
	}
	if inner, opened := strings.CutPrefix(text, "<"); opened {
		text = strings.TrimSuffix(inner, ">")
	}
	return strings.TrimRight(text, "=")
}

// bearer reads an access token (RFC 6750 section 2.1).
func bearer(header http.Header) (string, *oauth.Error) {
	const hint = ": send one Authorization header with Bearer and a token that was issued with userTenant equal to hostTenant"
	values := header.Values("Authorization")
	if len(values) == 0 {
		return "", oauth.MissingToken("the token is missing" + hint)
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if text = strings.TrimSpace(text); len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return "", oauth.NoToken("the token cannot be read" + hint)
	}
	return text, nil
}
