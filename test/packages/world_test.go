package packages

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/hack/generate/packages"
	"github.com/ocne-project/ocne/test/programs"
)

// world is a management cluster with Cluster API and without the OLVM provider, an engine, and a release of the provider's packages.
type world struct {
	client.Client
	t          *testing.T
	kubeconfig string
	proxy      *apiProxy
	engine     *programs.Engine
	// components and chart are the release's files.
	components, chart string
	// network is the first three numbers of the nodes' addresses.
	network string
}

// newManagement is a world without Cluster API and without an engine.
func newManagement(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, kubeconfig: programs.StartControlPlane(t)}
	w.Client = programs.Management(t, w.kubeconfig)
	admin, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig)
	require.NoError(t, err)
	admin.WarningHandler = rest.NoWarnings{}
	w.proxy = startProxy(t, admin)
	w.components, w.chart, err = packages.Release(filepath.Join("..", ".."), packages.Version, t.TempDir())
	require.NoError(t, err)
	return w
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newManagement(t)
	w.engine = programs.StartEngine(t, "--guests", "instant")
	w.network = fmt.Sprintf("127.%d.%d", 64+rand.IntN(64), rand.IntN(256))
	programs.StartClusterAPI(t, w.kubeconfig)
	return w
}

// writeKubeconfig writes a kubeconfig of a ServiceAccount, through the proxy.
func (w *world) writeKubeconfig(path, namespace, account string) {
	w.t.Helper()
	programs.WriteKubeconfig(w.t, path, w.proxy.url, w.proxy.ca, w.token(namespace, account))
}

// token is one of a ServiceAccount.
func (w *world) token(namespace, account string) string {
	w.t.Helper()
	return programs.Token(w.t, w.Client, client.ObjectKey{Namespace: namespace, Name: account})
}

// create makes objects that may be there already.
func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		require.NoError(w.t, client.IgnoreAlreadyExists(w.Create(context.Background(), object)), object.GetName())
	}
}

// metricsReader returns the token of an account that the packages' role for it is bound to.
func (w *world) metricsReader() string {
	w.t.Helper()
	meta := metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "prometheus"}
	w.create(&corev1.ServiceAccount{ObjectMeta: meta}, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: meta.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "olvm-capi-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: meta.Namespace, Name: meta.Name}},
	})
	return w.token(meta.Namespace, meta.Name)
}
