package directory

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// serviceAccountPrefix begins the credential id of a client that was authenticated by a ServiceAccount; its name follows. The
// namespace is the application's, and that it is that ServiceAccount still, and not a later one of its name, nobody here can
// know: the version trusts the name, and whoever may create ServiceAccounts and pods there is the application.
const serviceAccountPrefix = "sa:"

// AuthenticateServiceAccount returns the client of that id when its application is in the ServiceAccount's namespace and its
// version lists the ServiceAccount at this moment. That whoever asks is that ServiceAccount was proved before.
func (d *Directory) AuthenticateServiceAccount(clientID string, account types.NamespacedName) (Client, bool) {
	found := d.find(clientID)
	if !found.lists(account.Name) || found.application.facts.Namespace != account.Namespace {
		return Client{}, false
	}
	return found.client(clientID, serviceAccountPrefix+account.Name), true
}

// lists reports whether the identity is a version that lists the ServiceAccount.
func (i identity) lists(name string) bool {
	return i.version != nil && slices.Contains(i.version.serviceAccounts, name)
}

// stands reports whether the credential of that id is the identity's and valid at this moment.
func (d *Directory) stands(found identity, credentialID string) bool {
	if name, ok := strings.CutPrefix(credentialID, serviceAccountPrefix); ok {
		return found.lists(name)
	}
	valid := d.standing(found.version)
	return slices.Contains(valid.ids[:valid.size], credentialID)
}
