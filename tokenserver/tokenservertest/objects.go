package tokenservertest

import (
	"bytes"
	"encoding/base64"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/credential"
)

// What the objects of a World are called.
const (
	Audience  = "https://api.example.com"
	Host      = "operator-co"
	Tenant    = "acme"
	GrantedTo = "grant-of-acme"
	App       = "kpi"
	Version   = "1.0.0"

	appUID = types.UID("b7a91b1c-52e7-4b6f-8a4c-2d1f0e3c5a77")
)

// Epoch is the time at which a World begins.
func Epoch() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// Objects are those that a World begins with: a host with an application, a tenant that granted it, and one that did not.
type Objects struct {
	Host, Tenant, Other *v1alpha1.Tenant
	Server              *v1alpha1.ResourceServer
	Level               *v1alpha1.AccessLevel
	App                 *v1alpha1.Application
	Grant               *v1alpha1.TenantGrant
	// More are further objects.
	More []runtime.Object
}

func newObjects() *Objects {
	host := NewTenant(Host)
	host.Spec.Hosting = &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{"limited"}}
	return &Objects{
		Host: host, Tenant: NewTenant(Tenant), Other: NewTenant("other"),
		Server: &v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: "iot"},
			Spec: v1alpha1.ResourceServerSpec{
				Audience: Audience, Scopes: []v1alpha1.Scope{"assets:read", "assets:write", "files:read", "timeseries:read"},
			},
		},
		Level: &v1alpha1.AccessLevel{
			ObjectMeta: metav1.ObjectMeta{Name: "limited"},
			Spec:       v1alpha1.AccessLevelSpec{Scopes: []v1alpha1.Scope{"assets:read", "assets:write", "timeseries:read"}},
		},
		App:   newApp(),
		Grant: NewGrant(Tenant),
	}
}

func (o *Objects) all() []runtime.Object {
	return append([]runtime.Object{o.Host, o.Tenant, o.Other, o.Server, o.Level, o.App, o.Grant}, o.More...)
}

// NewTenant returns a tenant that hosts nothing, with a namespace of its own.
func NewTenant(name string) *v1alpha1.Tenant {
	return &v1alpha1.Tenant{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.TenantSpec{Namespace: "tenant-" + name},
	}
}

// NewGrant returns a tenant's consent to the application.
func NewGrant(tenant string) *v1alpha1.TenantGrant {
	return &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Name: Host + "." + App, Namespace: "tenant-" + tenant, UID: types.UID("grant-of-" + tenant)},
		Spec: v1alpha1.TenantGrantSpec{
			Tenant:      v1alpha1.TenantName(tenant),
			Application: v1alpha1.ApplicationReference{HostTenant: Host, Name: App, UID: appUID},
			Scopes:      []v1alpha1.Scope{"assets:read", "assets:write"},
		},
	}
}

func newApp() *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: App, Namespace: "tenant-" + Host, UID: appUID},
		Spec: v1alpha1.ApplicationSpec{
			ResourceServers: []string{"iot"},
			Offer:           &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{}},
			Versions:        []v1alpha1.ApplicationVersion{{Version: Version, Access: &v1alpha1.Access{Level: "limited"}}},
		},
		Status: v1alpha1.ApplicationStatus{Versions: []v1alpha1.ApplicationVersionStatus{{
			Version: Version,
			Verifiers: []v1alpha1.Verifier{{
				ID: CredentialID, SHA256: NewSecret(1).Hash().String(), IssueTime: metav1.NewTime(Epoch()),
			}},
		}}},
	}
}

// CredentialID names the one credential.
const CredentialID = "7f3a000000000001"

// ClientID returns the client id of the application's one version.
func ClientID() string { return credential.ClientID(Host, App, Version, string(appUID)) }

// Secret returns the client secret that goes with it.
func Secret() string { return NewSecret(1).Reveal() }

// WrongSecret returns a secret of the right form that is nobody's.
func WrongSecret() string { return NewSecret(2).Reveal() }

// NewSecret returns one and the same secret for a seed.
func NewSecret(seed byte) credential.Secret {
	secret, err := credential.New(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		panic(err) // the reader has as many bytes as are read
	}
	return secret
}

// BasicAuth returns an Authorization header for client id and secret, neither of which needs form-encoding.
func BasicAuth(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
