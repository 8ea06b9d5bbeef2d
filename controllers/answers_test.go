package controllers

import (
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// answer is where a reason of the decision is answered: on an object that somebody can change.
type answer struct {
	object    func(*scene) client.Object
	condition v1alpha1.ConditionType
	// reason is that of the condition, where it is not the decision's.
	reason v1alpha1.Reason
	// names are what the message has to name; $host and the like stand for the scene's names.
	names []string
	// broken says that the object is not Ready: somebody has to mend it.
	broken bool
}

// unanswered are the reasons that no condition can answer.
var unanswered = map[v1alpha1.Reason]string{
	v1alpha1.ReasonGranted:      "nothing is missing",
	v1alpha1.ReasonHandedOver:   "it is why the decision says ApplicationTransferred",
	v1alpha1.ReasonInvalidScope: "what is missing is in the request, which is no object",
}

// broken makes the decision about version 1.0.0 and the user give the reason, and says where that is answered.
type broken struct {
	change  func(*scene)
	answers []answer
}

var answers = map[v1alpha1.Reason][]broken{
	v1alpha1.ReasonApplicationNotFound: {{
		func(s *scene) { Expect(platform.Delete(s.w.ctx, s.app)).To(Succeed()) },
		[]answer{{
			object: theGrant, condition: v1alpha1.ConditionEffective, reason: v1alpha1.ReasonNotOffered,
			names: []string{"application kpi of tenant $host", "spec.offer", "spec.application"},
		}},
	}},
	v1alpha1.ReasonTenantNotHosting: {{
		func(s *scene) { Expect(platform.Delete(s.w.ctx, s.host)).To(Succeed()) },
		[]answer{
			{
				object: theApplication, condition: v1alpha1.ConditionAccepted, broken: true,
				names: []string{"a Tenant with spec.namespace $host", "spec.hosting"},
			},
			{object: theVersion, condition: v1alpha1.ConditionEffective, names: []string{"namespace $host", "spec.hosting"}, broken: true},
		},
	}, {
		func(s *scene) { edit(s.w, s.host, func(t *v1alpha1.Tenant) { t.Spec.Hosting = nil }) },
		[]answer{
			{object: theApplication, condition: v1alpha1.ConditionAccepted, names: []string{"spec.hosting of Tenant $host"}, broken: true},
			{object: theVersion, condition: v1alpha1.ConditionEffective, names: []string{"Tenant $host, spec.hosting"}, broken: true},
		},
	}},
	v1alpha1.ReasonTenantSuspended: {{
		func(s *scene) { edit(s.w, s.host, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended }) },
		[]answer{
			{object: theVersion, condition: v1alpha1.ConditionEffective, names: []string{"Tenant $host, spec.state"}},
			{object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"Tenant $host, spec.state"}},
			{
				object: theHost, condition: v1alpha1.ConditionReady, reason: v1alpha1.ReasonReady,
				names: []string{"Tenant $host", "spec.state"},
			},
		},
	}, {
		func(s *scene) { edit(s.w, s.user, func(t *v1alpha1.Tenant) { t.Spec.State = v1alpha1.StateSuspended }) },
		[]answer{{object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"Tenant $user, spec.state"}}},
	}},
	v1alpha1.ReasonApplicationTransferred: {{
		func(s *scene) {
			receiver := &v1alpha1.Application{Spec: *s.app.Spec.DeepCopy()}
			receiver.Namespace, receiver.Name = s.host.Spec.Namespace, "receiver"
			receiver.Spec.TransferFrom = &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(s.host.Name), Application: "kpi"}
			s.w.create(receiver)
			edit(s.w, s.app, func(a *v1alpha1.Application) {
				a.Spec.TransferTo = &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(s.host.Name), Application: "receiver"}
			})
		},
		[]answer{
			{object: theVersion, condition: v1alpha1.ConditionEffective, names: []string{"Application $host/kpi, spec.transferTo"}},
			{object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"Application $host/kpi, spec.transferTo"}},
			{
				object: theApplication, condition: v1alpha1.ConditionTransferredTo, reason: v1alpha1.ReasonHandedOver,
				names: []string{"Application $host/kpi", "spec.transferTo"},
			},
		},
	}},
	v1alpha1.ReasonVersionNotFound: {{
		func(s *scene) { edit(s.w, s.app, func(a *v1alpha1.Application) { a.Spec.Versions = nil }) },
		[]answer{
			{object: theApplication, condition: v1alpha1.ConditionEffective, names: []string{"Application $host/kpi", "spec.versions"}},
			{object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"TenantGrant $user/$host.kpi", "spec.versions"}},
		},
	}},
	v1alpha1.ReasonVersionSuspended: version(func(v *v1alpha1.ApplicationVersion) { v.State = v1alpha1.StateSuspended },
		answer{names: []string{"Application $host/kpi, spec.versions[1.0.0].state"}}),
	v1alpha1.ReasonAccessNotGranted: version(func(v *v1alpha1.ApplicationVersion) { v.Access = nil },
		answer{names: []string{"Application $host/kpi, spec.versions[1.0.0].access"}}),
	v1alpha1.ReasonAccessLevelNotFound: version(func(v *v1alpha1.ApplicationVersion) { v.Access.Level = "nothing" },
		answer{names: []string{"AccessLevel nothing"}, broken: true},
		answer{
			object: theApplication, condition: v1alpha1.ConditionAccepted, broken: true,
			names: []string{"spec.versions[1.0.0].access.level", "nothing"},
		}),
	v1alpha1.ReasonAudienceNotAllowed: {{
		func(s *scene) {
			twin := &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: s.w.name("twin")}}
			twin.Spec.Audience, twin.Spec.Scopes = "https://"+s.w.name("iot")+".example.com", []v1alpha1.Scope{"assets:read"}
			s.w.create(twin)
		},
		[]answer{
			{
				object: theVersion, condition: v1alpha1.ConditionEffective, broken: true,
				names: []string{"Application $host/kpi, spec.resourceServers"},
			},
			{
				object: theApplication, condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonResourceServerNotFound,
				names: []string{"spec.resourceServers names $iot"}, broken: true,
			},
			{
				object: theServer, condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonAudienceConflict,
				names: []string{"ResourceServer $twin", "spec.audience"}, broken: true,
			},
		},
	}},
	v1alpha1.ReasonDevelopmentStage: {{
		func(s *scene) {
			edit(s.w, s.host, func(t *v1alpha1.Tenant) { t.Spec.Hosting.Stage = v1alpha1.HostingDevelopment })
		},
		[]answer{
			{object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"Tenant $host, spec.hosting.stage"}},
			{
				object: theHost, condition: v1alpha1.ConditionReady, reason: v1alpha1.ReasonReady,
				names: []string{"Tenant $host", "spec.hosting.stage"},
			},
		},
	}},
	v1alpha1.ReasonTenantNotFound: {{
		func(s *scene) {
			s.w.create(&v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: s.w.name("twin")}, Spec: s.user.Spec})
		},
		[]answer{
			{
				object: theUser, condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonNamespaceConflict,
				names: []string{"Tenant $twin", "spec.namespace"}, broken: true,
			},
			{
				object: theGrant, condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonTenantMismatch,
				names: []string{"a Tenant with spec.namespace $user"}, broken: true,
			},
		},
	}},
	v1alpha1.ReasonNotOffered: {{
		func(s *scene) { edit(s.w, s.app, func(a *v1alpha1.Application) { a.Spec.Offer = nil }) },
		[]answer{{
			object: theGrant, condition: v1alpha1.ConditionEffective,
			names: []string{"application kpi of tenant $host", "tenant $user", "spec.offer"},
		}},
	}},
	v1alpha1.ReasonNotGranted: {{
		// The object that could say so is the one that is missing. What can be there is a grant in a wrong place.
		func(s *scene) {
			Expect(platform.Delete(s.w.ctx, s.grant)).To(Succeed())
			s.grant = &v1alpha1.TenantGrant{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.host.Spec.Namespace, Name: s.grant.Name}, Spec: s.grant.Spec,
			}
			s.w.create(s.grant)
		},
		[]answer{{
			object: theGrant, condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonTenantMismatch,
			names: []string{"spec.tenant is $user", "namespace $host"}, broken: true,
		}},
	}},
	v1alpha1.ReasonApplicationReplaced: granted("spec.application.uid", func(s *v1alpha1.TenantGrantSpec) {
		s.Application.UID = "0c3e1b9a-0f46-4f2c-9f0e-7be0d9b6a001"
	}),
	v1alpha1.ReasonGrantSuspended: granted("spec.state", func(s *v1alpha1.TenantGrantSpec) { s.State = v1alpha1.StateSuspended }),
	v1alpha1.ReasonGrantExpired: granted("spec.expirationTime", func(s *v1alpha1.TenantGrantSpec) {
		s.ExpirationTime = &metav1.Time{Time: noon} // this very second
	}),
	v1alpha1.ReasonVersionNotCovered: granted("spec.versions", func(s *v1alpha1.TenantGrantSpec) {
		s.Versions = []v1alpha1.VersionName{"v1.0.0"}
	}),
	v1alpha1.ReasonNothingInCommon: append(
		granted("spec.scopes", func(s *v1alpha1.TenantGrantSpec) { s.Scopes = []v1alpha1.Scope{"assets:write"} }),
		version(func(v *v1alpha1.ApplicationVersion) {
			v.Access = &v1alpha1.Access{Scopes: []v1alpha1.Scope{"assets:write"}} // beyond the host's ceiling
		}, answer{names: []string{"Tenant $host, spec.hosting.levels"}})...),
}

// version changes the version; what has no object and condition of its own is answered in its Effective.
func version(change func(*v1alpha1.ApplicationVersion), given ...answer) []broken {
	for i := range given {
		if given[i].object == nil {
			given[i].object, given[i].condition = theVersion, v1alpha1.ConditionEffective
		}
	}
	return []broken{{
		func(s *scene) { edit(s.w, s.app, func(a *v1alpha1.Application) { change(&a.Spec.Versions[0]) }) }, given,
	}}
}

// granted changes the grant, which is answered in its own Effective.
func granted(field string, change func(*v1alpha1.TenantGrantSpec)) []broken {
	return []broken{{
		func(s *scene) { edit(s.w, s.grant, func(g *v1alpha1.TenantGrant) { change(&g.Spec) }) },
		[]answer{{
			object: theGrant, condition: v1alpha1.ConditionEffective, names: []string{"TenantGrant $user/$host.kpi", field},
		}},
	}}
}

// versionOf stands for the application's version 1.0.0, which has conditions of its own.
type versionOf struct{ *v1alpha1.Application }

func theHost(s *scene) client.Object { return s.host }

func theUser(s *scene) client.Object { return s.user }

func theGrant(s *scene) client.Object { return s.grant }

func theApplication(s *scene) client.Object { return s.app }

func theVersion(s *scene) client.Object { return versionOf{s.app} }

func theServer(s *scene) client.Object {
	return &v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: s.w.name("iot")}}
}
