package exchange

import "strings"

// What of a request goes into the log goes through one of the functions below. A client can put anything anywhere, its own
// secret included, in whatever encoding; so each lets pass what has the form of what it should be, and nothing longer.

const (
	// maxLogged bounds what is copied of a request into the log, in bytes.
	maxLogged = 256
	// maxName is the length of the longest name of a tenant, an application or a version.
	maxName = 63
	// maxScope is the length of the longest scope. A secret is shorter, but is known by its mark; what an encoding makes of
	// one is longer.
	maxScope = 64
	// maxWord is the length of the longest word of a user agent. A secret and what can be made of one are longer.
	maxWord = 40
	// secretMark is how every client secret of ours begins, and escapedMark the same in a URL, both in lower case.
	secretMark, escapedMark = "csk_", "csk%5f"
	redacted                = "[redacted]"
)

// identifier is a client id that nobody vouches for: names of tenants and applications, versions, and digits, joined by
// dashes and dots.
func identifier(text string) string {
	if len(text) > maxLogged || strings.ContainsFunc(text, notInClientID) || longest(text, "-.") > maxName {
		return redacted
	}
	return text
}

func notInClientID(r rune) bool { return notInName(r) && r != '.' }

// name is a tenant's name: a DNS label.
func name(text string) string {
	if len(text) > maxName || strings.ContainsFunc(text, notInName) {
		return redacted
	}
	return text
}

func notInName(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }

// scopes is a list of scopes.
func scopes(asked []string) string {
	for _, scope := range asked {
		if len(scope) > maxScope {
			return redacted
		}
	}
	return quoted(strings.Join(asked, " "))
}

// agent is a user agent: products and comments.
func agent(text string) string {
	if longest(text, " ;()") > maxWord {
		return redacted
	}
	return quoted(text)
}

// quoted is any other text that a client may have had a part in: short, in visible ASCII, and without a secret in the clear.
func quoted(text string) string {
	if lower := strings.ToLower(text); strings.Contains(lower, secretMark) || strings.Contains(lower, escapedMark) {
		return redacted
	}
	cut := text
	if len(cut) > maxLogged {
		cut = text[:maxLogged]
	}
	cut = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, cut)
	if len(text) > maxLogged {
		cut += "…"
	}
	return cut
}

// longest returns the length of the longest word, in bytes.
func longest(text, separators string) int {
	most, word := 0, 0
	for i := range len(text) {
		if strings.IndexByte(separators, text[i]) >= 0 {
			word = 0
			continue
		}
		word++
		most = max(most, word)
	}
	return most
}
