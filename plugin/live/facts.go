package live

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// pageSize is how many objects are asked for at a time.
const pageSize = 500

// Facts are access.Facts from the API server. Each object is read once: a command is one look at the cluster.
type Facts struct {
	ctx    context.Context //nolint:containedctx // it lives for one command; access.Facts is pure and has no contexts
	reader client.Reader

	tenants      shelf[access.Tenant]
	levels       shelf[access.Level]
	servers      shelf[access.ResourceServer]
	applications drawer[v1alpha1.Application]
	grants       drawer[v1alpha1.TenantGrant]

	needs []Need
	err   error
	// unseen stands in for what may not be looked at; nil where nothing does.
	unseen *unseen
}

var _ access.Facts = (*Facts)(nil)

// shelf holds all facts of a cluster-scoped kind once it was read.
type shelf[F any] struct {
	read  bool
	facts []*F
}

// drawer holds the objects of a namespaced kind that were read; nil for those that are not there. It is full once all of the
// cluster's were.
type drawer[O any] struct {
	full    bool
	objects map[client.ObjectKey]*O
}

// New returns Facts that read with the reader's rights.
func New(ctx context.Context, reader client.Reader) *Facts {
	return &Facts{
		ctx: ctx, reader: reader,
		applications: drawer[v1alpha1.Application]{objects: map[client.ObjectKey]*v1alpha1.Application{}},
		grants:       drawer[v1alpha1.TenantGrant]{objects: map[client.ObjectKey]*v1alpha1.TenantGrant{}},
	}
}

// Err returns what failed, if anything did, for another cause than a lack of rights: then nothing that was answered counts.
func (f *Facts) Err() error { return f.err }

// Complete returns nil where everything that was asked for could be looked at; otherwise what failed, or a *Forbidden.
func (f *Facts) Complete() error {
	switch {
	case f.err != nil:
		return f.err
	case len(f.needs) > 0:
		return &Forbidden{Needs: f.needs}
	}
	return nil
}

// Tenant returns the Tenant of that name.
func (f *Facts) Tenant(name string) *access.Tenant {
	return first(f.allTenants(), func(t *access.Tenant) bool { return t.Name == name })
}

// TenantsClaiming returns the Tenants whose spec.namespace is that namespace.
func (f *Facts) TenantsClaiming(namespace string) []*access.Tenant {
	return where(f.allTenants(), func(t *access.Tenant) bool { return t.Namespace == namespace })
}

// Level returns the AccessLevel of that name.
func (f *Facts) Level(name string) *access.Level {
	if level := first(f.allLevels(), func(l *access.Level) bool { return l.Name == name }); level != nil {
		return level
	}
	return f.unseen.level(f, name)
}

// ResourceServer returns the ResourceServer of that name.
func (f *Facts) ResourceServer(name string) *access.ResourceServer {
	if server := first(f.allServers(), func(s *access.ResourceServer) bool { return s.Name == name }); server != nil {
		return server
	}
	return f.unseen.server(f, name)
}

// ResourceServersFor returns the ResourceServers with that audience.
func (f *Facts) ResourceServersFor(audience string) []*access.ResourceServer {
	found := where(f.allServers(), func(s *access.ResourceServer) bool { return s.Audience == audience })
	if len(found) == 0 {
		return f.unseen.serversFor(f, audience)
	}
	return found
}

// Application returns the Application of that namespace and name.
func (f *Facts) Application(namespace, name string) *access.Application {
	if app := f.ReadApplication(namespace, name); app != nil {
		return access.NewApplication(app)
	}
	return nil
}

// Grant returns the TenantGrant of that namespace and name.
func (f *Facts) Grant(namespace, name string) *access.Grant {
	if f.unseen.hides(namespace) {
		return f.unseen.grant(f)
	}
	if grant := f.ReadGrant(namespace, name); grant != nil {
		return access.NewGrant(grant)
	}
	if f.lacks(tenantGrants, namespace) {
		return f.unseen.grant(f)
	}
	return nil
}

// ReadApplication returns the object itself, or nil where there is none or none may be seen.
func (f *Facts) ReadApplication(namespace, name string) *v1alpha1.Application {
	return look(f, &f.applications, client.ObjectKey{Namespace: namespace, Name: name}, applications, &v1alpha1.Application{})
}

// ReadGrant returns the object itself, or nil where there is none or none may be seen.
func (f *Facts) ReadGrant(namespace, name string) *v1alpha1.TenantGrant {
	return look(f, &f.grants, client.ObjectKey{Namespace: namespace, Name: name}, tenantGrants, &v1alpha1.TenantGrant{})
}

// Applications returns all Applications of the namespace, of all namespaces where it is empty, and whether they may be seen.
func (f *Facts) Applications(namespace string) ([]*v1alpha1.Application, bool) {
	list := &v1alpha1.ApplicationList{}
	return lookAtAll(f, &f.applications, Need{"list", applications, namespace}, list)
}

// Grants returns all TenantGrants of the namespace, of all namespaces where it is empty, and whether they may be seen.
func (f *Facts) Grants(namespace string) ([]*v1alpha1.TenantGrant, bool) {
	return lookAtAll(f, &f.grants, Need{"list", tenantGrants, namespace}, &v1alpha1.TenantGrantList{})
}

// Tenants returns all Tenants, as far as they may be seen.
func (f *Facts) Tenants() []*access.Tenant { return f.allTenants() }

// SeesTenants reports whether Tenants may be looked at.
func (f *Facts) SeesTenants() bool {
	f.allTenants()
	return !f.lacks(tenants, "")
}

// LookAround looks at all kinds that are in no namespace, so that Complete names every right to them that is lacking.
func (f *Facts) LookAround() {
	f.allTenants()
	f.allLevels()
	f.allServers()
}

func (f *Facts) allTenants() []*access.Tenant {
	all := takeAll(f, &f.tenants, tenants, &v1alpha1.TenantList{}, access.NewTenant)
	if f.lacks(tenants, "") {
		return f.unseen.tenants()
	}
	return all
}

func (f *Facts) allLevels() []*access.Level {
	return takeAll(f, &f.levels, accessLevels, &v1alpha1.AccessLevelList{}, access.NewLevel)
}

func (f *Facts) allServers() []*access.ResourceServer {
	return takeAll(f, &f.servers, resourceServers, &v1alpha1.ResourceServerList{}, access.NewResourceServer)
}

// takeAll reads a cluster-scoped kind once.
func takeAll[O, F any](f *Facts, s *shelf[F], resource string, list client.ObjectList, fact func(*O) *F) []*F {
	if s.read {
		return s.facts
	}
	s.read = true
	f.list(Need{"list", resource, ""}, list, func(item any) {
		if object, ok := item.(*O); ok {
			if made := fact(object); made != nil {
				s.facts = append(s.facts, made)
			}
		}
	})
	return s.facts
}

// look reads one object once.
func look[O any](f *Facts, d *drawer[O], key client.ObjectKey, resource string, object client.Object) *O {
	if kept, read := d.objects[key]; read || d.full {
		return kept
	}
	err := f.reader.Get(f.ctx, key, object)
	found, _ := any(object).(*O)
	switch {
	case apierrors.IsNotFound(err):
		found = nil
	case err != nil:
		f.refused(err, Need{"get", resource, key.Namespace})
		found = nil
	}
	d.objects[key] = found
	return found
}

// lookAtAll reads all objects of a namespaced kind.
func lookAtAll[O any](f *Facts, d *drawer[O], need Need, list client.ObjectList) (found []*O, ok bool) {
	ok = f.list(need, list, func(item any) {
		object, _ := item.(*O)
		if accessor, is := item.(client.Object); is {
			d.objects[client.ObjectKeyFromObject(accessor)] = object
			found = append(found, object)
		}
	})
	d.full = d.full || ok && need.Namespace == ""
	return found, ok
}

// list reads page by page, each into a list of the kind of empty, and reports whether it came to the end.
func (f *Facts) list(need Need, empty client.ObjectList, take func(item any)) bool {
	for next := ""; ; {
		page, _ := empty.DeepCopyObject().(client.ObjectList)
		err := f.reader.List(f.ctx, page, &client.ListOptions{Namespace: need.Namespace, Limit: pageSize, Continue: next})
		if err == nil {
			err = meta.EachListItem(page, func(item runtime.Object) error { take(item); return nil })
		}
		if err != nil {
			f.refused(err, need)
			return false
		}
		if next = page.GetContinue(); next == "" {
			return true
		}
	}
}

// refused notes what a look failed by: the lack of a right, or what makes all answers worthless.
func (f *Facts) refused(err error, need Need) {
	switch {
	case !apierrors.IsForbidden(err):
		if f.err == nil {
			f.err = fmt.Errorf("reading %s: %w", need.Resource, err)
		}
	case !slices.Contains(f.needs, need):
		f.needs = append(f.needs, need)
	}
}

// lacks reports whether a look at the resource in that namespace was refused.
func (f *Facts) lacks(resource, namespace string) bool { return f.need(resource, namespace) != nil }

func (f *Facts) need(resource, namespace string) *Need {
	return first(pointers(f.needs), func(n *Need) bool { return n.Resource == resource && n.Namespace == namespace })
}

func pointers(needs []Need) []*Need {
	all := make([]*Need, len(needs))
	for i := range needs {
		all[i] = &needs[i]
	}
	return all
}

func first[F any](facts []*F, is func(*F) bool) *F {
	if i := slices.IndexFunc(facts, is); i >= 0 {
		return facts[i]
	}
	return nil
}

func where[F any](facts []*F, is func(*F) bool) []*F {
	return slices.DeleteFunc(slices.Clone(facts), func(fact *F) bool { return !is(fact) })
}
