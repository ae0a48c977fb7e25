package cluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/clustertest"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

func TestTheManagementClusterIsTheFirstThatIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		flag, env, config string
		from              string
	}{
		"the flag goes first":       {"/flag", "/env", "/config", "--kubeconfig /flag"},
		"then the environment":      {"", "/env", "/config", "KUBECONFIG=/env"},
		"then the configuration":    {"", "", "/config", "the configuration (kubeconfig: /config)"},
		"none is the embedded one":  {"", "", "", ""},
		"KUBECONFIG may be a list":  {"", "/a:/b", "", "KUBECONFIG=/a:/b"},
		"an empty one is not given": {"", "", "/config", "the configuration (kubeconfig: /config)"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ManagementOptions{Flag: test.flag, Config: test.config, Getenv: func(string) string { return test.env }}
			_, from := o.kubeconfigSource()
			require.Equal(t, test.from, from)
		})
	}
}

// apiServer answers discovery like a Kubernetes API without any custom resource, and lists no nodes.
func apiServer(t *testing.T) (kubeconfig []byte) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		})
	}
	answer("/api", `{"kind":"APIVersions","versions":["v1"]}`)
	answer("/api/v1", `{"kind":"APIResourceList","groupVersion":"v1","resources":[]}`)
	answer("/api/v1/nodes", `{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"node-1"}}]}`)
	answer("/apis", `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return clustertest.Kubeconfig(t, server.URL)
}

// The usual mistake: KUBECONFIG names the cluster that was made last.
func TestAClusterThatManagesNothingIsToldApart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, apiServer(t), 0o600))
	o := ManagementOptions{Getenv: func(name string) string { return map[string]string{"KUBECONFIG": file}[name] }}
	_, err := OpenManagement(t.Context(), o, progress.Quiet{})
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	require.ErrorContains(t, err, "is not a management cluster: it lacks the custom resource definitions "+
		"clusters.cluster.x-k8s.io (version v1beta2), kubeadmconfigs.bootstrap.cluster.x-k8s.io (version v1beta2), "+
		"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io (version v1beta2), olvmclusters.infrastructure.cluster.x-k8s.io (version v1)")
	require.Contains(t, advised.Advice, "clusterctl init")
	require.Contains(t, advised.Advice, "unset KUBECONFIG")
}

func TestAKubeconfigOfTheEnvironmentThatDoesNotExistIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing")
	o := ManagementOptions{Getenv: func(name string) string { return map[string]string{"KUBECONFIG": file}[name] }}
	_, err := OpenManagement(t.Context(), o, progress.Quiet{})
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	require.EqualError(t, err, "management cluster named by KUBECONFIG="+file+": no such file, or it names no cluster")
	require.Contains(t, advised.Advice, "unset KUBECONFIG")
}

func TestThereIsNothingToListOrDeleteWithoutAManagementCluster(t *testing.T) {
	o := ManagementOptions{HomeDir: t.TempDir(), Getenv: func(string) string { return "" }}
	listed, err := List(t.Context(), o, progress.Quiet{})
	require.NoError(t, err)
	require.Empty(t, listed)
	s := newSite(t)
	options := s.options(t, "demo")
	options.Management = o
	kubeconfig := filepath.Join(s.home, ".kube", "kubeconfig.demo")
	require.NoError(t, workload.WriteKubeconfig(kubeconfig, []byte("kubeconfig")))
	_, err = Delete(t.Context(), options, s.report)
	require.NoError(t, err)
	require.Contains(t, s.told.String(), "There is no management cluster")
	require.Contains(t, s.told.String(), kubeconfig+" stays")
	require.FileExists(t, kubeconfig)
	require.NoDirExists(t, filepath.Join(o.HomeDir, ".ocne"))
}
