package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/plugin/remote"
)

// tokenLifetime is how long the token lives that a tenant asks the token server with: the shortest that Kubernetes makes.
const tokenLifetime = 10 * time.Minute

// The ServiceAccounts that a tenant asks the token server as: the one that the platform makes for it, which has no rights and
// whose tokens the ClusterRole countersign-tenant-administrator may make, and the one that every namespace has.
const (
	tenantAccount  = "countersign-tenant"
	defaultAccount = "default"
)

// tokenServer is how a command reaches the token server. Its flags are not --server and --certificate-authority: in kubectl
// and its plugins these are the API server's.
type tokenServer struct {
	url, authority, issuer, serviceAccount string
	flags                                  *pflag.FlagSet
}

func (t *tokenServer) addTo(flags *pflag.FlagSet, fallback string) {
	t.flags = flags
	flags.StringVar(&t.url, "token-server", fallback,
		"URL of the token server, as https://tokens.example.com. Default: the environment variable COUNTERSIGN_SERVER.")
	flags.StringVar(&t.authority, "token-server-ca", "",
		"File with the authorities (PEM) that the token server's certificate is checked against; the system's where left out.")
}

// addTenantTo adds the flags of those who ask as a tenant.
func (t *tokenServer) addTenantTo(flags *pflag.FlagSet, fallback string) {
	t.addTo(flags, fallback)
	flags.StringVar(&t.issuer, "issuer", "",
		"The token server's issuer, where it is not its URL, as through a port-forward. It is never asked of the server: a hostile "+
			"one could name the API server, and use the token there.")
	flags.StringVar(&t.serviceAccount, "service-account", "",
		"ServiceAccount of the tenant's namespace to ask the token server as. Where left out: "+tenantAccount+", and where there is "+
			"none, or none may be used, "+defaultAccount+".")
}

// chosen reports whether the flag was given on the command line.
func (t *tokenServer) chosen() bool { return t.flags.Changed("token-server") }

// offered asks the token server what is on offer to the tenant of the namespace: all, or one application alone.
func (t *tokenServer) offered(ctx context.Context, c client.Client, namespace string, only *reference) (*offered, error) {
	server, err := remote.New(t.url, t.authority)
	if err != nil {
		return nil, err
	}
	token, err := t.tenantToken(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	found := &offered{Offers: []remote.Offer{}, namespace: namespace}
	if only == nil {
		found.Tenant, found.Offers, err = server.Offers(ctx, token)
		return found, t.explain(err)
	}
	tenant, offer, err := server.Offer(ctx, token, only.host, only.application)
	if found.Tenant = tenant; offer != nil {
		found.Offers = append(found.Offers, *offer)
	}
	return found, t.explain(err)
}

// audience is whom a tenant's token is for: what the person names, and never what a server says.
func (t *tokenServer) audience() string { return cmp.Or(t.issuer, strings.TrimRight(t.url, "/")) }

// tenantToken makes a token of a ServiceAccount of the tenant's namespace for the token server.
func (t *tokenServer) tenantToken(ctx context.Context, c client.Client, namespace string) (string, error) {
	if t.serviceAccount != "" {
		token, err := t.tokenOf(ctx, c, namespace, t.serviceAccount)
		if err != nil {
			return "", fmt.Errorf("making a token of ServiceAccount %s/%s (needs create on serviceaccounts/token, which admin and edit "+
				"have, and countersign-tenant-administrator for %s): %w", namespace, t.serviceAccount, tenantAccount, err)
		}
		return token, nil
	}
	token, err := t.tokenOf(ctx, c, namespace, tenantAccount)
	if err == nil || !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return token, err
	}
	token, second := t.tokenOf(ctx, c, namespace, defaultAccount)
	if second != nil {
		return "", fmt.Errorf("making a token of a ServiceAccount in namespace %s, to ask the token server as the tenant: %s: %w; %s: %w. "+
			"Either a ServiceAccount %[2]s without rights, which the platform makes with the namespace, and the ClusterRole "+
			"countersign-tenant-administrator there; or create on serviceaccounts/token, which admin and edit have "+
			"(--service-account names another). Is the namespace that of your tenant (--namespace)?",
			namespace, tenantAccount, err, defaultAccount, second)
	}
	return token, nil
}

func (t *tokenServer) tokenOf(ctx context.Context, c client.Client, namespace, name string) (string, error) {
	seconds := int64(tokenLifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{t.audience()}, ExpirationSeconds: &seconds,
	}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	err := c.SubResource("token").Create(ctx, account, request)
	return request.Status.Token, err
}

// explain says what a token that was not accepted was for.
func (t *tokenServer) explain(err error) error {
	if refusal, is := errors.AsType[*remote.Refusal](err); is && refusal.Status == http.StatusUnauthorized {
		return fmt.Errorf("%w. The token was made for the audience %s: if that is not the server's issuer, name it by --issuer. "+
			"The namespace must be a tenant's", err, t.audience())
	}
	return err
}
