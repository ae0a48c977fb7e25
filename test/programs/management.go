package programs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
)

// StartControlPlane starts an API server without any controller of Cluster API and returns the kubeconfig of its administrator.
func StartControlPlane(t testing.TB) (kubeconfig string) {
	t.Helper()
	var ready struct{ Kubeconfig string }
	Start(t, &ready, nil, Path(t, "ocne-controlplane"), "--dir", t.TempDir(), "--fsync=false")
	return ready.Kubeconfig
}

// Management is a client of a management cluster.
func Management(t testing.TB, kubeconfig string) client.WithWatch {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	cfg.WarningHandler = rest.NoWarnings{}
	cfg.QPS = -1 // the tests are not to wait for themselves
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: capi.NewScheme()})
	require.NoError(t, err)
	return c
}
