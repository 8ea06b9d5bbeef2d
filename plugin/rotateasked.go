package plugin

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"countersign.dev/api/v1alpha1"
)

// rotatable returns the versions among those asked for whose credentials the operator can rotate, and why it cannot those of
// the others. Its error says that there is none to rotate.
func rotatable(app *v1alpha1.Application, version string) (rotated []string, others []error, err error) {
	for i := range app.Spec.Versions {
		asked := &app.Spec.Versions[i]
		if version != "" && string(asked.Version) != version {
			continue
		}
		if why := notRotatable(app, asked); why != nil {
			others = append(others, why)
		} else {
			rotated = append(rotated, string(asked.Version))
		}
	}
	switch {
	case len(rotated) > 0:
		return rotated, others, nil
	case version != "" && len(others) == 0:
		return nil, nil, fmt.Errorf("the Application %s/%s has no version %s in spec.versions", app.Namespace, app.Name, version)
	case len(others) == 0:
		return nil, nil, fmt.Errorf("the Application %s/%s has no version in spec.versions", app.Namespace, app.Name)
	}
	return nil, nil, errors.Join(others...)
}

func notRotatable(app *v1alpha1.Application, version *v1alpha1.ApplicationVersion) error {
	name := version.Version
	switch {
	case len(version.Verifiers) > 0:
		return fmt.Errorf("version %s brings client secrets of its own, which the operator cannot rotate: 'kubectl countersign "+
			"credentials new' makes a new one to list in spec.versions[%[1]s].verifiers; taking an entry out there ends the secret at "+
			"once, and taking out all of them lets Countersign make the credentials", name)
	case version.Access == nil:
		return fmt.Errorf("version %s has no access, and thus no credentials: give it a level or scopes (spec.versions[%[1]s].access)", name)
	case newestCredentials(app, string(name))[string(name)] == "":
		return fmt.Errorf("version %s has no credentials yet: the conditions of Application %s/%s say why", name, app.Namespace, app.Name)
	}
	return nil
}

// word is what the operator reads as a request for a rotation.
var word = regexp.MustCompile(`^[A-Za-z0-9._:+-]{1,64}$`)

// newWords is what the annotation says with a new word for the version, or for all. What is asked for other versions stays: it
// may not have been acted on yet. A text that the operator does not act on asks for nothing, and would keep it from the new
// word, too: it is replaced, which readable reports.
func newWords(app *v1alpha1.Application, present, version, nonce string) (words string, readable bool) {
	items, readable := readWords(app, present)
	if version == "" {
		return nonce, readable
	}
	var kept []string
	for _, item := range items {
		if of, _, named := strings.Cut(item, "="); !named || of != version {
			kept = append(kept, item)
		}
	}
	return strings.Join(append(kept, version+"="+nonce), ","), readable
}

// readWords returns the items of an annotation as the operator reads them, and whether it acts on them at all: not where one
// is none, or is a word for all that is the name of a version.
func readWords(app *v1alpha1.Application, text string) (items []string, readable bool) {
	if text == "" {
		return nil, true
	}
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		of, nonce, named := strings.Cut(item, "=")
		if !named {
			of, nonce = "", item
		}
		if !word.MatchString(nonce) || named && of == "" || seen[of] || !named && hasVersion(app, nonce) {
			return nil, false
		}
		seen[of], items = true, append(items, item)
	}
	return items, true
}

func hasVersion(app *v1alpha1.Application, name string) bool {
	return slices.ContainsFunc(app.Spec.Versions, func(v v1alpha1.ApplicationVersion) bool { return string(v.Version) == name })
}
