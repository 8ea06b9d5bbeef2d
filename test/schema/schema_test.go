package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"countersign.dev/api/v1alpha1"
)

// sample returns a valid object of each kind, in which cases change a line.
var sample = map[string]string{
	"Tenant": `
apiVersion: countersign.dev/v1alpha1
kind: Tenant
metadata: {name: operator-co, labels: {plan: gold}}
spec:
  displayName: Operator Co.
  namespace: operator-co
  hosting: {stage: Production, levels: [read-write, limited]}
  state: Active
`,
	"ResourceServer": `
apiVersion: countersign.dev/v1alpha1
kind: ResourceServer
metadata: {name: iot}
spec:
  audience: https://api.example.com
  scopes: [assets:read, assets:write]
  introspection:
    serviceAccounts: [{namespace: iot, name: gateway}, {namespace: iot-2, name: gateway}]
`,
	"AccessLevel": `
apiVersion: countersign.dev/v1alpha1
kind: AccessLevel
metadata: {name: limited}
spec:
  displayName: Limited
  description: What limited means.
  scopes: [assets:read, assets:write]
`,
	"Application": `
apiVersion: countersign.dev/v1alpha1
kind: Application
metadata: {name: kpi-dashboard, namespace: default}
spec:
  displayName: KPI Dashboard
  resourceServers: [iot]
  offer:
    tenants: [acme]
    tenantSelector: {matchLabels: {plan: gold}}
  versions:
  - version: 1.0.0
    access: {level: limited}
    state: Active
    serviceAccounts: [{name: kpi-dashboard}, {name: kpi.canary}]
    workloads: [{kind: Deployment, name: kpi-dashboard}]
  - version: 1.1.0
    access: {scopes: [assets:read, "timeseries:read"]}
    secretName: kpi-next.example.com
    serviceAccounts: [{name: kpi-dashboard-next}]
  - version: 2.0.0-rc.1
    secretName: kpi-rc
  - version: 2.1.0
    access: {level: read-write}
    verifiers:
    - {sha256: 0a11111111111111111111111111111111111111111111111111111111111111, expirationTime: 2027-06-30T00:00:00Z}
    - {sha256: 0b22222222222222222222222222222222222222222222222222222222222222, expirationTime: 2027-12-31T00:00:00Z}
  - version: 2.2.0
    verifiers:
    - {sha256: 0c33333333333333333333333333333333333333333333333333333333333333, expirationTime: 2028-12-31T00:00:00Z}
  credentialPolicy:
    overlap: 24h
    environment: {type: Custom, keys: {clientID: MY_ID, clientSecret: MY_SECRET}}
    bindingVersion: 1.1.0
    secretTemplate: {labels: {example.com/team: kpi, tier: ""}, annotations: {example.com/contact: "kpi@example.com"}}
  transferTo: {tenant: globex, application: kpi-of-globex}
  transferFrom: {tenant: initech, application: kpi-of-initech}
`,
	"TenantGrant": `
apiVersion: countersign.dev/v1alpha1
kind: TenantGrant
metadata: {name: operator-co.kpi-dashboard, namespace: default}
spec:
  tenant: acme
  application: {hostTenant: operator-co, name: kpi-dashboard, uid: b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77}
  scopes: [assets:read, "timeseries:read"]
  versions: ["1.0.0"]
  expirationTime: 2027-12-31T00:00:00Z
  state: Active
`,
}

func parse(text string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	Expect(yaml.UnmarshalStrict([]byte(text), &object.Object)).To(Succeed(), text)
	return object
}

// edited returns the sample of the kind with one text replaced, which must be there.
func edited(kind, from, to string) *unstructured.Unstructured {
	GinkgoHelper()
	text := sample[kind]
	Expect(strings.Count(text, from)).To(Equal(1), "the sample %s has %q once", kind, from)
	return parse(strings.Replace(text, from, to, 1))
}

var _ = Describe("The schema", func() {
	DescribeTable("takes the sample of", func(ctx SpecContext, kind string) {
		Expect(api.Create(ctx, parse(sample[kind]), client.DryRunAll)).To(Succeed())
	},
		Entry("a Tenant", "Tenant"),
		Entry("a ResourceServer", "ResourceServer"),
		Entry("an AccessLevel", "AccessLevel"),
		Entry("an Application", "Application"),
		Entry("a TenantGrant", "TenantGrant"),
	)

	DescribeTable("refuses", func(ctx SpecContext, kind, from, to, says string) {
		err := api.Create(ctx, edited(kind, from, to), client.DryRunAll)
		Expect(err).To(HaveOccurred())
		Expect(apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)).To(BeTrue(), "%T %v", err, err)
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("an unknown field of a Tenant", "Tenant", "displayName:", "displayname:", `unknown field "spec.displayname"`),
		Entry("an unknown field of a version", "Application", "state: Active", "stat: Active", `unknown field "spec.versions[0].stat"`),
		Entry("a Tenant without a namespace", "Tenant", "  namespace: operator-co\n", "", "spec.namespace: Required value"),
		Entry("a Tenant whose name is no DNS label", "Tenant", "name: operator-co,", "name: operator.co,", "metadata.name is the tenant id"),
		Entry("a Tenant with a name of 64 characters", "Tenant", "name: operator-co,", "name: "+strings.Repeat("a", 64)+",", "metadata.name is the tenant id"),
		Entry("a namespace that cannot be one", "Tenant", "namespace: operator-co", "namespace: Operator", "must be the name of a namespace"),
		Entry("a stage that does not exist", "Tenant", "Production", "Preview", `supported values: "Development", "Production"`),
		Entry("hosting without a stage", "Tenant", "stage: Production, ", "", "spec.hosting.stage: Required value"),
		Entry("hosting without levels", "Tenant", ", levels: [read-write, limited]", "", "spec.hosting.levels: Required value"),
		Entry("a state that does not exist", "Tenant", "state: Active", "state: Paused", `supported values: "Active", "Suspended"`),

		Entry("an audience that is no absolute URI", "ResourceServer", "https://api.example.com", "api.example.com", "must be an absolute URI without a fragment"),
		Entry("an audience with a fragment", "ResourceServer", "https://api.example.com", `"https://api.example.com#x"`, "must be an absolute URI without a fragment"),
		Entry("an audience with a space", "ResourceServer", "https://api.example.com", `"https://api.example.com/a b"`, "must be an absolute URI without a fragment"),
		Entry("a resource server without scopes", "ResourceServer", "  scopes: [assets:read, assets:write]\n", "", "spec.scopes: Required value"),
		Entry("a scope with a space", "ResourceServer", "assets:read", `"assets read"`, "a scope is visible ASCII without spaces"),
		Entry("a scope with a quote", "ResourceServer", "assets:read", `'assets"read'`, "a scope is visible ASCII without spaces"),
		Entry("a scope with a backslash", "ResourceServer", "assets:read", `'assets\read'`, "a scope is visible ASCII without spaces"),
		Entry("a scope of 65 characters", "ResourceServer", "assets:read", strings.Repeat("a", 65), "may not be more than 64"),
		Entry("a scope twice", "AccessLevel", "[assets:read, assets:write]", "[assets:read, assets:read]", "Duplicate value"),
		Entry("65 scopes", "AccessLevel", "[assets:read, assets:write]", "["+scopes(65)+"]", "must have at most 64 items"),

		Entry("an Application whose name has a dot", "Application", "name: kpi-dashboard,", "name: kpi.dashboard,", "metadata.name is the appName"),
		Entry("an Application without resource servers", "Application", "resourceServers: [iot]", "resourceServers: []", "should have at least 1 items"),
		Entry("a resource server twice", "Application", "[iot]", "[iot, iot]", "names the same ResourceServer twice"),
		Entry("an offer to nobody", "Application", "  offer:\n    tenants: [acme]\n    tenantSelector: {matchLabels: {plan: gold}}\n", "  offer: {}\n", "an offer needs tenants, tenantSelector or both"),
		Entry("a version twice", "Application", "version: 1.1.0", "version: 1.0.0", "Duplicate value"),
		Entry("a version of 64 characters", "Application", "version: 1.1.0", "version: "+strings.Repeat("1", 60)+".0.0", "may not be more than 63"),
		Entry("a version with capitals", "Application", "2.0.0-rc.1", "2.0.0-RC1", "a version is lowercase letters and digits"),
		Entry("a version with two dots in a row", "Application", "2.0.0-rc.1", "2..0", "a version is lowercase letters and digits"),
		Entry("level and scopes at once", "Application", "{level: limited}", "{level: limited, scopes: [assets:write]}", "give exactly one of them"),
		Entry("neither level nor scopes", "Application", "{level: limited}", "{}", "give exactly one of them"),
		Entry("an overlap that is no duration", "Application", "overlap: 24h", "overlap: 7d", "overlap is hours, minutes and seconds"),
		Entry("an overlap without end", "Application", "overlap: 24h", "overlap: 8761h", "at most 8760h"),
		Entry("a negative overlap", "Application", "overlap: 24h", "overlap: -1h", "overlap is hours, minutes and seconds"),
		Entry("an age of credentials that is no duration", "Application", "overlap: 24h", "rotateAfter: 1y", "rotateAfter is hours, minutes and seconds"),
		Entry("an age of credentials below a minute", "Application", "overlap: 24h", "overlap: 1s\n    rotateAfter: 59s", "at least 1m"),
		Entry("an overlap as long as the age", "Application", "overlap: 24h", "overlap: 24h\n    rotateAfter: 1440m", "overlap must be shorter than rotateAfter"),
		Entry("the overlap by default, longer than the age", "Application", "overlap: 24h", "rotateAfter: 100h", "overlap must be shorter than rotateAfter"),
		Entry("custom names without type Custom", "Application", "type: Custom", "type: Standard", "keys goes with type Custom"),
		Entry("type Custom without names", "Application", ", keys: {clientID: MY_ID, clientSecret: MY_SECRET}", "", "type Custom needs keys"),
		Entry("custom names without the secret's", "Application", ", clientSecret: MY_SECRET", "", "clientSecret: Required value"),
		Entry("a custom name twice", "Application", "MY_SECRET", "MY_ID", "two variables have the same name"),
		Entry("a custom name twice among the optional ones", "Application", "MY_SECRET", "MY_SECRET, issuer: X, tokenURL: X", "two variables have the same name"),
		Entry("a custom name that is no variable's", "Application", "MY_SECRET", "MY-SECRET", "letters, digits and underscores"),

		Entry("a verifier without an end", "Application", ", expirationTime: 2028-12-31T00:00:00Z", "", "expirationTime: Required value"),
		Entry("a verifier with an end that no program can read", "Application", "2028-12-31T", "2028-12-31t", "write a time as"),
		Entry("the name of a Secret that cannot be one", "Application", "kpi-next.example.com", "KPI_next", "write the metadata.name that the Secret is to have"),
		Entry("the name of a Secret that is too long", "Application", "kpi-next.example.com", strings.Repeat("a", 254), "may not be more than 253"),
		Entry("one Secret for two versions", "Application", "secretName: kpi-rc", "secretName: kpi-next.example.com", "two versions have the same secretName"),
		Entry("the Secret of a version that has the default name", "Application", "secretName: kpi-rc", "secretName: kpi-dashboard.1.0.0", "is the default name of another version's Secret"),
		Entry("the binding of a version that is not there", "Application", "bindingVersion: 1.1.0", "bindingVersion: 1.1.1", "names a version that spec.versions does not list"),
		Entry("a label of Countersign's own", "Application", "example.com/team", "countersign.dev/version", "labels that begin with countersign.dev/"),
		Entry("an annotation of Countersign's own", "Application", "example.com/contact", "countersign.dev/rotated", "annotations that begin with countersign.dev/"),
		Entry("a label that cannot be one", "Application", "example.com/team", "/team", "the name of a label is"),
		Entry("an annotation that cannot be one", "Application", "example.com/contact", "example.com/-contact", "the name of an annotation is"),
		Entry("a label of a value that cannot be one", "Application", "team: kpi", "team: a b", "the value of a label is"),
		Entry("a template without anything in it", "Application", `annotations: {example.com/contact: "kpi@example.com"}`, "annotations: {}", "should have at least 1 properties"),
		Entry("a verifier that ended before there were verifiers", "Application", "2028-12-31", "1028-12-31", "a day from the year 2000 on"),
		Entry("a verifier that is no hash", "Application", "0c3", "xx3", "kubectl countersign credentials new prints both"),
		Entry("a verifier in capitals", "Application", "0c3", "0C3", "64 lowercase hexadecimal digits"),
		Entry("no verifiers at all", "Application", "verifiers:\n    - {sha256: 0c33333333333333333333333333333333333333333333333333333333333333, expirationTime: 2028-12-31T00:00:00Z}", "verifiers: []", "should have at least 1 items"),
		Entry("two verifiers that tokens could not tell apart", "Application", "0b22222222222222", "0a11111111111111", "begin with the same 16 digits"),
		Entry("a verifier in two versions", "Application", "0c33333333333333333333333333333333333333333333333333333333333333", "0a11111111111111111111111111111111111111111111111111111111111111", "make a secret for each version"),

		Entry("a ServiceAccount in two versions", "Application", "kpi-dashboard-next", "kpi-dashboard", "list it in one of them, and give the pods of the other a ServiceAccount of their own"),
		Entry("a ServiceAccount twice in a version", "Application", "kpi.canary", "kpi-dashboard", "Duplicate value"),
		Entry("the ServiceAccount of all pods as a version's", "Application", "name: kpi.canary", "name: default", "create a ServiceAccount for these pods alone"),
		Entry("a name that is no ServiceAccount's", "Application", "kpi.canary", "KPI", "write metadata.name of a ServiceAccount"),
		Entry("a ServiceAccount of another namespace", "Application", "name: kpi.canary", "namespace: iot, name: kpi.canary", `unknown field "spec.versions[0].serviceAccounts[1].namespace"`),
		Entry("a ServiceAccount without a name", "Application", "{name: kpi.canary}", "{}", "name: Required value"),
		Entry("a list of no ServiceAccounts", "Application", "[{name: kpi-dashboard-next}]", "[]", "should have at least 1 items"),
		Entry("introspection for nobody", "ResourceServer", "serviceAccounts: [{namespace: iot, name: gateway}, {namespace: iot-2, name: gateway}]", "serviceAccounts: []", "should have at least 1 items"),
		Entry("introspection without a list", "ResourceServer", "  introspection:\n    serviceAccounts: [{namespace: iot, name: gateway}, {namespace: iot-2, name: gateway}]\n", "  introspection: {}\n", "serviceAccounts: Required value"),
		Entry("introspection for the ServiceAccount of all pods", "ResourceServer", "{namespace: iot, name: gateway}", "{namespace: iot, name: default}", "create a ServiceAccount for these pods alone"),
		Entry("introspection for one ServiceAccount twice", "ResourceServer", "iot-2", "iot", "Duplicate value"),
		Entry("introspection without a namespace", "ResourceServer", "namespace: iot-2, ", "", "namespace: Required value"),

		Entry("a TenantGrant of another name than its application's", "TenantGrant", "name: operator-co.kpi-dashboard", "name: kpi", "name this grant operator-co.kpi-dashboard"),
		Entry("a TenantGrant without a UID", "TenantGrant", ", uid: b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77", "", "uid: Required value"),
		Entry("a TenantGrant with something else for a UID", "TenantGrant", "b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "uid must be the metadata.uid of the Application"),
		Entry("a TenantGrant without scopes", "TenantGrant", `scopes: [assets:read, "timeseries:read"]`, "scopes: []", "should have at least 1 items"),
		Entry("a TenantGrant of a tenant that can be none", "TenantGrant", "tenant: acme", "tenant: Acme", "write metadata.name of a Tenant"),
		Entry("a TenantGrant that ended before there were grants", "TenantGrant", "2027-12-31", "1027-12-31", "a day from the year 2000 on"),
		Entry("a TenantGrant that covers no version", "TenantGrant", `versions: ["1.0.0"]`, "versions: []", "should have at least 1 items"),
	)

	// The format date-time admits texts that a Go program cannot read, and a single stored one would keep every program that
	// lists the kind from starting.
	DescribeTable("admits only such an expirationTime as its readers can read:", func(ctx SpecContext, text string, admitted bool) {
		grant := edited("TenantGrant", "2027-12-31T00:00:00Z", `"`+text+`"`)
		err := api.Create(ctx, grant, client.DryRunAll)
		if !admitted {
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(ContainSubstring("spec.expirationTime")))
			return
		}
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal([]byte(`"`+text+`"`), &metav1.Time{})).To(Succeed())
	},
		Entry("UTC", "2027-12-31T00:00:00Z", true),
		Entry("an offset", "2027-12-31T00:00:00+05:30", true),
		Entry("a fraction", "2027-12-31T00:00:00.123456Z", true),
		Entry("the 29th of February of a leap year", "2028-02-29T00:00:00Z", true),
		Entry("the last second of the year 9999", "9999-12-31T23:59:59Z", true),
		Entry("the same with an offset, which is in the year 10000 where a program writes it in UTC", "9999-12-31T23:59:59-01:00", false),
		Entry("a lowercase t", "2027-12-31t00:00:00Z", false),
		Entry("a lowercase z", "2027-12-31T00:00:00z", false),
		Entry("a leap second", "2027-12-31T23:59:60Z", false),
		Entry("the 24th hour", "2027-12-31T24:00:00Z", false),
		Entry("the 30th of February", "2027-02-30T00:00:00Z", false),
		Entry("the 29th of February of another year", "2027-02-29T00:00:00Z", false),
		Entry("an offset of 99 hours", "2027-12-31T00:00:00+99:00", false),
		Entry("a fraction behind a comma", "2027-12-31T00:00:00,5Z", false),
		Entry("no offset", "2027-12-31T00:00:00", false),
		Entry("a date alone", "2027-12-31", false),
		Entry("nothing", "", false),
	)

	It("takes 32 versions and refuses 33", func(ctx SpecContext) {
		application := func(versions int) *unstructured.Unstructured {
			object := edited("Application", "    bindingVersion: 1.1.0\n", "")
			list := make([]any, 0, versions)
			for i := 1; i <= versions; i++ {
				list = append(list, map[string]any{
					"version": strings.Repeat("1", i) + ".0", "secretName": fmt.Sprintf("%s.%d", strings.Repeat("a", 250), i),
				})
			}
			Expect(unstructured.SetNestedSlice(object.Object, list, "spec", "versions")).To(Succeed())
			return object
		}
		Expect(api.Create(ctx, application(32), client.DryRunAll)).To(Succeed())
		Expect(api.Create(ctx, application(33), client.DryRunAll)).To(MatchError(ContainSubstring("must have at most 32 items")))
	})

	It("takes 4 ServiceAccounts in each of 32 versions, with names as long as they can be, and refuses 5", func(ctx SpecContext) {
		application := func(accounts int) *unstructured.Unstructured {
			object := edited("Application", "    bindingVersion: 1.1.0\n", "")
			versions := make([]any, 0, 32)
			for version := range 32 {
				list := make([]any, 0, accounts)
				for account := range accounts {
					list = append(list, map[string]any{"name": fmt.Sprintf("%s.%d-%d", strings.Repeat("a", 246), version, account)})
				}
				versions = append(versions, map[string]any{"version": fmt.Sprintf("1.%d", version), "serviceAccounts": list})
			}
			Expect(unstructured.SetNestedSlice(object.Object, versions, "spec", "versions")).To(Succeed())
			return object
		}
		Expect(api.Create(ctx, application(4), client.DryRunAll)).To(Succeed())
		Expect(api.Create(ctx, application(5), client.DryRunAll)).To(MatchError(ContainSubstring("must have at most 4 items")))
	})

	It("takes 2 verifiers in each of 32 versions, and refuses 3", func(ctx SpecContext) {
		application := func(verifiers int) *unstructured.Unstructured {
			object := edited("Application", "    bindingVersion: 1.1.0\n", "")
			versions := make([]any, 0, 32)
			for version := range 32 {
				list := make([]any, 0, verifiers)
				for verifier := range verifiers {
					list = append(list, map[string]any{
						"sha256": fmt.Sprintf("%02x%02x%060x", version, verifier, 0), "expirationTime": "2027-12-31T00:00:00Z",
					})
				}
				versions = append(versions, map[string]any{"version": fmt.Sprintf("1.%d", version), "verifiers": list})
			}
			Expect(unstructured.SetNestedSlice(object.Object, versions, "spec", "versions")).To(Succeed())
			return object
		}
		Expect(api.Create(ctx, application(2), client.DryRunAll)).To(Succeed())
		Expect(api.Create(ctx, application(3), client.DryRunAll)).To(MatchError(ContainSubstring("must have at most 2 items")))
	})

	It("takes 16 ServiceAccounts that may introspect, and refuses 17", func(ctx SpecContext) {
		server := func(accounts int) *unstructured.Unstructured {
			object := parse(sample["ResourceServer"])
			list := make([]any, 0, accounts)
			for account := range accounts {
				list = append(list, map[string]any{"namespace": "iot", "name": fmt.Sprintf("gateway-%d", account)})
			}
			Expect(unstructured.SetNestedSlice(object.Object, list, "spec", "introspection", "serviceAccounts")).To(Succeed())
			return object
		}
		Expect(api.Create(ctx, server(16), client.DryRunAll)).To(Succeed())
		Expect(api.Create(ctx, server(17), client.DryRunAll)).To(MatchError(ContainSubstring("must have at most 16 items")))
	})

	It("keeps a tenant's namespace as it is", func(ctx SpecContext) {
		tenant := edited("Tenant", "name: operator-co,", "name: stays,")
		Expect(api.Create(ctx, tenant)).To(Succeed())
		DeferCleanup(api.Delete, tenant)
		Expect(unstructured.SetNestedField(tenant.Object, "elsewhere", "spec", "namespace")).To(Succeed())
		Expect(api.Update(ctx, tenant)).To(MatchError(ContainSubstring("create another Tenant for the other namespace")))
	})

	It("keeps a grant's tenant as it is", func(ctx SpecContext) {
		grant := parse(sample["TenantGrant"])
		Expect(api.Create(ctx, grant)).To(Succeed())
		DeferCleanup(api.Delete, grant)
		Expect(unstructured.SetNestedField(grant.Object, "globex", "spec", "tenant")).To(Succeed())
		Expect(api.Update(ctx, grant)).To(MatchError(ContainSubstring("tenant is immutable")))
	})

	It("fills in the defaults that the documentation names", func(ctx SpecContext) {
		object := parse(`
apiVersion: countersign.dev/v1alpha1
kind: Application
metadata: {name: defaults, namespace: default}
spec:
  resourceServers: [iot]
  versions: [{version: 1.0.0}]
`)
		Expect(api.Create(ctx, object)).To(Succeed())
		DeferCleanup(api.Delete, object)
		var application v1alpha1.Application
		Expect(api.Get(ctx, client.ObjectKeyFromObject(object), &application)).To(Succeed())
		Expect(application.Spec.Versions[0].State).To(Equal(v1alpha1.StateActive))
		Expect(application.Spec.CredentialPolicy.RotateAfter.Hours()).To(Equal(8760.0))
		Expect(application.Spec.CredentialPolicy.Overlap.Hours()).To(Equal(168.0))
		Expect(application.Spec.CredentialPolicy.Environment.Type).To(Equal(v1alpha1.EnvironmentStandard))
	})

	It("takes no status from whoever creates an object", func(ctx SpecContext) {
		application := &v1alpha1.Application{}
		application.Name, application.Namespace = "forged", "default"
		application.Spec.ResourceServers = []string{"iot"}
		application.Spec.Versions = []v1alpha1.ApplicationVersion{{Version: "1.0.0"}}
		application.Status.HostTenant = "somebody"
		Expect(api.Create(ctx, application)).To(Succeed())
		DeferCleanup(api.Delete, application)
		Expect(api.Get(ctx, client.ObjectKeyFromObject(application), application)).To(Succeed())
		Expect(application.Status.HostTenant).To(BeEmpty())
	})
})

// scopes returns so many different scopes, as the inside of a YAML list.
func scopes(count int) string {
	list := make([]string, count)
	for i := range list {
		list[i] = "s" + strings.Repeat("x", i%40) + strings.Repeat("y", i/40)
	}
	return strings.Join(list, ", ")
}
