package access

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
)

// Facts looks up what objects say. It holds live objects alone: one with a deletionTimestamp does not exist, whatever
// finalizers keep it. A look-up of what does not exist returns nil.
//
// The methods are plain look-ups on purpose: every rule, also which Tenant speaks for a namespace that two claim, is in
// this package.
type Facts interface { //nolint:interfacebloat // each method is one look-up; every rule is in this package
	// Tenant returns the Tenant of that name.
	Tenant(name string) *Tenant
	// TenantsClaiming returns the Tenants whose spec.namespace is that namespace, in any order.
	TenantsClaiming(namespace string) []*Tenant
	// Level returns the AccessLevel of that name.
	Level(name string) *Level
	// ResourceServer returns the ResourceServer of that name.
	ResourceServer(name string) *ResourceServer
	// ResourceServersFor returns the ResourceServers with that audience, in any order.
	ResourceServersFor(audience string) []*ResourceServer
	// Grant returns the TenantGrant of that namespace and name.
	Grant(namespace, name string) *Grant
	// Application returns the Application of that namespace and name.
	Application(namespace, name string) *Application
}

// Scopes is a set of scopes: sorted, each once.
type Scopes []string

// NewScopes returns the set of the given scopes.
func NewScopes(scopes ...string) Scopes {
	set := slices.Clone(scopes)
	slices.Sort(set)
	return slices.Compact(set)
}

// Has reports whether the scope is in the set.
func (s Scopes) Has(scope string) bool {
	_, found := slices.BinarySearch(s, scope)
	return found
}

// Tenant is what a decision needs of a v1alpha1.Tenant.
type Tenant struct {
	Name      string
	Namespace string
	Suspended bool
	// Stage is empty for a tenant that hosts nothing.
	Stage  v1alpha1.HostingStage
	Levels []string
	Labels labels.Set
}

// NewTenant returns the facts of a Tenant, or nil when it is being deleted.
func NewTenant(t *v1alpha1.Tenant) *Tenant {
	if !live(t) {
		return nil
	}
	tenant := &Tenant{
		Name:      t.Name,
		Namespace: t.Spec.Namespace,
		Suspended: suspended(t.Spec.State),
		Labels:    t.Labels,
	}
	if t.Spec.Hosting != nil {
		tenant.Stage, tenant.Levels = t.Spec.Hosting.Stage, t.Spec.Hosting.Levels
	}
	return tenant
}

// Level is what a decision needs of a v1alpha1.AccessLevel.
type Level struct {
	Name   string
	Scopes Scopes
	// DisplayName and Description are for people. No decision asks for them.
	DisplayName, Description string
}

// NewLevel returns the facts of an AccessLevel, or nil when it is being deleted.
func NewLevel(l *v1alpha1.AccessLevel) *Level {
	if !live(l) {
		return nil
	}
	return &Level{
		Name: l.Name, Scopes: scopesOf(l.Spec.Scopes),
		DisplayName: l.Spec.DisplayName, Description: l.Spec.Description,
	}
}

// ResourceServer is what a decision needs of a v1alpha1.ResourceServer.
type ResourceServer struct {
	Name     string
	Audience string
	Scopes   Scopes
	// Introspectors are the ServiceAccounts that may introspect tokens for the audience. No decision asks for them.
	Introspectors []types.NamespacedName
}

// NewResourceServer returns the facts of a ResourceServer, or nil when it is being deleted.
func NewResourceServer(r *v1alpha1.ResourceServer) *ResourceServer {
	if !live(r) {
		return nil
	}
	server := &ResourceServer{Name: r.Name, Audience: r.Spec.Audience, Scopes: scopesOf(r.Spec.Scopes)}
	if r.Spec.Introspection != nil {
		for _, account := range r.Spec.Introspection.ServiceAccounts {
			server.Introspectors = append(server.Introspectors,
				types.NamespacedName{Namespace: account.Namespace, Name: string(account.Name)})
		}
	}
	return server
}

// Application is what a decision needs of a v1alpha1.Application.
type Application struct {
	Namespace       string
	Name            string
	UID             types.UID
	ResourceServers []string
	Versions        []Version
	// TransferTo and TransferFrom are the halves of transfers that the spec has.
	TransferTo, TransferFrom Peer
	// DisplayName is for people. No decision asks for it.
	DisplayName string

	offeredTo []v1alpha1.TenantName
	selector  labels.Selector
}

// Version is what a decision needs of a version of an Application.
type Version struct {
	Name      string
	Suspended bool
	// Granted says whether the version has access at all. Level names its AccessLevel; where it is empty, Scopes is custom
	// access.
	Granted bool
	Level   string
	Scopes  Scopes
	// ServiceAccounts are those of the application's namespace whose pods are this version. No decision asks for them.
	ServiceAccounts []string
}

// NewApplication returns the facts of an Application, or nil when it is being deleted.
func NewApplication(a *v1alpha1.Application) *Application {
	if !live(a) {
		return nil
	}
	application := &Application{
		Namespace:       a.Namespace,
		Name:            a.Name,
		UID:             a.UID,
		ResourceServers: a.Spec.ResourceServers,
		Versions:        make([]Version, 0, len(a.Spec.Versions)),
		TransferTo:      newPeer(a.Spec.TransferTo),
		TransferFrom:    newPeer(a.Spec.TransferFrom),
		DisplayName:     a.Spec.DisplayName,
		selector:        labels.Nothing(),
	}
	for i := range a.Spec.Versions {
		application.Versions = append(application.Versions, newVersion(&a.Spec.Versions[i]))
	}
	if offer := a.Spec.Offer; offer != nil {
		application.offeredTo = offer.Tenants
		// A nil selector selects nothing. One that cannot be read, too: what is not understood permits nothing.
		if selector, err := metav1.LabelSelectorAsSelector(offer.TenantSelector); err == nil {
			application.selector = selector
		}
	}
	return application
}

func newVersion(v *v1alpha1.ApplicationVersion) Version {
	version := Version{Name: string(v.Version), Suspended: suspended(v.State)}
	if v.Access != nil {
		version.Granted = true
		version.Level, version.Scopes = v.Access.Level, scopesOf(v.Access.Scopes)
	}
	for _, account := range v.ServiceAccounts {
		version.ServiceAccounts = append(version.ServiceAccounts, string(account.Name))
	}
	return version
}

// Version returns the version of that name, or nil.
func (a *Application) Version(name string) *Version {
	for i := range a.Versions {
		if a.Versions[i].Name == name {
			return &a.Versions[i]
		}
	}
	return nil
}

// OfferedTo reports whether the host offers the application to the tenant.
func (a *Application) OfferedTo(t *Tenant) bool {
	return slices.Contains(a.offeredTo, v1alpha1.TenantName(t.Name)) || a.selector.Matches(t.Labels)
}

// offerFor says by what the application is offered to the tenant; empty where it is not.
func (a *Application) offerFor(t *Tenant) string {
	switch {
	case slices.Contains(a.offeredTo, v1alpha1.TenantName(t.Name)):
		return "to " + t.Name + " by name"
	case !a.selector.Matches(t.Labels):
		return ""
	case a.selector.Empty():
		return "to every tenant"
	}
	return "by its labels: " + a.selector.String()
}

// Grant is what a decision needs of a v1alpha1.TenantGrant.
type Grant struct {
	Namespace string
	Name      string
	UID       types.UID
	// ResourceVersion says, with the UID, which state of the object this is.
	ResourceVersion string
	Tenant          string
	HostTenant      string
	Application     string
	ApplicationUID  types.UID
	Suspended       bool
	Scopes          Scopes
	// Versions is empty for a grant that covers all.
	Versions []v1alpha1.VersionName
	// ExpirationTime is zero for a grant without an end.
	ExpirationTime time.Time
}

// NewGrant returns the facts of a TenantGrant, or nil when it is being deleted.
func NewGrant(g *v1alpha1.TenantGrant) *Grant {
	if !live(g) {
		return nil
	}
	grant := &Grant{
		Namespace:       g.Namespace,
		Name:            g.Name,
		UID:             g.UID,
		ResourceVersion: g.ResourceVersion,
		Tenant:          string(g.Spec.Tenant),
		HostTenant:      string(g.Spec.Application.HostTenant),
		Application:     g.Spec.Application.Name,
		ApplicationUID:  g.Spec.Application.UID,
		Suspended:       suspended(g.Spec.State),
		Scopes:          scopesOf(g.Spec.Scopes),
		Versions:        g.Spec.Versions,
	}
	if g.Spec.ExpirationTime != nil {
		grant.ExpirationTime = g.Spec.ExpirationTime.Time
	}
	return grant
}

// GrantName is the name of the one TenantGrant that a tenant can have for an application.
func GrantName(hostTenant, application string) string { return hostTenant + "." + application }

func live(object metav1.Object) bool { return object.GetDeletionTimestamp() == nil }

// suspended takes everything but Active and the empty default as suspended: what is not understood permits nothing.
func suspended(state v1alpha1.State) bool { return state != v1alpha1.StateActive && state != "" }

func scopesOf(scopes []v1alpha1.Scope) Scopes {
	texts := make([]string, len(scopes))
	for i, scope := range scopes {
		texts[i] = string(scope)
	}
	return NewScopes(texts...)
}
