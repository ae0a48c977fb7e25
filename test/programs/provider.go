package programs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// StartProvider starts a management cluster in which the OLVM provider runs as its users install it: beside Cluster API, as a program of its
// own that has the rights of the shipped roles and no other. It returns the kubeconfig of the administrator.
func StartProvider(t testing.TB) (kubeconfig string) {
	t.Helper()
	kubeconfig = StartControlPlane(t)
	StartClusterAPI(t, kubeconfig)
	admin, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	account := applyComponents(t, Management(t, kubeconfig))
	path := filepath.Join(t.TempDir(), "kubeconfig")
	WriteKubeconfig(t, path, admin.Host, admin.CAData, Token(t, Management(t, kubeconfig), account))
	var ready struct{ HealthURL string }
	Start(t, &ready, nil, Path(t, "ocne-manager"), "--kubeconfig", path, "--leader-elect", "--leader-elect-namespace", account.Namespace)
	return kubeconfig
}

// StartClusterAPI starts the controllers of Cluster API alone in a management cluster.
func StartClusterAPI(t testing.TB, kubeconfig string) {
	t.Helper()
	var ready struct{ WebhookURL string }
	Start(t, &ready, nil, Path(t, "ocne-manager"), "--kubeconfig", kubeconfig,
		"--providers", "core,bootstrap,control-plane", "--install", "--feature-gates", "ReconcilerRateLimiting=false")
	require.NotEmpty(t, ready.WebhookURL)
}

// applyComponents creates what the package for clusterctl holds, waits until its kinds are served, and returns the provider's account.
func applyComponents(t testing.TB, c client.Client) (account client.ObjectKey) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "config", "clusterctl", "infrastructure-components.yaml"))
	require.NoError(t, err)
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 1<<16)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		require.NoError(t, c.Create(context.Background(), object), object.GetName())
		if object.GetKind() == "ServiceAccount" {
			account = client.ObjectKeyFromObject(object)
		}
	}
	require.NotEmpty(t, account.Name)
	kinds := &apiextensionsv1.CustomResourceDefinitionList{}
	Eventually(t, "the provider's kinds are served", func() (bool, string) {
		require.NoError(t, c.List(context.Background(), kinds, client.MatchingLabels{"cluster.x-k8s.io/provider": "infrastructure-olvm"}))
		for i := range kinds.Items {
			if !established(&kinds.Items[i]) {
				return false, kinds.Items[i].Name
			}
		}
		return len(kinds.Items) > 0, ""
	})
	return account
}

func established(kind *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range kind.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

// Token is one of a ServiceAccount, as a pod gets it.
func Token(t testing.TB, c client.Client, account client.ObjectKey) string {
	t.Helper()
	of := &corev1.ServiceAccount{}
	of.Namespace, of.Name = account.Namespace, account.Name
	request := &authenticationv1.TokenRequest{}
	require.NoError(t, c.SubResource("token").Create(context.Background(), of, request))
	return request.Status.Token
}

// WriteKubeconfig writes a kubeconfig of whoever has the token. Other users may read it: some tests run a program as another one.
func WriteKubeconfig(t testing.TB, path, server string, ca []byte, token string) {
	t.Helper()
	const name = "account"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	require.NoError(t, clientcmd.WriteToFile(*config, path))
	require.NoError(t, os.Chmod(path, 0o644)) //nolint:gosec // its token is of a cluster that ends with the test
}
