package workload

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/clustertest"
	"github.com/ocne-project/ocne/internal/config"
)

// apiServer answers with one node, and with nothing else that a client might ask for.
func apiServer(t *testing.T) (kubeconfig []byte) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"node-1"}}]}`)) // the client may have gone
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return clustertest.Kubeconfig(t, server.URL)
}

func TestTheKubeconfigIsWrittenPrivatelyAndAsAWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".kube", "kubeconfig.demo")
	w := New(path, nil)
	first := apiServer(t)
	written, err := w.Connect(first)
	require.NoError(t, err)
	require.True(t, written)
	written, err = w.Connect(first)
	require.NoError(t, err)
	require.False(t, written, "the same one again")
	second := apiServer(t)
	require.NoError(t, os.Chmod(path, 0o644))
	written, err = w.Connect(second)
	require.NoError(t, err)
	require.True(t, written)

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, second, content)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")
}

func TestNodesAreReadThroughTheKubeconfig(t *testing.T) {
	w := New("", nil)
	require.False(t, w.Connected())
	written, err := w.Connect(apiServer(t))
	require.NoError(t, err)
	require.False(t, written)
	require.True(t, w.Connected())
	nodes, err := w.Nodes(t.Context())
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	require.Equal(t, "node-1", nodes[0].Name)
}

func TestTheKindsOfAddonsAreKnownWithoutAskingTheAPIServer(t *testing.T) {
	list, err := Addons(&config.Config{
		PodSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/12"}, CNI: "flannel", KubeProxyMode: "iptables",
	}, "", "192.0.2.160:6443")
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, a := range list {
		for _, object := range a.Objects {
			kind := object.GroupVersionKind()
			_, err := mapper().RESTMapping(kind.GroupKind(), kind.Version)
			require.NoError(t, err, a.Name)
		}
	}
}
