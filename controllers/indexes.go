package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/controllers/credentials"
)

// Fields by which objects are looked up. The API server selects by these, too, so that a reconciler works with a client that
// has no cache.
const (
	fieldTenantNamespace = "spec.namespace"
	fieldAudience        = "spec.audience"
	fieldName            = "metadata.name"
)

// Fields that only the cache has: they find whom an event concerns.
const (
	fieldLevels          = "levels"
	fieldResourceServers = "resourceServers"
	fieldHostTenant      = "hostTenant"
)

// index is one field of one kind.
type index struct {
	object client.Object
	field  string
	values client.IndexerFunc
}

func indexes() []index {
	return []index{
		{&v1alpha1.Tenant{}, fieldTenantNamespace, of(func(t *v1alpha1.Tenant) []string {
			return []string{t.Spec.Namespace}
		})},
		{&v1alpha1.Tenant{}, fieldLevels, of(func(t *v1alpha1.Tenant) []string {
			if t.Spec.Hosting == nil {
				return nil
			}
			return t.Spec.Hosting.Levels
		})},
		{&v1alpha1.ResourceServer{}, fieldAudience, of(func(r *v1alpha1.ResourceServer) []string {
			return []string{r.Spec.Audience}
		})},
		{&v1alpha1.Application{}, fieldResourceServers, of(func(a *v1alpha1.Application) []string {
			return a.Spec.ResourceServers
		})},
		{&v1alpha1.Application{}, fieldLevels, of(levelsOf)},
		{&v1alpha1.TenantGrant{}, fieldName, of(func(g *v1alpha1.TenantGrant) []string {
			return []string{g.Name}
		})},
		{&v1alpha1.TenantGrant{}, fieldHostTenant, of(func(g *v1alpha1.TenantGrant) []string {
			return []string{string(g.Spec.Application.HostTenant)}
		})},
		{&corev1.Secret{}, credentials.FieldApplication, of(credentials.ByApplication)},
	}
}

// of makes an index of a function on one kind.
func of[T client.Object](values func(T) []string) client.IndexerFunc {
	return func(object client.Object) []string {
		typed, ok := object.(T)
		if !ok {
			return nil
		}
		return values(typed)
	}
}

// levelsOf returns the names of the levels that the application's versions have, each once.
func levelsOf(app *v1alpha1.Application) []string {
	var levels []string
	seen := map[string]bool{"": true}
	for i := range app.Spec.Versions {
		if access := app.Spec.Versions[i].Access; access != nil && !seen[access.Level] {
			seen[access.Level] = true
			levels = append(levels, access.Level)
		}
	}
	return levels
}

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, i := range indexes() {
		if err := indexer.IndexField(ctx, i.object, i.field, i.values); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", i.object, i.field, err)
		}
	}
	return nil
}
