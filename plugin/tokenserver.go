package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/plugin/remote"
)

// tokenLifetime is how long the token lives that a tenant asks the token server with: the shortest that Kubernetes makes.
const tokenLifetime = 10 * time.Minute

// tokenServer is how a command reaches the token server. Its flags are not --server and --certificate-authority: in kubectl
// and its plugins these are the API server's.
type tokenServer struct {
	url, authority, issuer, serviceAccount string
	// chosen says that the flag was given, and not the environment's default.
	flags *pflag.FlagSet
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
	flags.StringVar(&t.serviceAccount, "service-account", "default",
		"ServiceAccount of the tenant's namespace to ask the token server as.")
}

// chosen reports whether the flag was given on the command line.
func (t *tokenServer) chosen() bool { return t.flags.Changed("token-server") }

// offers asks the token server what is on offer to the tenant of the namespace.
func (t *tokenServer) offers(ctx context.Context, c client.Client, namespace string) (tenant string, offers []remote.Offer, err error) {
	server, err := remote.New(t.url, t.authority)
	if err != nil {
		return "", nil, err
	}
	seconds := int64(tokenLifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{cmp.Or(t.issuer, strings.TrimRight(t.url, "/"))}, ExpirationSeconds: &seconds,
	}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: t.serviceAccount}}
	if err := c.SubResource("token").Create(ctx, account, request); err != nil {
		return "", nil, fmt.Errorf("making a token of ServiceAccount %s/%s (needs create on serviceaccounts/token, which admin and edit "+
			"have; --service-account names another): %w", namespace, t.serviceAccount, err)
	}
	tenant, offers, err = server.Offers(ctx, request.Status.Token)
	var refusal *remote.Refusal
	if errors.As(err, &refusal) && refusal.Code == "invalid_client" && t.issuer == "" {
		err = fmt.Errorf("%w. The token was made for the audience %s: is that the server's issuer? If not, name it by --issuer", err, t.url)
	}
	return tenant, offers, err
}
