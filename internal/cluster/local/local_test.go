package local

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ocne-project/ocne/internal/cluster/clustertest"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
)

func noEnvironment(string) string { return "" }

// target is a cluster on OLVM that says much of itself, and little of the management cluster that is made for it.
func target(t *testing.T) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "demo.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
name: demo
provider: olvm
virtualIp: 192.0.2.160
kubernetesVersion: 1.32.13
podSubnet: 10.1.0.0/16
serviceSubnet: 10.2.0.0/16
kubeApiServerBindPort: 7443
cni: none
workerNodes: 3
extraIgnitionInline: '{"ignition": {"version": "3.4.0"}, "storage": {"files": [{"path": "/etc/mine"}]}}'
ephemeralCluster: {name: small, node: {cpu: 3}}
providers: {libvirt: {uri: "qemu:///system", network: lab}}
`), 0o600))
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: t.TempDir()})
	require.NoError(t, err)
	return c
}

func TestE1E2NothingOfTheTargetAppliesToItsManagementCluster(t *testing.T) {
	c := target(t)
	p, err := Ephemeral(c, noEnvironment)
	require.NoError(t, err)
	require.Equal(t, "small", p.Cluster)
	require.Equal(t, libvirt.Shape{CPUs: 3, Memory: 4 << 30, Storage: 30 << 30}, p.ControlPlane)
	require.Equal(t, []int{1, 0}, []int{p.ControlPlaneNodes, p.WorkerNodes})
	require.Equal(t, "lab", p.Network.Name, "no virtual IP: its API is at an address of the libvirt network")
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.160/32")}, p.Network.Avoid, "a network of its own would not hide the target")
	require.True(t, p.Private, "another user of the host has one of the same name")
	require.Equal(t, 6443, p.APIPort)
	require.Equal(t, "10.244.0.0/16", p.PodSubnets[0].String())
	require.Equal(t, "10.96.0.0/12", p.ServiceSubnets[0].String())
	require.Contains(t, p.Kubeconfig, "kubeconfig.small")
	addons, err := p.Addons("192.0.2.1:6443")
	require.NoError(t, err)
	require.Len(t, addons, 3, "it has a pod network, whatever the target has")

	boot, _, err := v3_4.Parse(p.Kubernetes.User)
	require.NoError(t, err)
	require.Len(t, boot.Storage.Files, 1, "the image of the controllers, and nothing of extraIgnition")
	require.NotEqual(t, "/etc/mine", boot.Storage.Files[0].Path)
}

func TestE3TheVersionAndTheImageOfTheManagementClusterBelongTogether(t *testing.T) {
	p, err := Ephemeral(target(t), noEnvironment)
	require.NoError(t, err)
	require.Equal(t, "v1.32.13", p.Kubernetes.Version)
	require.Equal(t, "docker://container-registry.oracle.com/olcne/ock:1.32", p.Source.Reference)
}

func TestTheConfiguredCluster(t *testing.T) {
	file := filepath.Join(t.TempDir(), "try.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
name: try
provider: libvirt
workerNodes: 2
kubeApiServerBindPort: 7443
extraIgnitionInline: '{"ignition": {"version": "3.4.0"}, "storage": {"files": [{"path": "/etc/mine"}]}}'
`), 0o600))
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: t.TempDir()})
	require.NoError(t, err)
	p, err := Configured(c, noEnvironment)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, []int{p.ControlPlaneNodes, p.WorkerNodes})
	require.Equal(t, 7443, p.APIPort)
	require.True(t, json.Valid(p.Kubernetes.User))
	require.False(t, p.Private)
	require.Contains(t, string(p.Kubernetes.User), "/etc/mine")
}

func TestWithoutADaemonNothingIsPulledOrWritten(t *testing.T) {
	p, err := Ephemeral(target(t), noEnvironment)
	require.NoError(t, err)
	p.URI = "qemu:///system?socket=" + filepath.Join(t.TempDir(), "none")
	home := t.TempDir()
	_, err = Start(t.Context(), p, home, progress.Quiet{})
	require.ErrorIs(t, err, libvirt.ErrNoDaemon)
	left, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, left)
}

// E0: the existing ocne removed a management cluster that had clusters.
func TestE0AClusterThatIsUsedOrManagesSomethingIsNotRemoved(t *testing.T) {
	home := t.TempDir()
	away := libvirt.Connection{URI: "qemu:///system?socket=" + filepath.Join(home, "none")}
	remove := func(idle func(context.Context) (bool, error)) (bool, error) {
		return DeleteUnused(t.Context(), away, "small", filepath.Join(home, "kubeconfig"), home, idle, progress.Quiet{})
	}
	never := func(context.Context) (bool, error) {
		require.Fail(t, "asked although somebody uses it")
		return true, nil
	}
	one, err := Use(t.Context(), home, "small", progress.Quiet{})
	require.NoError(t, err)
	other, err := Use(t.Context(), home, "small", progress.Quiet{})
	require.NoError(t, err)
	require.NoError(t, one.Close())
	removed, err := remove(never)
	require.NoError(t, err)
	require.False(t, removed)
	require.NoError(t, other.Close())

	removed, err = remove(func(context.Context) (bool, error) { return false, nil })
	require.NoError(t, err)
	require.False(t, removed, "it manages something")

	unknown := errors.New("no answer")
	_, err = remove(func(context.Context) (bool, error) { return false, unknown })
	require.ErrorIs(t, err, unknown)

	_, err = remove(func(context.Context) (bool, error) { return true, nil })
	require.ErrorIs(t, err, libvirt.ErrNoDaemon, "now it is to be removed")
}

// E0, once more: whoever deletes it by its name on the host is told what it holds.
func TestE0AManagementClusterIsNotDeletedAsACluster(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, record.Of(home).Keep(t.Context(), record.Cluster{Namespace: "ocne", Name: "prod", Management: record.Management{
		Kind: record.Libvirt, Files: []string{"/k"}, Host: "qemu:///system", Cluster: "small",
	}}))
	for host, want := range map[string][]string{"qemu:///system": {"prod (namespace ocne)"}, "qemu:///session": nil} {
		names, err := managed(home, host, "small")
		require.NoError(t, err)
		require.Equal(t, want, names)
	}
	err := &ManagesError{"small", []string{"prod (namespace ocne)"}}
	require.EqualError(t, err, "cluster small is the management cluster of prod (namespace ocne)")
}

// A command that was killed, or virsh, may have removed the VM of a management cluster and left its kubeconfig.
func TestTheKubeconfigOfAFormerManagementClusterIsNotInTheWay(t *testing.T) {
	other := record.Management{Kind: record.Kubeconfig, Files: []string{"/other"}}
	for name, test := range map[string]struct {
		remembered func(kubeconfig string) record.Cluster
		shared     bool
		refused    bool
	}{
		"nothing is remembered": {},
		"nothing that is remembered needs it": {remembered: func(string) record.Cluster {
			return record.Cluster{Name: "prod", Management: other}
		}},
		"a management cluster is behind it": {refused: true, remembered: func(kubeconfig string) record.Cluster {
			return record.Cluster{Name: "prod", Management: record.Management{
				Kind: record.Libvirt, Files: []string{kubeconfig}, Host: "qemu:///system", Cluster: "small",
			}}
		}},
		"a cluster is on its way there": {refused: true, remembered: func(kubeconfig string) record.Cluster {
			return record.Cluster{Name: "prod", Management: other, MovingTo: &record.Management{Kind: record.Self, Files: []string{kubeconfig}}}
		}},
		"it is that of a cluster of the same name": {refused: true, remembered: func(string) record.Cluster {
			return record.Cluster{Name: "small", Management: other}
		}},
		"the cluster is no management cluster": {shared: true, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			p := Plan{Kubeconfig: filepath.Join(home, ".kube", "kubeconfig.small")}
			p.Cluster, p.Private = "small", !test.shared
			require.NoError(t, p.refuseTaken(home), "there is none")
			require.NoError(t, workload.WriteKubeconfig(p.Kubeconfig, []byte("kubeconfig")))
			if test.remembered != nil {
				c := test.remembered(p.Kubeconfig)
				c.Namespace = "ocne"
				require.NoError(t, record.Of(home).Keep(t.Context(), c))
			}
			err := p.refuseTaken(home)
			require.Equal(t, test.refused, err != nil, "%v", err)
			if test.refused {
				var taken *TakenError
				require.ErrorAs(t, err, &taken)
			}
		})
	}
}

func TestNodesThatAreNotReadyAreNamedWithTheirOwnWords(t *testing.T) {
	node := corev1.Node{}
	node.Name = "try-control-plane-1"
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Message: "no network plugin"}}
	items := nodeItems([]corev1.Node{node}, nil)
	require.False(t, allDone(items))
	err := &NotReadyError{Cluster: "try", Kubeconfig: "/k", Waiting: items}
	require.ErrorContains(t, err, "node try-control-plane-1: not Ready - no network plugin")
	require.Contains(t, err.Advice(), "kubectl --kubeconfig /k get pods -A")
}

func TestAStartWithoutMoreTimeSaysWhatItWaitedFor(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"try-control-plane-1"}}]}`))
	}))
	t.Cleanup(server.Close)
	content := clustertest.Kubeconfig(t, server.URL)

	for cause, want := range map[error]string{
		errors.New("not finished within 5m"): "cluster try is not ready: not finished within 5m; still waiting for\n  node try-control-plane-1: not Ready",
		context.Canceled:                     "context canceled",
	} {
		p := Plan{Kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
		p.Cluster, p.Patience = "try", time.Hour
		w := workload.New(p.Kubeconfig, nil)
		_, err := w.Connect(content)
		require.NoError(t, err)
		ctx, end := context.WithCancelCause(t.Context())
		_, err = p.awaitReady(ctx, w, 1, shown(func() { end(cause) }))
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, want)
	}
}

// shown is told when something is shown.
type shown func()

func (shown) Step(string)                    {}
func (shown) Warn(string)                    {}
func (s shown) Show(string, []progress.Item) { s() }
func (shown) Close()                         {}
