package plugin

import (
	"fmt"
	"strings"
)

// reference is an application as people write it: <application>, <host>/<application>, either with @<version>.
type reference struct{ host, application, version string }

// parseReference reads a reference.
func parseReference(text string) (reference, error) {
	name, version, versioned := strings.Cut(text, "@")
	host, application, hosted := strings.Cut(name, "/")
	if !hosted {
		host, application = "", name
	}
	if application == "" || strings.Contains(application, "/") || hosted && host == "" || versioned && version == "" {
		return reference{}, fmt.Errorf("%q names no application: write <application>, <host tenant>/<application> or either with "+
			"@<version>, as operator-co/kpi-dashboard@1.0.0", text)
	}
	return reference{host: host, application: application, version: version}, nil
}

// parseHosted reads a reference that names the host tenant and no version.
func parseHosted(text string) (reference, error) {
	r, err := parseReference(text)
	if err == nil && (r.host == "" || r.version != "") {
		err = fmt.Errorf("%q must be <host tenant>/<application>, as operator-co/kpi-dashboard", text)
	}
	return r, err
}

// String is the reference as people write it.
func (r reference) String() string {
	text := r.application
	if r.host != "" {
		text = r.host + "/" + text
	}
	if r.version != "" {
		text += "@" + r.version
	}
	return text
}

// splitScopes reads scopes as people write them: separated by commas or blanks, the flag given once or more often.
func splitScopes(texts []string) []string {
	var scopes []string
	for _, text := range texts {
		scopes = append(scopes, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return scopes
}
