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
	// OwnData says that it is about the host's own data, and no other tenant's.
	OwnData bool
}

// Said returns what the operator says of the tenant's grant, and of the version that is asked for (or all) and the host's own
// data.
func (s *Sight) Said() []Said {
	var all []Said
	add := func(object string, generation int64, conditions []metav1.Condition, types ...v1alpha1.ConditionType) {
		for _, kind := range types {
			if condition := meta.FindStatusCondition(conditions, string(kind)); condition != nil {
				all = append(all, Said{Object: object, Condition: *condition, Stale: condition.ObservedGeneration < generation})
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
				before := len(all)
				add(object+", version "+string(version.Version), app.Generation, version.Conditions, v1alpha1.ConditionEffective)
				for i := before; i < len(all); i++ {
					all[i].OwnData = true
				}
			}
		}
	}
	return all
}

// SaidVerdict is the operator's answer to the question, where it gives one. Its conditions Effective are about the default
// audience, whatever the scopes: that of the tenant's grant about any version that it covers, that of a version about the host's
// own data, which takes fewer links than any other tenant's.
func (s *Sight) SaidVerdict() Verdict {
	if s.q.Audience != "" {
		return Unknown
	}
	if s.Grant != nil {
		status := effective(s.Grant.Generation, s.Grant.Status.Conditions)
		if status == metav1.ConditionFalse {
			return No
		}
		if status == metav1.ConditionTrue && s.q.Version == "" && len(s.q.Scopes) == 0 {
			return Yes
		}
	}
	return s.saidOfVersions()
}

// saidOfVersions is No where the operator says so of every version that is asked about, and Yes where it says so of one and the
// question is about the host's own data.
func (s *Sight) saidOfVersions() Verdict {
	if s.Application == nil {
		return Unknown
	}
	asked, refused := 0, 0
	for i := range s.Application.Spec.Versions {
		name := s.Application.Spec.Versions[i].Version
		if s.q.Version != "" && string(name) != s.q.Version {
			continue
		}
		asked++
		switch s.saidOfVersion(name) {
		case metav1.ConditionFalse:
			refused++
		case metav1.ConditionTrue:
			if s.q.Tenant == s.Host && len(s.q.Scopes) == 0 {
				return Yes
			}
		}
	}
	if asked > 0 && asked == refused {
		return No
	}
	return Unknown
}

func (s *Sight) saidOfVersion(name v1alpha1.VersionName) metav1.ConditionStatus {
	for i := range s.Application.Status.Versions {
		if status := &s.Application.Status.Versions[i]; status.Version == name {
			return effective(s.Application.Generation, status.Conditions)
		}
	}
	return metav1.ConditionUnknown
}

// effective is the status of the condition Effective; unknown where it is older than the object.
func effective(generation int64, conditions []metav1.Condition) metav1.ConditionStatus {
	condition := meta.FindStatusCondition(conditions, string(v1alpha1.ConditionEffective))
	if condition == nil || condition.ObservedGeneration < generation {
		return metav1.ConditionUnknown
	}
	return condition.Status
}
