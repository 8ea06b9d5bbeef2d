package signingkeys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
)

// maxWord is how long the word of a rotation on demand may be.
const maxWord = 64

// pass is one look at the Secret.
type pass struct {
	changed bool
	steps   []step
	next    time.Time
}

// face is a set of the Secret and the algorithm of its keys. The two share no key (RFC 8725 section 3.12).
type face struct {
	file      string
	algorithm keyset.Algorithm
}

func (r *Reconciler) faces() []face {
	return []face{{keyset.StandardFile, r.Algorithm}, {keyset.InsightsHubFile, keyset.RS256}}
}

// advance takes the sets in the Secret one step further, in memory. A set that cannot be read is left as it is and told of:
// tokens in hand may still be verified by what a token server has read of it, and only a person can know.
func (r *Reconciler) advance(secret *corev1.Secret, now time.Time) (pass, error) {
	p := pass{next: now.Add(maxPause)}
	asked, problem := ordersOf(secret)
	p.steps = append(p.steps, problem...)
	sets, whole := r.read(secret, &p)
	var after []keyset.Set
	for _, face := range r.faces() {
		set, readable := sets[face.file]
		if !readable {
			continue
		}
		outcome, err := plan(set, terms{
			schedule: r.Schedule, algorithm: face.algorithm, orders: asked, now: now,
			generate: func() (keyset.Key, error) { return keyset.Generate(face.algorithm, now, r.Rand) },
		})
		if err != nil {
			return pass{}, err
		}
		for _, step := range outcome.steps {
			step.note = face.file + ": " + step.note
			p.steps = append(p.steps, step)
		}
		if outcome.next.Before(p.next) {
			p.next = outcome.next
		}
		after = append(after, outcome.set)
		if err := p.put(secret, face.file, set, outcome.set); err != nil {
			return pass{}, err
		}
	}
	if !whole {
		return p, nil
	}
	if err := keyset.Disjoint(after[0], after[1]); err != nil {
		return pass{}, fmt.Errorf("planning the signing keys: %w", err)
	}
	p.report(secret, asked, sets, after)
	return p, nil
}

// read returns the sets that can be read, by their file, and whether those are all. A set that is not there is empty.
func (r *Reconciler) read(secret *corev1.Secret, p *pass) (sets map[string]keyset.Set, whole bool) {
	sets = map[string]keyset.Set{}
	for _, face := range r.faces() {
		data, found := secret.Data[face.file]
		set, err := keyset.Parse(data)
		if found && err != nil {
			p.steps = append(p.steps, broken(face.file, "its file %s is no key set (%v): it stays as it is, and token servers go on with "+
				"what they have; restore it, or delete the file to get a new set that no token in hand verifies with", face.file, err))
			continue
		}
		sets[face.file] = set
	}
	if len(sets) < len(r.faces()) {
		return sets, false
	}
	if err := keyset.Disjoint(sets[keyset.StandardFile], sets[keyset.InsightsHubFile]); err != nil {
		p.steps = append(p.steps, broken("both", "%v: both stay as they are; delete one of the files to get a new set in its place", err))
		return nil, false
	}
	return sets, true
}

// put writes a set to the Secret in memory, if it changed.
func (p *pass) put(secret *corev1.Secret, file string, before, after keyset.Set) error {
	was, err := before.Marshal()
	if err != nil {
		return err
	}
	is, err := after.Marshal()
	if err != nil || bytes.Equal(was, is) {
		return err
	}
	if _, err := keyset.Parse(is); err != nil {
		return errors.Join(errors.New("planning the signing keys: the plan is no key set"), err)
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[file], p.changed = is, true
	return nil
}

// ordersOf reads what people ask for by annotations.
func ordersOf(secret *corev1.Secret) (orders, []step) {
	asked := orders{
		rotate: strings.TrimSpace(secret.Annotations[v1alpha1.AnnotationRotate]),
		remove: strings.FieldsFunc(secret.Annotations[v1alpha1.AnnotationRemoveKey],
			func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }),
	}
	if len(asked.rotate) > maxWord {
		asked.rotate = ""
		return asked, []step{broken(v1alpha1.AnnotationRotate, "its annotation %s is longer than %d characters and is left alone: a date is enough",
			v1alpha1.AnnotationRotate, maxWord)}
	}
	return asked, nil
}

// report writes to the annotations which orders were carried out, for those who gave them, and tells of ids that no key has.
func (p *pass) report(secret *corev1.Secret, asked orders, before map[string]keyset.Set, after []keyset.Set) {
	done := !slices.ContainsFunc(after, func(set keyset.Set) bool { return set.Rotation != asked.rotate })
	if asked.rotate != "" && done {
		p.annotate(secret, v1alpha1.AnnotationRotated, asked.rotate)
	}
	list := secret.Annotations[v1alpha1.AnnotationRemoveKey]
	if list == "" || list == secret.Annotations[v1alpha1.AnnotationRemovedKey] {
		return
	}
	for _, id := range asked.remove {
		known := false
		for _, set := range before {
			known = known || slices.ContainsFunc(set.Keys, func(key keyset.Key) bool { return key.ID == id })
		}
		if !known {
			p.steps = append(p.steps, notFound(id))
		}
	}
	p.annotate(secret, v1alpha1.AnnotationRemovedKey, list)
}

func (p *pass) annotate(secret *corev1.Secret, name, value string) {
	if secret.Annotations[name] == value {
		return
	}
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[name], p.changed = value, true
}
