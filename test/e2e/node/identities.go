package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	fileTokens               = "tokens.csv"
	fileServiceAccountKey    = "service-accounts.key"
	fileAPIServerCertificate = "apiserver.crt"
	// kubeconfig follows a user's name in the name of the file.
	kubeconfig = ".kubeconfig"

	userAdmin             = "admin"
	userControllerManager = "controller-manager"
	userScheduler         = "scheduler"
	userProxy             = "proxy"
	userKubelet           = "kubelet"
)

// users are the names and groups that Kubernetes' own roles are for.
var users = map[string]string{
	userAdmin:             `admin,admin,system:masters`,
	userControllerManager: `system:kube-controller-manager,controller-manager`,
	userScheduler:         `system:kube-scheduler,scheduler`,
	userProxy:             `system:kube-proxy,proxy`,
	userKubelet:           `system:node:` + nodeName + `,kubelet,system:nodes`,
}

// writeIdentities writes what the API server authenticates users and ServiceAccounts by.
func (n *Node) writeIdentities() error {
	n.tokens = map[string]string{}
	var tokens strings.Builder
	for user, line := range users {
		n.tokens[user] = rand.Text()
		fmt.Fprintf(&tokens, "%s,%s\n", n.tokens[user], line)
	}
	if err := os.WriteFile(n.path(fileTokens), []byte(tokens.String()), 0o600); err != nil {
		return fmt.Errorf("writing tokens: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generating a key for ServiceAccount tokens: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key for ServiceAccount tokens: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(n.path(fileServiceAccountKey), block, 0o600); err != nil {
		return fmt.Errorf("writing the key for ServiceAccount tokens: %w", err)
	}
	return nil
}

// writeKubeconfigs writes one for each user, once the API server has made its certificate.
func (n *Node) writeKubeconfigs() error {
	certificate, err := os.ReadFile(n.path(fileAPIServerCertificate))
	if err != nil {
		return fmt.Errorf("reading the API server's certificate: %w", err)
	}
	n.Kubeconfig = n.path(userAdmin + kubeconfig)
	n.Admin = &rest.Config{
		Host: n.apiServerURL(), BearerToken: n.tokens[userAdmin], TLSClientConfig: rest.TLSClientConfig{CAData: certificate}, QPS: -1,
	}
	for user, token := range n.tokens {
		config := clientcmdapi.NewConfig()
		config.Clusters[nodeName] = &clientcmdapi.Cluster{Server: n.apiServerURL(), CertificateAuthorityData: certificate}
		config.AuthInfos[nodeName] = &clientcmdapi.AuthInfo{Token: token}
		config.Contexts[nodeName] = &clientcmdapi.Context{Cluster: nodeName, AuthInfo: nodeName}
		config.CurrentContext = nodeName
		if err := clientcmd.WriteToFile(*config, n.path(user+kubeconfig)); err != nil {
			return fmt.Errorf("writing a kubeconfig: %w", err)
		}
	}
	return nil
}
