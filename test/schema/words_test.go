package schema_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

var _ = Describe("The words of a refusal", func() {
	const (
		aTime     = "write a time as 2027-12-31T00:00:00Z"
		overlap   = "overlap is hours, minutes and seconds in this order, as '168h' or '1h30m', and at most 8760h"
		rotation  = "rotateAfter is hours, minutes and seconds in this order, as '8760h' or '720h30m', at least 1m"
		tooLong   = "overlap must be shorter than rotateAfter"
		overflows = "999999h9999999m9999999999s" // no program can count so many nanoseconds
	)
	DescribeTable("say each mistake once, and what to write instead:", func(ctx SpecContext, kind, from, to, says string) {
		err := api.Create(ctx, edited(kind, from, to), client.DryRunAll)
		Expect(said(err)).To(ConsistOf(ContainSubstring(says)))
	},
		Entry("a grant until a date", "TenantGrant", "2027-12-31T00:00:00Z", `"2027-01-01"`, aTime),
		Entry("a grant until never", "TenantGrant", "2027-12-31T00:00:00Z", "never", aTime),
		Entry("a grant until nothing", "TenantGrant", "2027-12-31T00:00:00Z", `""`, aTime),
		Entry("a grant until a time in lowercase", "TenantGrant", "2027-12-31T00:00:00Z", "2027-01-01t00:00:00z", aTime),
		Entry("a grant until a day that there is not", "TenantGrant", "2027-12-31T00:00:00Z", "2027-02-30T00:00:00Z", aTime),
		Entry("a grant until a year that there was not", "TenantGrant", "2027-12-31T00:00:00Z", "0000-01-01T00:00:00Z", aTime),
		Entry("a grant until the year 10000", "TenantGrant", "2027-12-31T00:00:00Z", "9999-12-31T23:59:59-14:00", aTime),
		Entry("a grant for an hour", "TenantGrant", "2027-12-31T00:00:00Z", "1h", aTime),
		Entry("a grant until a day with an hour and no zone", "TenantGrant", "2027-12-31T00:00:00Z", "2027-12-31 00:00:00", aTime),
		Entry("a verifier until a date", "Application", "2028-12-31T00:00:00Z", `"2027-01-01"`, aTime),
		Entry("a verifier until never", "Application", "2028-12-31T00:00:00Z", "never", aTime),
		Entry("a verifier until a time in lowercase", "Application", "2028-12-31T00:00:00Z", "2027-01-01t00:00:00z", aTime),

		Entry("an overlap beyond all counting", "Application", "overlap: 24h", "overlap: 99999999999999999999h", overlap),
		Entry("an overlap whose parts are beyond all counting together", "Application", "overlap: 24h", "overlap: "+overflows, overlap),
		Entry("an overlap of parts twice", "Application", "overlap: 24h", "overlap: 999999h999999h999999h999999h", overlap),
		Entry("an overlap in days", "Application", "overlap: 24h", "overlap: 10d", overlap),
		Entry("an overlap of nothing", "Application", "overlap: 24h", `overlap: ""`, overlap),
		Entry("an overlap longer than any can be", "Application", "overlap: 24h", "overlap: 87600h", overlap),
		Entry("an age beyond all counting", "Application", "overlap: 24h", "rotateAfter: 99999999999999999999h", rotation),
		Entry("an age whose parts are beyond all counting together", "Application", "overlap: 24h", "rotateAfter: "+overflows, rotation),
		Entry("an age in days", "Application", "overlap: 24h", "rotateAfter: 90d", rotation),
		Entry("an age of nothing", "Application", "overlap: 24h", `rotateAfter: ""`, rotation),
		Entry("an age below the least", "Application", "overlap: 24h", "rotateAfter: 59s", rotation),
		Entry("an age above the most", "Application", "overlap: 24h", "rotateAfter: 999999h", rotation),
		Entry("an overlap as long as the age, the one as right as the other", "Application", "overlap: 24h", "overlap: 24h\n    rotateAfter: 24h", tooLong),

		Entry("a host tenant that can be none", "TenantGrant", "hostTenant: operator-co", "hostTenant: Operator Co.", "write metadata.name of a Tenant"),
		Entry("an application that can be none", "TenantGrant", "name: kpi-dashboard,", "name: KPI Dashboard,", "write metadata.name of the Application"),
	)

	It("are never those of the schema's language, whatever stands in whichever field", func(ctx SpecContext) {
		for kind := range sample {
			for _, path := range fieldsBelow(below(schemaOf(kind), "spec"), []string{"spec"}) {
				for _, value := range silly {
					object := parse(sample[kind])
					object.Object = with(object.Object, path, value).(map[string]any)
					for _, message := range said(api.Create(ctx, object, client.DryRunAll)) {
						for _, word := range raw {
							Expect(message).NotTo(ContainSubstring(word), "%s %v: %v", kind, path, value)
						}
					}
				}
			}
		}
	})
})

var _ = Describe("What kubectl explain says", func() {
	It("is something of every field, and for those who use it", func() {
		for kind := range sample {
			schema := schemaOf(kind)
			for _, path := range fieldsBelow(schema, nil) {
				at := schema
				for _, name := range path {
					at = below(at, name)
				}
				// An element of a list and a value of a map can be said by the field.
				if last := path[max(0, len(path)-1):]; !slices.Contains(last, each) && !slices.Contains(last, anyKey) {
					Expect(at.Description).NotTo(BeEmpty(), "%s %v", kind, path)
				}
				for _, remark := range []string{"pattern", "the rule", "The rule", "date-time", "Go program", "---", "+kubebuilder", "nolint"} {
					Expect(at.Description).NotTo(ContainSubstring(remark), "%s %v", kind, path)
				}
			}
		}
	})
})

// silly is what people write into a field by mistake, or to see what happens.
var silly = []any{
	"", "99999999999999999999h", "2027-01-01t00:00:00z", "ä \n%", 5, []any{"x", "x"},
}

// raw are words of rules and patterns, which say nothing to whoever wrote an object.
var raw = []string{"evaluating rule", "conversion error", "parsing time", "should match", "date-time", "no such key", "failed rule", "[]interface"}

// said is what the API server says of an object, each mistake by itself.
func said(err error) []string {
	GinkgoHelper()
	if err == nil {
		return nil
	}
	status, is := err.(apierrors.APIStatus)
	Expect(is).To(BeTrue(), "%T %v", err, err)
	details := status.Status().Details
	if details == nil || len(details.Causes) == 0 {
		return []string{err.Error()}
	}
	messages := make([]string, len(details.Causes))
	for i, cause := range details.Causes {
		messages[i] = cause.Field + ": " + cause.Message
	}
	return messages
}

// each stands in a path for an element of a list, and anyKey for a value of a map.
const (
	each   = "[]"
	anyKey = "key"
)

// schemaOf returns the schema of a kind, without what all kinds have.
func schemaOf(kind string) *apiextensionsv1.JSONSchemaProps {
	GinkgoHelper()
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "bases", "*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		var crd apiextensionsv1.CustomResourceDefinition
		Expect(yaml.Unmarshal(text, &crd)).To(Succeed())
		if crd.Spec.Names.Kind == kind {
			schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
			delete(schema.Properties, "metadata")
			return schema
		}
	}
	Fail("there is no kind " + kind)
	return nil
}

// below returns the schema of what has that name in a path.
func below(schema *apiextensionsv1.JSONSchemaProps, name string) *apiextensionsv1.JSONSchemaProps {
	switch {
	case name == each:
		return schema.Items.Schema
	case name == anyKey && schema.AdditionalProperties != nil:
		return schema.AdditionalProperties.Schema
	}
	property := schema.Properties[name]
	return &property
}

// fieldsBelow returns the paths of all fields of a schema, with the path to it before each.
func fieldsBelow(schema *apiextensionsv1.JSONSchemaProps, path []string) [][]string {
	names := slices.Sorted(maps.Keys(schema.Properties))
	if schema.Items != nil {
		names = append(names, each)
	}
	if schema.AdditionalProperties != nil {
		names = append(names, anyKey)
	}
	paths := [][]string{path}
	for _, name := range names {
		paths = append(paths, fieldsBelow(below(schema, name), append(slices.Clone(path), name))...)
	}
	return paths
}

// with returns the value with another one at that path: in the last element of a list that has the next field, or the last.
func with(in any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if path[0] != each {
		fields, _ := in.(map[string]any)
		if fields == nil {
			fields = map[string]any{}
		}
		fields[path[0]] = with(fields[path[0]], path[1:], value)
		return fields
	}
	list, _ := in.([]any)
	if len(list) == 0 {
		list = []any{nil}
	}
	at := len(list) - 1
	for i, element := range list {
		if fields, is := element.(map[string]any); is && len(path) > 1 && fields[path[1]] != nil {
			at = i
		}
	}
	list[at] = with(list[at], path[1:], value)
	return list
}
