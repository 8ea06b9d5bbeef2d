package access_test

import (
	"testing"

	"countersign.dev/access"
)

// indexed is a world with its facts made once, as a read model holds them: the benchmark measures the decision and not the
// making of facts.
type indexed struct {
	*world
	hosts, users []*access.Tenant
	level        *access.Level
	server       []*access.ResourceServer
	consent      *access.Grant
}

func (i *indexed) Tenant(string) *access.Tenant { return i.users[0] }
func (i *indexed) TenantsClaiming(namespace string) []*access.Tenant {
	if namespace == i.hosts[0].Namespace {
		return i.hosts
	}
	return i.users
}
func (i *indexed) Level(string) *access.Level                         { return i.level }
func (i *indexed) ResourceServer(string) *access.ResourceServer       { return i.server[0] }
func (i *indexed) ResourceServersFor(string) []*access.ResourceServer { return i.server }
func (i *indexed) Grant(string, string) *access.Grant                 { return i.consent }

func BenchmarkDecide(b *testing.B) {
	w := newWorld()
	facts := &indexed{
		world:   w,
		hosts:   []*access.Tenant{access.NewTenant(w.host)},
		users:   []*access.Tenant{access.NewTenant(w.user)},
		level:   access.NewLevel(w.limited),
		server:  []*access.ResourceServer{access.NewResourceServer(w.servers[0])},
		consent: access.NewGrant(w.grant),
	}
	question := w.question("acme")
	if d := access.Decide(facts, question); !d.Granted() {
		b.Fatal(d.Message())
	}
	b.ReportAllocs()
	for b.Loop() {
		access.Decide(facts, question)
	}
}
