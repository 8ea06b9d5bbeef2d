package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// The few names that a history plays with, so that they meet: five tenants with a namespace each, five applications, and a
// grant for each application and namespace.
const tenants = 5

var (
	slots = []slot{{0, "kpi"}, {0, "twin"}, {1, "kpi"}, {2, "dash"}, {3, "job"}}

	someScopes    = []v1alpha1.Scope{"a:read", "a:write", "b:read", "b:write", "c:read", "c:write"}
	someLevels    = []string{"reader", "writer", "all"}
	someServers   = []string{"assets", "files"}
	someAudiences = []string{"https://assets.example.com", "https://files.example.com"}
	someVersions  = []string{"1.0.0", "1.1.0", "2.0.0"}
	somePlans     = []string{"gold", "silver"}
)

// foreignUID is that of no application.
const foreignUID types.UID = "00000000-0000-4000-8000-000000000000"

// slot is the place of an application: the number of its namespace, and its name.
type slot struct {
	home int
	name string
}

func tenantName(i int) string    { return fmt.Sprintf("t%d", i) }
func namespaceName(i int) string { return fmt.Sprintf("n%d", i) }

// draw makes the random choices of a history. What it draws is mostly as it has to be for tokens to be had: where everything is
// refused, a model that refuses everything is right.
type draw struct {
	*rand.Rand
	// gentle says that nothing rare happens.
	gentle bool
}

// rarely is true once in so many times.
func (d draw) rarely(once int) bool { return d.IntN(once) == 0 && !d.gentle }

func oneOf[T any](d draw, of []T) T { return of[d.IntN(len(of))] }

// some are some of them, at least one.
func some[T any](d draw, of []T) []T {
	drawn := []T{oneOf(d, of)}
	for _, i := range d.Perm(len(of)) {
		if d.IntN(3) > 0 && fmt.Sprint(of[i]) != fmt.Sprint(drawn[0]) {
			drawn = append(drawn, of[i])
		}
	}
	return drawn
}

func (d draw) state() v1alpha1.State {
	if d.rarely(10) {
		return v1alpha1.StateSuspended
	}
	return v1alpha1.StateActive
}

func (d draw) hosting() *v1alpha1.Hosting {
	if d.rarely(14) {
		return nil
	}
	hosting := &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: some(d, append(someLevels, "nowhere"))}
	if d.rarely(9) {
		hosting.Stage = v1alpha1.HostingDevelopment
	}
	return hosting
}

// tenant has the namespace of its number, or rarely that of another.
func (d draw) tenant(i int) *v1alpha1.Tenant {
	home := i
	if d.rarely(10) {
		home = d.IntN(tenants)
	}
	return &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: tenantName(i), Labels: map[string]string{"plan": oneOf(d, somePlans)}},
		Spec:       v1alpha1.TenantSpec{Namespace: namespaceName(home), Hosting: d.hosting(), State: d.state()},
	}
}

// server has the audience of its number, or rarely that of the other.
func (d draw) server(i int) *v1alpha1.ResourceServer {
	audience := someAudiences[i]
	if d.rarely(8) {
		audience = oneOf(d, someAudiences)
	}
	return &v1alpha1.ResourceServer{
		ObjectMeta: metav1.ObjectMeta{Name: someServers[i]},
		Spec:       v1alpha1.ResourceServerSpec{Audience: audience, Scopes: some(d, someScopes)},
	}
}

func (d draw) level(i int) *v1alpha1.AccessLevel {
	return &v1alpha1.AccessLevel{
		ObjectMeta: metav1.ObjectMeta{Name: someLevels[i]}, Spec: v1alpha1.AccessLevelSpec{Scopes: some(d, someScopes)},
	}
}

func (d draw) application(s slot) *v1alpha1.Application {
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(s.home), Name: s.name},
		Spec:       v1alpha1.ApplicationSpec{ResourceServers: some(d, someServers), Offer: d.offer()},
	}
	for _, version := range some(d, someVersions) {
		app.Spec.Versions = append(app.Spec.Versions, v1alpha1.ApplicationVersion{
			Version: v1alpha1.VersionName(version), Access: d.access(), State: d.state(),
		})
	}
	return app
}

func (d draw) access() *v1alpha1.Access {
	switch d.IntN(8) {
	case 0:
		return nil
	case 1, 2, 3:
		return &v1alpha1.Access{Scopes: some(d, someScopes)}
	}
	return &v1alpha1.Access{Level: oneOf(d, someLevels)}
}

// offer is to some by name, by their labels, to all, to nobody, or by a selector that cannot be read.
func (d draw) offer() *v1alpha1.Offer {
	named := make([]v1alpha1.TenantName, 0, tenants)
	for i := range tenants {
		named = append(named, v1alpha1.TenantName(tenantName(i)))
	}
	switch d.IntN(8) {
	case 0:
		return nil
	case 1:
		return &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "plan", Operator: metav1.LabelSelectorOpIn}},
		}}
	case 2, 3:
		return &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}}
	case 4, 5:
		return &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"plan": oneOf(d, somePlans)}}}
	}
	return &v1alpha1.Offer{Tenants: some(d, named)}
}

// grant is that of a namespace for the application of a slot, whose UID is of the one that is there; rarely something in it is
// of somebody else.
func (d draw) grant(namespace int, s slot, uid types.UID) *v1alpha1.TenantGrant {
	giver, host := tenantName(namespace), tenantName(s.home)
	if d.rarely(10) {
		giver = tenantName(d.IntN(tenants))
	}
	if d.rarely(12) {
		host = tenantName(d.IntN(tenants))
	}
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(namespace), Name: host + "." + s.name},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant:      v1alpha1.TenantName(giver),
			Application: v1alpha1.ApplicationReference{HostTenant: v1alpha1.TenantName(host), Name: s.name},
		},
	}
	grant.Spec.Application.UID = uid
	if uid == "" || d.rarely(12) {
		grant.Spec.Application.UID = foreignUID
	}
	d.consent(&grant.Spec)
	return grant
}

func (d draw) consent(spec *v1alpha1.TenantGrantSpec) {
	spec.Scopes, spec.Versions, spec.ExpirationTime, spec.State = some(d, someScopes), nil, d.expiration(), d.state()
	if d.rarely(4) {
		for _, version := range some(d, someVersions) {
			spec.Versions = append(spec.Versions, v1alpha1.VersionName(version))
		}
	}
}

// expiration is none, far away, over, or in two seconds.
func (d draw) expiration() *metav1.Time {
	switch d.IntN(10) {
	case 0:
		return &metav1.Time{Time: time.Now().Add(-time.Hour)}
	case 1:
		return &metav1.Time{Time: time.Now().Add(2 * time.Second)}
	case 2, 3:
		return &metav1.Time{Time: time.Now().Add(time.Hour)}
	}
	return nil
}

func (d draw) peer() *v1alpha1.ApplicationPeer { return peerOf(oneOf(d, slots)) }

func peerOf(s slot) *v1alpha1.ApplicationPeer {
	return &v1alpha1.ApplicationPeer{Tenant: v1alpha1.TenantName(tenantName(s.home)), Application: s.name}
}

// edit changes one thing of an object that is there.
func (d draw) edit(object client.Object) {
	switch object := object.(type) {
	case *v1alpha1.Tenant:
		switch d.IntN(3) {
		case 0:
			object.Spec.State = d.state()
		case 1:
			object.Spec.Hosting = d.hosting()
		case 2:
			object.Labels = map[string]string{"plan": oneOf(d, somePlans)}
		}
	case *v1alpha1.ResourceServer:
		object.Spec = d.server(slices.Index(someServers, object.Name)).Spec
	case *v1alpha1.AccessLevel:
		object.Spec.Scopes = some(d, someScopes)
	case *v1alpha1.Application:
		d.editApplication(&object.Spec)
	case *v1alpha1.TenantGrant:
		d.consent(&object.Spec)
	}
}

func (d draw) editApplication(spec *v1alpha1.ApplicationSpec) {
	fresh := d.application(slots[0]).Spec
	if (spec.TransferTo != nil || spec.TransferFrom != nil) && d.rarely(2) {
		spec.TransferTo, spec.TransferFrom = nil, nil // or soon all would be handed over
		return
	}
	switch d.IntN(7) {
	case 0:
		spec.ResourceServers = fresh.ResourceServers
	case 1:
		spec.Offer = fresh.Offer
	case 2:
		spec.Versions = fresh.Versions
	case 3:
		spec.TransferTo = d.peer()
	case 4:
		spec.TransferFrom = d.peer()
	default:
		version := &spec.Versions[d.IntN(len(spec.Versions))]
		version.Access, version.State = d.access(), d.state()
	}
}
