package model

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// credential is what stood in a Secret of a version.
type credential struct {
	namespace, application, version string
	uid                             types.UID
	id, secret                      string
}

func (c credential) String() string { return fmt.Sprintf("%s (%s)", c.id, c.uid) }

// credentials are those that stand in Secrets now.
func (h *history) credentials() map[credential]bool {
	h.Helper()
	list, found := &corev1.SecretList{}, map[credential]bool{}
	h.must(platform.List(h.ctx, list))
	for _, secret := range list.Items {
		if secret.Type != v1alpha1.SecretTypeCredentials || secret.DeletionTimestamp != nil {
			continue
		}
		found[credential{
			namespace: secret.Namespace, application: secret.Annotations[v1alpha1.AnnotationApplication],
			version: secret.Annotations[v1alpha1.AnnotationVersion],
			uid:     types.UID(secret.Annotations[v1alpha1.AnnotationApplicationUID]),
			id:      string(secret.Data["CLIENT_ID"]), secret: string(secret.Data["CLIENT_SECRET"]),
		}] = true
	}
	return found
}

// answer is what became of a request for tokens.
type answer struct {
	// authenticated says whether the credential was taken for one.
	authenticated bool
	// tokens are those that were issued, by tenant, and reasons say why there is none.
	tokens  map[string]claims
	reasons map[string]string
}

// claims are what the model has an opinion on.
type claims struct {
	Tenant      string `json:"tenant"`
	HostTenant  string `json:"host_tenant"`
	Application string `json:"app"`
	Version     string `json:"app_version"`
	Audience    string `json:"aud"`
	Scope       string `json:"scope"`
	Grant       string `json:"grant"`
	Expires     int64  `json:"exp"`
	scopes      []v1alpha1.Scope
}

// ask asks for a token for each tenant. An empty audience is the default, an empty scope all that can be had.
func (h *history) ask(with credential, tenants []string, audience, scope string) answer {
	h.Helper()
	asked, err := json.Marshal(struct {
		Tenants  []string `json:"tenants"`
		Audience string   `json:"audience,omitempty"`
		Scope    string   `json:"scope,omitempty"`
	}{tenants, audience, scope})
	h.must(err)
	request, err := http.NewRequestWithContext(h.ctx, http.MethodPost, running.Issuer+"/v1/tokens", bytes.NewReader(asked))
	h.must(err)
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(with.id, with.secret)
	response, err := http.DefaultClient.Do(request)
	h.must(err)
	defer response.Body.Close()
	body := struct {
		Tokens []struct {
			Tenant string `json:"tenant"`
			Token  string `json:"access_token"`
			Scope  string `json:"scope"`
			Reason string `json:"reason"`
			Error  string `json:"error_description"`
		} `json:"tokens"`
	}{}
	h.must(json.NewDecoder(response.Body).Decode(&body))
	got := answer{
		authenticated: response.StatusCode == http.StatusOK, tokens: map[string]claims{}, reasons: map[string]string{},
	}
	if !got.authenticated && response.StatusCode != http.StatusUnauthorized {
		h.fail(fmt.Sprintf("%s is answered with status %d", with, response.StatusCode))
	}
	for _, one := range body.Tokens {
		if one.Token == "" {
			got.reasons[one.Tenant] = one.Reason + ": " + one.Error
			continue
		}
		got.tokens[one.Tenant] = h.read(one.Token)
	}
	return got
}

// read returns the claims of a token. That it is signed as it should be is not the model's business.
func (h *history) read(token string) claims {
	h.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		h.fail("this is no token: " + token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	said := claims{}
	h.must(errors.Join(err, json.Unmarshal(payload, &said)))
	for scope := range strings.FieldsSeq(said.Scope) {
		said.scopes = append(said.scopes, v1alpha1.Scope(scope))
	}
	slices.Sort(said.scopes)
	return said
}

// look reads all objects there are.
func (h *history) look() world {
	h.Helper()
	tenants, servers, levels := &v1alpha1.TenantList{}, &v1alpha1.ResourceServerList{}, &v1alpha1.AccessLevelList{}
	applications, grants := &v1alpha1.ApplicationList{}, &v1alpha1.TenantGrantList{}
	for _, list := range []client.ObjectList{tenants, servers, levels, applications, grants} {
		h.must(platform.List(h.ctx, list))
	}
	return world{
		tenants: tenants.Items, servers: servers.Items, levels: levels.Items, applications: applications.Items, grants: grants.Items,
	}
}
