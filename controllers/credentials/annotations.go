package credentials

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"countersign.dev/api/v1alpha1"
)

// asked is what an Application's annotations ask for.
type asked struct {
	rotate, revoke words
	// problems says what of it cannot be read, or concerns nobody.
	problems []string
}

// words is what one annotation says: a word for all versions, or words for some, which go before it.
type words struct {
	all string
	by  map[v1alpha1.VersionName]string
}

func (w words) of(version v1alpha1.VersionName) string {
	if word, found := w.by[version]; found {
		return word
	}
	return w.all
}

// askedOf reads the annotations. One that cannot be read asks for nothing.
func askedOf(app *v1alpha1.Application) asked {
	var a asked
	for annotation, into := range map[string]*words{
		v1alpha1.AnnotationRotate: &a.rotate, v1alpha1.AnnotationRotateAndRevoke: &a.revoke,
	} {
		text, found := app.Annotations[annotation]
		if !found {
			continue
		}
		parsed, err := parseWords(text)
		if err != nil {
			a.problems = append(a.problems, fmt.Sprintf("annotation %s changes nothing: %s", annotation, err))
			continue
		}
		if hasVersion(app, v1alpha1.VersionName(parsed.all)) {
			a.problems = append(a.problems, fmt.Sprintf("annotation %s changes nothing: %s alone is a word for every version, and the name of "+
				"one; write %s=<word> for that one, or another word for all", annotation, parsed.all, parsed.all))
			continue
		}
		*into = parsed
		var unknown []string
		for version := range parsed.by {
			if !hasVersion(app, version) {
				unknown = append(unknown, string(version))
			}
		}
		if len(unknown) > 0 {
			a.problems = append(a.problems, fmt.Sprintf("annotation %s names %s, which spec.versions does not list",
				annotation, enumerated(unknown)))
		}
	}
	slices.Sort(a.problems)
	return a
}

func hasVersion(app *v1alpha1.Application, version v1alpha1.VersionName) bool {
	return slices.ContainsFunc(app.Spec.Versions, func(v v1alpha1.ApplicationVersion) bool { return v.Version == version })
}

// enumerated names the first few versions, and says how many there are besides: a condition has to stay readable, and short
// enough to be written at all.
func enumerated(versions []string) string {
	const enough = 5
	slices.Sort(versions)
	if more := len(versions) - enough; more > 0 {
		return fmt.Sprintf("versions %s and %d more", strings.Join(versions[:enough], ", "), more)
	}
	if len(versions) == 1 {
		return "version " + versions[0]
	}
	return "versions " + strings.Join(versions, ", ")
}

// word is what a nonce can be: dates and times, UUIDs, numbers of tickets.
var word = regexp.MustCompile(`^[A-Za-z0-9._:+-]{1,64}$`)

// parseWords reads <word>, <version>=<word>, or several of them with commas between.
func parseWords(text string) (words, error) {
	w := words{by: map[v1alpha1.VersionName]string{}}
	for item := range strings.SplitSeq(text, ",") {
		version, nonce, named := strings.Cut(strings.TrimSpace(item), "=")
		if !named {
			version, nonce = "", version
		}
		if !word.MatchString(nonce) || named && version == "" {
			return words{}, fmt.Errorf("write <word> or <version>=<word>, several with commas between; "+
				"a word is 1 to 64 letters, digits and the characters . _ : + -, as 2030-06-01; not %q", shortened(item, 80))
		}
		name := v1alpha1.VersionName(version)
		if _, twice := w.by[name]; twice || !named && w.all != "" {
			return words{}, fmt.Errorf("it has two words for %s", orAll(version))
		}
		if named {
			w.by[name] = nonce
		} else {
			w.all = nonce
		}
	}
	return w, nil
}

func orAll(version string) string {
	if version == "" {
		return "all versions"
	}
	return "version " + version
}

// shortened keeps a text readable, whatever stands in an annotation, and to as many bytes as it may have.
func shortened(text string, most int) string {
	const more = " …"
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(more)], "") + more
}
