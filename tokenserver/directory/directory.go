package directory

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
)

// unknownAge is the age of a view that was never complete: too old for every bound.
const unknownAge time.Duration = math.MaxInt64

// Deps is what a Directory needs.
type Deps struct {
	// Config reaches the API server, with list and watch on the five kinds in all namespaces. Only Run uses it.
	Config *rest.Config
	// Clock says when credentials and grants expire and how old the view is.
	Clock clock.Clock
	Log   *slog.Logger
}

// Directory is the view of the cluster. It answers at any time; before Synced it knows too little and refuses more.
type Directory struct {
	deps Deps

	tenants      *named[*v1alpha1.Tenant, access.Tenant]
	servers      *servers
	levels       *named[*v1alpha1.AccessLevel, access.Level]
	applications *applications
	grants       *grants

	feeds []*feed
}

// New returns an empty Directory, which Run fills.
func New(deps Deps) *Directory {
	d := &Directory{
		deps:         deps,
		tenants:      newTenants(),
		servers:      newServers(),
		levels:       newLevels(),
		applications: newApplications(),
		grants:       &grants{},
	}
	d.feeds = []*feed{
		newFeed[v1alpha1.Tenant](deps, "Tenant", "tenants", d.tenants),
		newFeed[v1alpha1.ResourceServer](deps, "ResourceServer", "resourceservers", d.servers),
		newFeed[v1alpha1.AccessLevel](deps, "AccessLevel", "accesslevels", d.levels),
		newFeed[v1alpha1.Application](deps, "Application", "applications", d.applications),
		newFeed[v1alpha1.TenantGrant](deps, "TenantGrant", "tenantgrants", d.grants),
	}
	return d
}

// Run watches the five kinds until the context is done, and returns nil then. An API server that does not answer is no error:
// it is tried again, and Age grows. It must be called once.
func (d *Directory) Run(ctx context.Context) error {
	config := rest.CopyConfig(d.deps.Config)
	// Ten watches and five lists in 15 s need no limit, and one of them must not wait for another.
	config.QPS = -1
	// One client, hence one HTTP/2 connection and one API server for a kind's watch and its probe: the cache of another
	// replica could be behind the list.
	cluster, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("configuring the API server's client: %w", err)
	}
	var running sync.WaitGroup
	for _, feed := range d.feeds {
		running.Go(func() { feed.run(ctx, cluster) })
	}
	running.Wait()
	return nil
}

// Synced reports whether a first complete view of all five kinds stands. Once true, it stays so.
func (d *Directory) Synced() bool {
	for _, feed := range d.feeds {
		if !feed.view.synced.Load() {
			return false
		}
	}
	return true
}

// Age returns how long ago the view is known to have been complete: the time since the latest moment by which all that had
// happened in the cluster is in the view, of the kind for which that is the longest. It is math.MaxInt64 before Synced.
//
// While the API server answers, it stays below half a minute: a proof in 15 s and what that takes. When it does not, it grows.
func (d *Directory) Age() time.Duration {
	oldest := time.Duration(0)
	for _, age := range d.Ages() {
		oldest = max(oldest, age)
	}
	return oldest
}

// Ages yields each kind and the Age of its own view.
func (d *Directory) Ages() iter.Seq2[string, time.Duration] {
	return func(yield func(string, time.Duration) bool) {
		now := d.deps.Clock.Now()
		for _, feed := range d.feeds {
			age := unknownAge
			if asOf, proven := feed.view.asOf(); proven {
				age = now.Sub(asOf)
			}
			if !yield(feed.kind, age) {
				return
			}
		}
	}
}
