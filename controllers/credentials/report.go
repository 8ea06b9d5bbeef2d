package credentials

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

// maxMessage is how many bytes the schema of metav1.Condition lets a message have: one that is longer, as what an admission
// webhook says, would keep the whole status from being written.
const maxMessage = 32768

// finding is a reason and what it means here.
type finding struct {
	reason  v1alpha1.Reason
	message string
}

func found(reason v1alpha1.Reason, format string, args ...any) finding {
	return finding{reason, fmt.Sprintf(format, args...)}
}

// report sets the conditions of each version and their summary, and tells of what became worse.
func (p *Phase) report(app *v1alpha1.Application, r *round) {
	var waits, warnings []finding
	if len(r.asked.problems) > 0 {
		waits = append(waits, finding{v1alpha1.ReasonInvalidAnnotation, strings.Join(r.asked.problems, "; ")})
	}
	for i, s := range r.steps {
		ready, pending, expiring := s.ready(r), s.pending(r.now), s.expiring(r.now)
		conditions := conditions{&app.Status.Versions[i].Conditions, app.Generation, r.now}
		version := string(s.version)
		p.warn(app, version, conditions.set(v1alpha1.ConditionReady, &ready))
		if news := conditions.set(v1alpha1.ConditionRotationPending, pending); news != nil && news.reason != ready.reason {
			p.warn(app, version, &finding{news.reason, fmt.Sprintf("version %s: %s", version, news.message)})
		}
		p.warn(app, version, conditions.set(v1alpha1.ConditionCredentialExpiring, expiring))
		waits, warnings = s.summed(waits, pending), s.summed(warnings, expiring)
		p.tellEnds(app, s, r.now)
	}
	conditions := conditions{&app.Status.Conditions, app.Generation, r.now}
	app.Status.Binding = r.binding.reported()
	p.warn(app, "", conditions.set(v1alpha1.ConditionBound, r.binding.bound()))
	if news := conditions.set(v1alpha1.ConditionRotationPending, summary(waits)); len(r.asked.problems) > 0 {
		p.warn(app, "", news) // of all else the versions have told
	}
	conditions.set(v1alpha1.ConditionCredentialExpiring, summary(warnings))
}

// summed adds what was found of the version to what was found of others.
func (s *step) summed(all []finding, f *finding) []finding {
	if f == nil {
		return all
	}
	return append(all, found(f.reason, "version %s: %s", s.version, f.message))
}

// summary is the first of what was found, and how many there are besides. Nil: nothing was.
func summary(all []finding) *finding {
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	if len(all) > 1 {
		first.message += fmt.Sprintf(" (and %d more, in status.versions)", len(all)-1)
	}
	return &first
}

// conditions is where findings of one moment are set.
type conditions struct {
	list       *[]metav1.Condition
	generation int64
	now        time.Time
}

// set sets the condition, or removes it where nothing was found, and returns the finding where its reason is new.
func (c conditions) set(kind v1alpha1.ConditionType, f *finding) *finding {
	if f == nil {
		meta.RemoveStatusCondition(c.list, string(kind))
		return nil
	}
	former := meta.FindStatusCondition(*c.list, string(kind))
	news := former == nil || former.Reason != string(f.reason) ||
		f.reason == v1alpha1.ReasonInvalidAnnotation && former.Message != f.message
	status := metav1.ConditionTrue
	if kind == v1alpha1.ConditionReady && f.reason != v1alpha1.ReasonReady ||
		kind == v1alpha1.ConditionBound && f.reason != v1alpha1.ReasonBound {
		status = metav1.ConditionFalse
	}
	meta.SetStatusCondition(c.list, metav1.Condition{
		Type: string(kind), Status: status, Reason: string(f.reason), Message: shortened(f.message, maxMessage),
		ObservedGeneration: c.generation, LastTransitionTime: metav1.Time{Time: c.now},
	})
	if news {
		return f
	}
	return nil
}

// warn tells of a finding that somebody should look at. Version is whose it is: empty for the application's own.
func (p *Phase) warn(app *v1alpha1.Application, version string, f *finding) {
	if f == nil {
		return
	}
	switch f.reason {
	case v1alpha1.ReasonSecretNameConflict, v1alpha1.ReasonSecretContested, v1alpha1.ReasonCredentialsPending, v1alpha1.ReasonOverlapNotEnded,
		v1alpha1.ReasonInvalidAnnotation, v1alpha1.ReasonEndsWithoutSuccessor, v1alpha1.ReasonCredentialsExpired:
		p.event(app, corev1.EventTypeWarning, string(f.reason), actionWait, version, "%s", f.message)
	}
}
