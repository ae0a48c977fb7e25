package integration

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/test/programs"
)

// A cluster goes from the embedded management cluster into another one, and back.
func TestAMoveToAnotherManagementClusterAndBackMakesNothingAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	before, requests := ids(w.vms()), w.creations()
	other := programs.StartBundle(t)
	same := func(t *testing.T) {
		w.expectNodes(1, 2)
		require.Equal(t, before, ids(w.vms()))
		require.Equal(t, requests, w.creations(), "no VM was asked for")
	}
	t.Run("what is not there is not moved", func(t *testing.T) {
		require.Contains(t, w.refused("management", "move", "-C", "other", "--to-kubeconfig", other.Kubeconfig), "there is no cluster other")
		require.Contains(t, w.refused("management", "move", "--to-kubeconfig", w.status().Kubeconfig), "the same management cluster")
	})
	t.Run("out of the embedded one, which goes", func(t *testing.T) {
		out := w.ocne("management", "move", "--to-kubeconfig", other.Kubeconfig)
		require.Contains(t, out, "Cluster demo (namespace ocne) is managed by")
		same(t)
		require.Equal(t, cluster.ManagementAbsent, w.status().State)
		require.Empty(t, processesOf(t, w.managementDir()))
		w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "3") // which finds it by what is remembered
		w.expectNodes(1, 3)
		w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "2", "--kubeconfig", other.Kubeconfig)
		w.expectNodes(1, 2)
		before, requests = ids(w.vms()), w.creations()
	})
	t.Run("back into the embedded one, interrupted and run again", func(t *testing.T) {
		back := []string{"management", "move", "--to-embedded", "--kubeconfig", other.Kubeconfig, "-C", "demo"}
		begun := w.launch(back...)
		programs.Eventually(t, "the move has begun", func() (bool, string) {
			c := &clusterv1.Cluster{}
			err := other.Get(t.Context(), client.ObjectKey{Namespace: "ocne", Name: "demo"}, c)
			moving := err != nil || c.Annotations["ocne-project.github.io/move"] != ""
			return moving || !begun.runs(), "not yet"
		})
		_ = begun.process.Kill()
		<-begun.ended
		if begun.code == 0 {
			t.Log("it had ended before it was killed")
		} else {
			w.ocne(back...)
		}
		same(t)
		for _, list := range []client.ObjectList{&clusterv1.ClusterList{}, &clusterv1.MachineList{}, &infrav1.OLVMMachineList{}, &corev1.SecretList{}} {
			require.NoError(t, other.List(t.Context(), list, client.InNamespace("ocne")))
			content, err := meta.ExtractList(list)
			require.NoError(t, err)
			require.Empty(t, content, "%T left behind", list)
		}
	})
	t.Run("it scales and goes", func(*testing.T) {
		w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "1")
		w.expectNodes(1, 1)
		w.ocne("cluster", "delete", "-C", "demo")
		w.expectEmptyEngine()
	})
}
