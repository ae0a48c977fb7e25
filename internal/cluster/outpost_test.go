package cluster

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/config"
)

// outpost is a management cluster that answers what a command asks to find a cluster.
type outpost struct {
	server     *httptest.Server
	kubeconfig string
	uid        atomic.Value // string
	clusters   []*clusterv1.Cluster
}

func newOutpost(t *testing.T, uid string, clusters ...*clusterv1.Cluster) *outpost {
	t.Helper()
	o := &outpost{clusters: clusters, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	o.uid.Store(uid)
	o.server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.server.Close)
	c := clientcmdapi.NewConfig()
	for _, context := range []string{"mine", "unused"} {
		c.Clusters[context] = &clientcmdapi.Cluster{Server: map[string]string{"mine": o.server.URL, "unused": "http://127.0.0.1:1"}[context]}
		c.Contexts[context] = &clientcmdapi.Context{Cluster: context}
	}
	c.CurrentContext = "mine"
	require.NoError(t, clientcmd.WriteToFile(*c, o.kubeconfig))
	return o
}

func (o *outpost) serve(w http.ResponseWriter, r *http.Request) {
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	for _, needed := range neededResources() {
		if r.URL.Path == "/apis/"+needed.version.String() {
			answer(metav1.APIResourceList{APIResources: []metav1.APIResource{{Name: needed.plural}}})
			return
		}
	}
	const clusters = "/apis/cluster.x-k8s.io/v1beta2/"
	switch path := r.URL.Path; {
	case path == "/api/v1/namespaces/kube-system":
		answer(metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID(o.uid.Load().(string))},
		})
	case path == clusters+"clusters":
		list := clusterv1.ClusterList{TypeMeta: metav1.TypeMeta{APIVersion: "cluster.x-k8s.io/v1beta2", Kind: "ClusterList"}}
		for _, c := range o.clusters {
			list.Items = append(list.Items, *c)
		}
		answer(list)
	case strings.HasSuffix(path, "/olvmclusters"):
		answer(map[string]any{"apiVersion": "infrastructure.cluster.x-k8s.io/v1", "kind": "OLVMClusterList", "items": []any{}})
	case strings.HasSuffix(path, "/kubeadmcontrolplanes"):
		answer(map[string]any{"apiVersion": "controlplane.cluster.x-k8s.io/v1beta2", "kind": "KubeadmControlPlaneList", "items": []any{}})
	default:
		for _, c := range o.clusters {
			if path == clusters+"namespaces/"+c.Namespace+"/clusters/"+c.Name {
				answer(c)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound,
		})
	}
}

func (o *outpost) place() record.Management {
	return record.Management{
		Kind: record.Kubeconfig, Files: []string{o.kubeconfig}, Context: "mine", Server: o.server.URL, UID: o.uid.Load().(string),
	}
}

// user is somebody with a home directory, who names management clusters.
type user struct {
	t      *testing.T
	home   string
	env    string // KUBECONFIG
	flag   string
	told   bytes.Buffer
	report progress.Reporter
}

func newUser(t *testing.T) *user {
	u := &user{t: t, home: t.TempDir()}
	u.report = progress.NewPlain(&u.told, func() time.Time { return time.Time{} })
	return u
}

func (u *user) options() ManagementOptions {
	return ManagementOptions{
		HomeDir: u.home, Flag: u.flag, Getenv: func(name string) string { return map[string]string{"KUBECONFIG": u.env}[name] },
	}
}

func (u *user) config(name string) *config.Config {
	u.t.Helper()
	c, _, err := config.Load(config.Options{HomeDir: u.home, Flags: config.Flags{Name: &name}})
	require.NoError(u.t, err)
	return c
}

func (u *user) open(name string) (*Management, error) {
	u.t.Helper()
	u.told.Reset()
	m, found, err := Selection{Config: u.config(name), AnyNamespace: true, Management: u.options()}.open(u.t.Context(), u.report)
	if err == nil {
		require.Equal(u.t, name, found.Name)
	}
	return m, err
}

func (u *user) file() record.File { return record.Of(u.home) }

func (u *user) keep(name string, m record.Management) {
	u.t.Helper()
	require.NoError(u.t, u.file().Keep(u.t.Context(), record.Cluster{Namespace: "ocne", Name: name, Provider: "olvm", Management: m}))
}

func (u *user) kept(name string) *record.Cluster {
	u.t.Helper()
	named, err := u.file().Named("", name)
	require.NoError(u.t, err)
	if len(named) == 0 {
		return nil
	}
	return &named[0]
}

// refused expects an error that says what to do.
func refused(t *testing.T, err error, says ...string) {
	t.Helper()
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	for _, s := range says {
		require.Contains(t, err.Error()+"\n"+advised.Advice, s)
	}
}

func demo() *clusterv1.Cluster { return capiCluster("ocne", "demo", "OLVMCluster") }
