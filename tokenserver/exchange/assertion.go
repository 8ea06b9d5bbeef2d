package exchange

import (
	"context"
	"errors"
	"log/slog"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/workload"
)

// Keys of the audit lines for who authenticated as a ServiceAccount. They are API, as the others are.
const (
	keyServiceAccountNamespace = "service_account_namespace"
	keyServiceAccount          = "service_account"
	keyServiceAccountUID       = "service_account_uid"
	keyPod                     = "pod"
	keyPodUID                  = "pod_uid"
	keyNode                    = "node"
	// keyServiceAccountTokenID is the jti by which the API server's audit log knows the ServiceAccount's token, too.
	keyServiceAccountTokenID = "service_account_jti"
)

// reasonClusterKeys is a server that cannot verify ServiceAccount tokens since it has not got the cluster's keys.
const reasonClusterKeys = "cluster_keys"

// detailNoTenant is a ServiceAccount that is proved to be who it is, in a namespace that speaks for no tenant.
const detailNoTenant = "the ServiceAccount's namespace speaks for no tenant"

// detailNotListed is a ServiceAccount that is proved to be who it is, and may not be who it wants to be.
const detailNotListed = "the ServiceAccount is not listed for that"

// AuthenticateAssertion takes steps 1 and 2 with a client id and the projected token of a ServiceAccount (RFC 7523 section
// 2.2): the pod proves who it is, and the application version of that client id lists its ServiceAccount.
func (e *Exchange) AuthenticateAssertion(ctx context.Context, clientID, assertion string) (Session, *oauth.Error) {
	if err := e.fresh(ctx, Standard); err != nil {
		return Session{}, err
	}
	// Whether there is such a client is looked at last, and costs the same either way: who is no ServiceAccount learns nothing
	// of clients, and who is one nothing of those that are not its own.
	account, err := e.prove(ctx, clientID, assertion, oauth.UnauthenticatedAssertion())
	if err != nil {
		return Session{}, err
	}
	client, ok := e.deps.Directory.AuthenticateServiceAccount(clientID, nameOf(account))
	if !ok {
		return Session{}, e.failedAuthentication(ctx, Standard, clientID, oauth.UnauthenticatedAssertion(),
			append(accountAttrs(account), slog.String(keyDetail, detailNotListed))...)
	}
	return e.admit(ctx, Session{client: client, face: Standard, account: account})
}

// prove returns whose ServiceAccount token the text is, or an error: the answer, where it is nobody's. Which of its parts was
// wrong stands in the log alone.
func (e *Exchange) prove(ctx context.Context, clientID, text string, answer *oauth.Error) (workload.Identity, *oauth.Error) {
	return e.proveBy(ctx, (*workload.Verifier).Verify, clientID, text, answer)
}

func (e *Exchange) proveBy(
	ctx context.Context, verify func(*workload.Verifier, string) (workload.Identity, error), clientID, text string, answer *oauth.Error,
) (workload.Identity, *oauth.Error) {
	var (
		account workload.Identity
		err     error = workload.NoKeys
	)
	if e.deps.Workloads != nil {
		account, err = verify(e.deps.Workloads, text)
	}
	switch {
	case err == nil:
		return account, nil
	case errors.Is(err, workload.NoKeys):
		e.audit(ctx, line{slog.LevelWarn, "Cannot verify", Standard, Unavailable, reasonClusterKeys},
			[]slog.Attr{slog.String(keyError, err.Error())})
		return workload.Identity{}, oauth.Unavailable(
			"the server cannot verify ServiceAccount tokens at the moment, it has not got the cluster's keys; try again", retryAfter)
	}
	return workload.Identity{}, e.failedAuthentication(ctx, Standard, clientID, answer, slog.String(keyDetail, err.Error()))
}

func nameOf(account workload.Identity) types.NamespacedName {
	return types.NamespacedName{Namespace: account.Namespace, Name: account.Name}
}

// accountAttrs is what every line says of a ServiceAccount that proved who it is. The zero value has nothing to say.
func accountAttrs(account workload.Identity) []slog.Attr {
	if account == (workload.Identity{}) {
		return nil
	}
	return []slog.Attr{
		slog.String(keyServiceAccountNamespace, account.Namespace),
		slog.String(keyServiceAccount, account.Name),
		slog.String(keyServiceAccountUID, account.UID),
		slog.String(keyPod, account.Pod.Name),
		slog.String(keyPodUID, account.Pod.UID),
		slog.String(keyNode, account.Node.Name),
		slog.String(keyServiceAccountTokenID, account.TokenID),
	}
}
