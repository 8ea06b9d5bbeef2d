package plugin

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

// actsOn is an application that a tenant consented to.
type actsOn struct {
	Tenant      string `json:"tenant"`
	HostTenant  string `json:"hostTenant"`
	Application string `json:"application"`
	Effective   bool   `json:"effective"`
	// Unknown says that neither Effective nor its contrary is known: the operator has not looked at the grant as it is now.
	// Reason is then what it said before, if anything.
	Unknown bool            `json:"unknown,omitempty"`
	Reason  v1alpha1.Reason `json:"reason"`
	// Scopes are those of the grant: no token for the tenant has others.
	Scopes   []v1alpha1.Scope `json:"scopes"`
	Versions string           `json:"versions"`
	Since    time.Time        `json:"since"`
	Expires  *time.Time       `json:"expires,omitempty"`
	Message  string           `json:"message"`

	grant *v1alpha1.TenantGrant
}

func newActsOn(grant *v1alpha1.TenantGrant) actsOn {
	spec := &grant.Spec
	row := actsOn{
		Tenant: string(spec.Tenant), HostTenant: string(spec.Application.HostTenant), Application: spec.Application.Name,
		Scopes: spec.Scopes, Versions: versionsOf(spec), Since: grant.CreationTimestamp.UTC(), grant: grant,
	}
	if spec.ExpirationTime != nil {
		end := spec.ExpirationTime.UTC()
		row.Expires = &end
	}
	return row
}

// reason is the reason for people, marked where it is about the grant as it was.
func (row *actsOn) reason() string {
	switch {
	case !row.Unknown:
		return string(row.Reason)
	case row.Reason == "":
		return "<not known yet>"
	}
	return string(row.Reason) + " (before the last change)"
}

// decideActsOn says whether the grant has effect: for any version, as the operator says it.
func (p *plugin) decideActsOn(facts *live.Facts, row *actsOn) {
	var app *access.Application
	row.Reason = v1alpha1.ReasonApplicationNotFound
	row.Message = fmt.Sprintf("there is no accepted Tenant %s that could host the application %s", row.HostTenant, row.Application)
	if host := access.AcceptedTenant(facts, row.HostTenant); host != nil {
		app = facts.Application(host.Namespace, row.Application)
		row.Message = noApplication(host.Namespace, row.Application)
	}
	if app == nil {
		return
	}
	row.Reason, row.Message = v1alpha1.ReasonVersionNotFound, "the application has no version"
	p.decideVersions(facts, app, row)
	if row.grant.DeletionTimestamp != nil {
		row.refuse(v1alpha1.ReasonNotGranted, "the grant is being deleted")
	}
}

// decideVersions says what can be had by the versions that the grant covers: that something can by one of them, and whether any
// could use more than the grant lists; otherwise what the first of them is refused for.
func (p *plugin) decideVersions(facts *live.Facts, app *access.Application, row *actsOn) {
	var exceeding []string
	refused := false
	for i := range app.Versions {
		d := access.Decide(facts, access.Question{
			Application: app, Version: app.Versions[i].Name, Tenant: row.Tenant, Now: p.Clock.Now(),
		})
		// What can be had by another grant, or by none, says nothing of this one.
		effective := d.Granted() && d.GrantUID() == row.grant.UID
		if d.Grant != nil {
			exceeding = append(exceeding, d.Exceeding()...)
		}
		covered := d.Reason != v1alpha1.ReasonVersionNotCovered
		if !row.Effective && (effective || !refused) {
			row.Effective, row.Reason, row.Message = effective, d.Reason, d.Message()
			refused = covered
		}
	}
	if row.Effective && len(exceeding) > 0 {
		row.Reason = v1alpha1.ReasonAccessExceedsGrant
		row.Message += "; the application could use more than the grant lists: " + strings.Join(access.NewScopes(exceeding...), " ")
	}
}

// noApplication says that an application is not there.
func noApplication(namespace, name string) string {
	return fmt.Sprintf("there is no Application %s/%s: 'kubectl get applications -n %[1]s' lists those that are there", namespace, name)
}

func (row *actsOn) refuse(reason v1alpha1.Reason, message string) {
	row.Effective, row.Unknown, row.Reason, row.Message = false, false, reason, message
}

// believeOperator returns the row with whether the grant has effect by the operator's condition, where the grant itself does
// not say that it has none.
func (p *plugin) believeOperator(from *actsOn) actsOn {
	row, grant := *from, from.grant
	row.Effective, row.Unknown, row.Reason, row.Message = false, true, "", "the operator has not looked at it yet"
	said := meta.FindStatusCondition(grant.Status.Conditions, string(v1alpha1.ConditionEffective))
	switch {
	case said == nil:
	case said.ObservedGeneration < grant.Generation:
		row.Reason, row.Message = v1alpha1.Reason(said.Reason), "before the grant's last change the operator said: "+said.Message
	default:
		row.Effective, row.Unknown = said.Status == metav1.ConditionTrue, said.Status == metav1.ConditionUnknown
		row.Reason, row.Message = v1alpha1.Reason(said.Reason), said.Message
	}
	if !row.Effective && !row.Unknown {
		return row
	}
	switch end := row.Expires; {
	case grant.DeletionTimestamp != nil:
		row.refuse(v1alpha1.ReasonNotGranted, "the grant is being deleted")
	case grant.Spec.State == v1alpha1.StateSuspended:
		row.refuse(v1alpha1.ReasonGrantSuspended, "the grant is suspended: set its state to Active")
	case end != nil && !p.Clock.Now().Before(*end):
		row.refuse(v1alpha1.ReasonGrantExpired, "the grant has expired")
	}
	return row
}
