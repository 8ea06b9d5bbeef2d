package live

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/api/v1alpha1"
)

// Said is what the operator, which sees everything, wrote into a condition that the asker may read.
type Said struct {
	Object    string
	Condition metav1.Condition
	// Stale says that the object has changed since.
	Stale bool
}

// Said returns what the operator says of the tenant's grant, and of the version that is asked for (or all) and the host's own
// data.
func (s *Sight) Said() []Said {
	var all []Said
	add := func(object string, generation int64, conditions []metav1.Condition, types ...v1alpha1.ConditionType) {
		for _, kind := range types {
			if condition := meta.FindStatusCondition(conditions, string(kind)); condition != nil {
				all = append(all, Said{object, *condition, condition.ObservedGeneration < generation})
			}
		}
	}
	if grant := s.Grant; grant != nil {
		add("TenantGrant "+grant.Namespace+"/"+grant.Name, grant.Generation, grant.Status.Conditions,
			v1alpha1.ConditionAccepted, v1alpha1.ConditionEffective)
	}
	if app := s.Application; app != nil {
		object := "Application " + app.Namespace + "/" + app.Name
		add(object, app.Generation, app.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ConditionTransferredTo)
		for i := range app.Status.Versions {
			version := &app.Status.Versions[i]
			if s.q.Version == "" || string(version.Version) == s.q.Version {
				add(object+", version "+string(version.Version), app.Generation, version.Conditions, v1alpha1.ConditionEffective)
			}
		}
	}
	return all
}

// SaidVerdict is the operator's answer to the question, where it gives one: by the condition Effective of the tenant's grant,
// which is about the default audience and any version that the grant covers, whatever the scopes.
func (s *Sight) SaidVerdict() Verdict {
	if s.Grant == nil || s.q.Audience != "" {
		return Unknown
	}
	condition := meta.FindStatusCondition(s.Grant.Status.Conditions, string(v1alpha1.ConditionEffective))
	switch {
	case condition == nil || condition.ObservedGeneration < s.Grant.Generation:
		return Unknown
	case condition.Status == metav1.ConditionFalse:
		return No
	case condition.Status == metav1.ConditionTrue && s.q.Version == "" && len(s.q.Scopes) == 0:
		return Yes
	}
	return Unknown
}
