package live

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// Question asks by names whether an application may act for a tenant.
type Question struct {
	// Host is the application's host tenant. Empty: the one that Namespace speaks for.
	Host string
	// Namespace is the asker's: the application's where Host is empty, the tenant's where nobody else says which that is.
	Namespace string
	// Application and Version name who asks for tokens. An empty Version is all versions.
	Application, Version string
	// Tenant is the user tenant.
	Tenant string
	// Audience and Scopes are as in access.Question.
	Audience string
	Scopes   []string
	// Now is the time that expirations are held against.
	Now time.Time
}

// Sight is what the asker sees of an application and of a tenant's consent to it.
type Sight struct {
	facts *Facts
	// q is what was asked.
	q Question
	// Host is the host tenant's name, as far as it can be known.
	Host string
	// Application and Grant are nil where they are not there or may not be seen.
	Application *v1alpha1.Application
	Grant       *v1alpha1.TenantGrant

	// namespace is the application's; empty where nobody knows.
	namespace string
	// hiddenApplication is the right without which the application cannot be seen.
	hiddenApplication *Need
}

// Look looks at what the question is about. Its error says that nothing can be answered.
func Look(f *Facts, q Question) (*Sight, error) {
	s := &Sight{facts: f, q: q, Host: q.Host}
	if err := s.findApplication(); err != nil {
		return nil, err
	}
	s.standIn()
	return s, f.err
}

// Name is the application's name.
func (s *Sight) Name() string { return s.q.Application }

// Namespace is where the application would be; empty where nobody knows.
func (s *Sight) Namespace() string { return s.namespace }

// findApplication finds the application and its host, or the right that is lacking.
func (s *Sight) findApplication() error {
	s.namespace = s.q.Namespace
	if s.Host != "" && s.facts.SeesTenants() {
		host := s.facts.Tenant(s.Host)
		if host == nil {
			return fmt.Errorf("there is no Tenant %s: kubectl get tenants lists them", s.Host)
		}
		s.namespace = host.Namespace
	}
	s.Application = s.facts.ReadApplication(s.namespace, s.q.Application)
	if s.Host != "" && !s.facts.SeesTenants() && !s.isHosts(s.Application) {
		s.Application, s.namespace, s.hiddenApplication = nil, "", s.facts.need(tenants, "")
		return nil
	}
	s.hiddenApplication = s.facts.need(applications, s.namespace)
	if s.Host != "" {
		return nil
	}
	if s.hiddenApplication != nil {
		return fmt.Errorf("%w. To ask as the administrator of a tenant that uses the application, name it <host tenant>/%s, in "+
			"the namespace of your tenant (--namespace)", &Forbidden{Needs: []Need{*s.hiddenApplication}}, s.q.Application)
	}
	if host := access.HostOf(s.facts, s.namespace); host != nil {
		s.Host = host.Name
	} else if s.Application != nil {
		s.Host = s.Application.Status.HostTenant
	}
	return nil
}

// isHosts reports whether an application in the asker's own namespace is the one that is meant, where Tenants, which would
// say so, may not be seen.
func (s *Sight) isHosts(app *v1alpha1.Application) bool {
	return app != nil && app.Status.HostTenant == s.Host
}

// standIn finds the tenant's grant, and lets all that may not be looked at be stood in for.
func (s *Sight) standIn() {
	u := &unseen{
		q: s.q, host: cmp.Or(s.Host, hidden), hostNamespace: cmp.Or(s.namespace, hidden+"host"), userNamespace: s.userNamespace(),
		scopes: slices.Clone(s.q.Scopes),
	}
	if u.userNamespace != hidden && s.Host != "" && s.q.Tenant != s.Host {
		s.Grant = s.facts.ReadGrant(u.userNamespace, access.GrantName(s.Host, s.q.Application))
	}
	if s.Grant != nil {
		u.scopes = append(u.scopes, texts(s.Grant.Spec.Scopes)...)
	}
	if s.Application != nil {
		for i := range s.Application.Spec.Versions {
			if given := s.Application.Spec.Versions[i].Access; given != nil {
				u.scopes = append(u.scopes, texts(given.Scopes)...)
			}
		}
	}
	u.application = s.standInApplication(u)
	s.facts.unseen = u
}

// userNamespace is the user tenant's namespace, or hidden.
func (s *Sight) userNamespace() string {
	if s.facts.SeesTenants() {
		if user := s.facts.Tenant(s.q.Tenant); user != nil {
			return user.Namespace
		}
		return hidden
	}
	// A grant in the asker's namespace says whose that is. The token server believes Tenants alone; this is about where to look.
	grants, _ := s.facts.Grants(s.q.Namespace)
	for _, grant := range grants {
		if string(grant.Spec.Tenant) == s.q.Tenant {
			return s.q.Namespace
		}
	}
	return hidden
}

// standInApplication returns the application as it is decided upon: the one that was seen, or one that allows what is asked.
func (s *Sight) standInApplication(u *unseen) *v1alpha1.Application {
	app := s.Application
	if app == nil && s.hiddenApplication == nil {
		return nil
	}
	offered := v1alpha1.TenantName(s.q.Tenant)
	if app == nil {
		app = &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Namespace: u.hostNamespace, Name: s.q.Application},
			Spec: v1alpha1.ApplicationSpec{
				ResourceServers: []string{hidden}, Offer: &v1alpha1.Offer{Tenants: []v1alpha1.TenantName{offered}},
				Versions: []v1alpha1.ApplicationVersion{{
					Version: v1alpha1.VersionName(s.hiddenVersion()), Access: &v1alpha1.Access{Level: hidden},
				}},
			},
		}
		if s.Grant != nil {
			app.UID = s.Grant.Spec.Application.UID
		}
		return app
	}
	if s.selects() {
		app = app.DeepCopy()
		app.Spec.Offer.Tenants = append(app.Spec.Offer.Tenants, offered)
	}
	return app
}

// hiddenVersion is the version that is asked for of an application that is not seen.
func (s *Sight) hiddenVersion() string {
	if s.q.Version == "" && s.Grant != nil && len(s.Grant.Spec.Versions) > 0 {
		return string(s.Grant.Spec.Versions[0])
	}
	return s.q.Version
}

// selects reports whether only the labels of a Tenant that may not be seen say whether the application is offered to it.
func (s *Sight) selects() bool {
	return !s.facts.SeesTenants() && s.Application.Spec.Offer != nil && s.Application.Spec.Offer.TenantSelector != nil &&
		!slices.Contains(s.Application.Spec.Offer.Tenants, v1alpha1.TenantName(s.q.Tenant))
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	return all
}
