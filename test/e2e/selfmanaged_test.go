package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/incluster"
	"github.com/ocne-project/ocne/test/programs"
)

// A cluster that manages itself needs nobody else: no other management cluster is alive while its worker is replaced.
func TestSelfManaged(t *testing.T) {
	w := newWorld(t)
	s := demo()
	s.SelfManaged = true
	require.NoError(t, incluster.HasImages(filepath.Join(filepath.Dir(programs.Path(t, "ocne")), "image")), "make e2e builds it")
	config := w.write(s)
	w.start(config)
	w.tell(t, "its objects are in the cluster itself, and the management cluster that it was made from is gone", func(t *testing.T, w *world) {
		require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"))
		machines := w.ownMachines(t, s)
		require.Len(t, machines, 2)
		for _, m := range machines {
			require.Contains(t, w.nodes(s), m.Status.NodeRef.Name)
		}
	})
	w.tell(t, "starting it again changes nothing", func(t *testing.T, w *world) {
		before := w.ownMachines(t, s)
		w.start(config)
		require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"))
		after := w.ownMachines(t, s)
		for i := range before {
			require.Equal(t, before[i].UID, after[i].UID)
		}
	})
	w.tell(t, "a worker whose Machine is deleted comes back", func(t *testing.T, w *world) {
		w.expectReplaced(t, w.inside(t, s), s)
		require.Len(t, w.sim.Holds(t).VMs, 2)
	})
	w.tell(t, "it is shown by its configuration", func(_ *testing.T, w *world) { w.ocne("cluster", "info", "-c", config) })
	w.tell(t, "delete moves the objects out and leaves nothing", func(t *testing.T, w *world) {
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
		require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"))
		require.NoFileExists(t, filepath.Join(w.home, ".kube", "kubeconfig."+s.Name))
	})
}

// inside is a client for the Cluster API objects in the cluster itself.
func (w *world) inside(t *testing.T, s site) client.Client {
	t.Helper()
	c, err := client.New(w.access(s), client.Options{Scheme: capi.NewScheme()})
	require.NoError(t, err)
	return c
}

func (w *world) ownMachines(t *testing.T, s site) []clusterv1.Machine {
	t.Helper()
	return machinesOf(t, w.inside(t, s), s)
}

// machinesOf are those of a cluster in a management cluster.
func machinesOf(t *testing.T, management client.Client, s site) []clusterv1.Machine {
	t.Helper()
	var list clusterv1.MachineList
	require.NoError(t, management.List(t.Context(), &list, client.MatchingLabels{clusterv1.ClusterNameLabel: s.Name}))
	return list.Items
}

// expectReplaced removes the Machine of a cluster's worker from its management cluster, which makes another one.
func (w *world) expectReplaced(t *testing.T, c client.Client, s site) {
	t.Helper()
	var old clusterv1.Machine
	for _, m := range machinesOf(t, c, s) {
		if _, controlPlane := m.Labels[clusterv1.MachineControlPlaneLabel]; !controlPlane {
			old = m
		}
	}
	require.NoError(t, c.Delete(t.Context(), &old))
	programs.Eventually(t, "another worker is Ready and the old one is gone", func() (bool, string) {
		var list clusterv1.MachineList
		if err := c.List(t.Context(), &list, client.MatchingLabels{clusterv1.ClusterNameLabel: s.Name}); err != nil {
			return false, err.Error()
		}
		told := ""
		for _, m := range list.Items {
			told += fmt.Sprintf("%s: %s, node %q; ", m.Name, m.Status.Phase, m.Status.NodeRef.Name)
			if m.UID == old.UID || !m.Status.NodeRef.IsDefined() {
				return false, told
			}
		}
		for _, node := range w.nodes(s) {
			if !ready(node) {
				return false, "node " + node.Name + " is not Ready"
			}
		}
		return len(list.Items) == 2 && len(w.nodes(s)) == 2, told
	})
}
