package cluster

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

func fakeManagement(objects ...client.Object) *Management {
	w := &writer{Client: fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithObjects(objects...).Build()}
	return &Management{Client: w, writes: w, Kubeconfig: "missing"}
}

func onLibvirt(m *Management) *Management {
	m.hosted = &hosted{}
	return m
}

func TestOnlyAManagementClusterThatWasChangedIsBackedUp(t *testing.T) {
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "demo"}}
	changed := func(t *testing.T, m *Management) *Management {
		require.NoError(t, m.Client.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "c"}}))
		return m
	}
	for name, test := range map[string]struct {
		management *Management
		disabled   bool
		tried      bool
	}{
		"changed":                  {changed(t, fakeManagement(cluster)), false, true},
		"on libvirt":               {changed(t, onLibvirt(fakeManagement(cluster))), false, true},
		"read only":                {fakeManagement(cluster), false, false},
		"without a cluster":        {changed(t, fakeManagement()), false, false},
		"not wanted":               {changed(t, fakeManagement(cluster)), true, false},
		"that is not the embedded": {&Management{Client: fakeManagement(cluster).Client}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var told bytes.Buffer
			b := config.Backup{Directory: t.TempDir(), KeyFile: filepath.Join(t.TempDir(), "key"), Keep: 1, Disabled: test.disabled}
			test.management.backUpAfter(t.Context(), b, progress.NewPlain(&told, time.Now))
			if !test.tried {
				require.Empty(t, told.String())
				require.NoFileExists(t, b.KeyFile)
				return
			}
			require.FileExists(t, b.KeyFile)
			require.Contains(t, told.String(), "Made the key "+b.KeyFile)
			require.Contains(t, told.String(), "Warning: The management cluster is not backed up", "the fake API has no kube-system")
			command := "run: ocne management backup\n"
			if test.management.hosted != nil {
				command = "run: ocne management backup --kubeconfig missing\n"
			}
			require.Contains(t, told.String(), command, "it backs this one up, and no other")
			entries, err := os.ReadDir(b.Directory)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestATakeOverWaitsForWhatTheBackupHad(t *testing.T) {
	cluster := func(name string, paused bool) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": clusterv1.GroupVersion.String(), "kind": "Cluster", "spec": map[string]any{"paused": paused},
			"status": map[string]any{"initialization": map[string]any{"controlPlaneInitialized": true}},
		}}
		o.SetNamespace("n")
		o.SetName(name)
		return o
	}
	machine := func(name, cluster, node string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": clusterv1.GroupVersion.String(), "kind": "Machine"}}
		if node != "" {
			o.Object["status"] = map[string]any{"nodeRef": map[string]any{"name": node}}
		}
		o.SetNamespace("n")
		o.SetName(name)
		o.SetLabels(map[string]string{clusterv1.ClusterNameLabel: cluster})
		return o
	}
	clusters := clustersToTakeOver([]*unstructured.Unstructured{
		cluster("demo", false), machine("a", "demo", "a"), machine("on-its-way", "demo", ""), cluster("paused", true), machine("b", "paused", "b"),
	})
	demo, paused := client.ObjectKey{Namespace: "n", Name: "demo"}, client.ObjectKey{Namespace: "n", Name: "paused"}
	require.Equal(t, []takeOver{{key: demo, initialized: true, machines: []string{"a"}}, {key: paused}}, clusters)

	s := &snapshot{cluster: &clusterv1.Cluster{}, machines: []clusterv1.Machine{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}}}
	require.Len(t, clusters[0].missing(s), 2)
	require.Empty(t, clusters[1].missing(s))
	s.cluster.Status.Initialization.ControlPlaneInitialized = new(bool)
	*s.cluster.Status.Initialization.ControlPlaneInitialized = true
	require.Equal(t, "machine a", clusters[0].missing(s)[0].Name)
	s.machines[0].Status.NodeRef.Name = "a"
	require.Empty(t, clusters[0].missing(s))
	require.Empty(t, clusters[0].missing(&snapshot{}), "the cluster was being deleted")
}
