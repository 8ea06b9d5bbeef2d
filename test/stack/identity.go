package stack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Files and directories of a stack.
const (
	fileTokens                       = "tokens.csv"
	fileServiceAccountKey            = "service-accounts.key"
	fileAPIServerCertificate         = "apiserver.crt"
	fileControllerManagerCertificate = "kube-controller-manager.crt"
	fileAdminKubeconfig              = "admin.kubeconfig"
	fileControllerManagerKubeconfig  = "controller-manager.kubeconfig"
	fileOperatorKubeconfig           = "operator.kubeconfig"
	fileTokenServerKubeconfig        = "tokenserver.kubeconfig"
	dirSigningKeys                   = "signing-keys"
)

// tokenLifetime is that of the two programs' ServiceAccount tokens. Where a kubelet renews them they live an hour; here they
// outlive the stack.
const tokenLifetime = 365 * 24 * time.Hour

// serviceAccount returns the name of the ServiceAccount, in Namespace, as which a program of config/ runs.
func serviceAccount(program string) string { return "countersign-" + program }

// prepareIdentities writes what the API server authenticates people, the controller manager and ServiceAccounts by.
func (s *Stack) prepareIdentities() error {
	s.adminToken, s.controllerManagerToken = rand.Text(), rand.Text()
	tokens := fmt.Sprintf("%s,admin,admin,system:masters\n%s,system:kube-controller-manager,controller-manager\n",
		s.adminToken, s.controllerManagerToken)
	if err := os.WriteFile(s.path(fileTokens), []byte(tokens), 0o600); err != nil {
		return fmt.Errorf("writing the administrator's token: %w", err)
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
	if err := os.WriteFile(s.path(fileServiceAccountKey), block, 0o600); err != nil {
		return fmt.Errorf("writing the key for ServiceAccount tokens: %w", err)
	}
	return nil
}

// writeKubeconfigs writes those of the administrator and of the controller manager, once the API server has its certificate.
func (s *Stack) writeKubeconfigs() error {
	certificate, err := os.ReadFile(s.path(fileAPIServerCertificate))
	if err != nil {
		return fmt.Errorf("reading the API server's certificate: %w", err)
	}
	s.Admin = &rest.Config{
		Host:            s.apiServerURL(),
		BearerToken:     s.adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: certificate},
		QPS:             -1, // the API server's own fairness is limit enough
	}
	if err := s.writeKubeconfig(s.Kubeconfig, s.adminToken); err != nil {
		return err
	}
	return s.writeKubeconfig(s.path(fileControllerManagerKubeconfig), s.controllerManagerToken)
}

// writeServiceAccountKubeconfig writes a kubeconfig for a program that is the ServiceAccount and nothing more.
func (s *Stack) writeServiceAccountKubeconfig(ctx context.Context, program, path string) error {
	clients, err := kubernetes.NewForConfig(s.Admin)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	seconds := int64(tokenLifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := clients.CoreV1().ServiceAccounts(Namespace).
		CreateToken(ctx, serviceAccount(program), request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("requesting a token for the ServiceAccount of the %s: %w", program, err)
	}
	return s.writeKubeconfig(path, answer.Status.Token)
}

func (s *Stack) writeKubeconfig(path, token string) error {
	const name = "countersign"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   s.Admin.Host,
		CertificateAuthorityData: s.Admin.CAData,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}
