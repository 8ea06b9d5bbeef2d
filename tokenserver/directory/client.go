package directory

import (
	"strings"

	"countersign.dev/access"
	"countersign.dev/internal/credential"
)

// Client is an application version that a client secret or a ServiceAccount authenticated, or that a token names.
type Client struct {
	// ID is the client_id (RFC 6749 section 2.2).
	ID string
	// Host is the name of the host tenant.
	Host string
	// Application is what was known of the application then. Decide looks it up again.
	Application *access.Application
	// Version names one of the application's versions.
	Version string
	// CredentialID names the verifier that matched, or, after "sa:", the ServiceAccount.
	CredentialID string
}

// Authenticate returns the client of that id when the secret is one of its credentials, valid at this moment. It asks
// nothing about what the client may do, whether it is suspended or not: that is the decision's.
//
// A text that has not the form of a Countersign secret is refused before anything is looked up or hashed. Otherwise it hashes
// once and compares with maxVerifiers hashes, whether the client exists or not: a refusal's time does not tell which.
func (d *Directory) Authenticate(clientID, secret string) (Client, bool) {
	parsed, err := credential.Parse(secret)
	if err != nil {
		return Client{}, false
	}
	hash := parsed.Hash()
	found := d.find(clientID)
	valid := d.standing(found.version)
	at := hash.Find(valid.hashes[:])
	// Beyond size are the empty places that make up the number, which nothing hashes to; and if it did, it would be no
	// credential.
	if at < 0 || at >= valid.size {
		return Client{}, false
	}
	return found.client(clientID, valid.ids[at]), true
}

// Client returns the client that a token of ours names, if it still exists and that credential still stands at this moment.
func (d *Directory) Client(clientID, credentialID string) (Client, bool) {
	found := d.find(clientID)
	if !d.stands(found, credentialID) {
		return Client{}, false
	}
	return found.client(clientID, credentialID), true
}

// identity is whom a client id stands for. The zero value is nobody.
type identity struct {
	host        *access.Tenant
	application *application
	version     *version
}

func (i identity) client(clientID, credentialID string) Client {
	return Client{
		ID:           clientID,
		Host:         i.host.Name,
		Application:  i.application.facts,
		Version:      i.version.name,
		CredentialID: credentialID,
	}
}

// find returns whom the client id stands for. Where it stands for two, which only a collision of 12 digits can bring about,
// it is nobody: neither may be taken for the other.
func (d *Directory) find(clientID string) identity {
	var found identity
	for _, key := range d.applications.bySuffix.get(credential.SuffixOf(clientID)) {
		candidate := d.identify(key)
		if candidate.version == nil || !candidate.has(clientID) {
			continue
		}
		if found.version != nil {
			return identity{}
		}
		found = candidate
	}
	return found
}

// identify looks up what the key names at this moment.
func (d *Directory) identify(key versionKey) identity {
	app := d.applications.byKey.get(key.application)
	if app == nil {
		return identity{}
	}
	host := access.HostOf(d, app.facts.Namespace)
	if host == nil {
		return identity{}
	}
	return identity{host: host, application: app, version: app.version(key.version)}
}

// has reports whether the client id is credential.ClientID of this host, application and version, byte for byte.
func (i identity) has(clientID string) bool {
	host, ok := strings.CutSuffix(clientID, i.version.tail)
	return ok && host == i.host.Name
}

// credentials is what of a version's verifiers is valid at a moment: the first size of both arrays, which are arrays so that
// having none costs as much as having some.
type credentials struct {
	hashes [maxVerifiers]credential.Hash
	ids    [maxVerifiers]string
	size   int
}

// standing returns the version's credentials that are valid at this moment. nil has none.
func (d *Directory) standing(of *version) credentials {
	var valid credentials
	now := d.deps.Clock.Now()
	if of == nil {
		return valid
	}
	for i := range of.verifiers {
		if verifier := &of.verifiers[i]; verifier.standing(now) {
			valid.hashes[valid.size], valid.ids[valid.size] = verifier.hash, verifier.id
			valid.size++
		}
	}
	return valid
}
