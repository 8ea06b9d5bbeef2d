package directory

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// servers is the table of ResourceServers, and those by the ServiceAccounts that may introspect for them.
type servers struct {
	*named[*v1alpha1.ResourceServer, access.ResourceServer]
	byIntrospector groups[*access.ResourceServer]
}

func newServers() *servers {
	return &servers{named: &named[*v1alpha1.ResourceServer, access.ResourceServer]{
		facts: access.NewResourceServer,
		claim: func(server *access.ResourceServer) string { return server.Audience },
	}}
}

func (s *servers) set(object *v1alpha1.ResourceServer) {
	old := s.byName.get(object.Name)
	s.named.set(object)
	s.index(old, s.byName.get(object.Name))
}

func (s *servers) remove(key types.NamespacedName) {
	old := s.byName.get(key.Name)
	s.named.remove(key)
	s.index(old, nil)
}

// index moves the introspectors' entries from the old facts to the new. Either may be nil, which has none.
func (s *servers) index(old, renewed *access.ResourceServer) {
	before, after := introspectorsOf(old), introspectorsOf(renewed)
	for _, account := range before {
		if !slices.Contains(after, account) {
			s.byIntrospector.remove(account.String(), old)
		}
	}
	for _, account := range after {
		s.byIntrospector.put(account.String(), old, renewed)
	}
}

func introspectorsOf(server *access.ResourceServer) []types.NamespacedName {
	if server == nil {
		return nil
	}
	return server.Introspectors
}

// IntrospectedBy returns the accepted ResourceServers for whose audiences the ServiceAccount may introspect tokens at this
// moment, in any order.
func (d *Directory) IntrospectedBy(account types.NamespacedName) []*access.ResourceServer {
	var accepted []*access.ResourceServer
	for _, listing := range d.servers.byIntrospector.get(account.String()) {
		// What the index says can be a moment older than what the ResourceServer says.
		server := access.AcceptedResourceServer(d, listing.Name)
		if slices.Contains(introspectorsOf(server), account) {
			accepted = append(accepted, server)
		}
	}
	return accepted
}
