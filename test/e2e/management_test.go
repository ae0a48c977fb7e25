package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLongManagementMoves gives a cluster to another real cluster that has the controllers in it, and takes it back.
func TestLongManagementMoves(t *testing.T) {
	w := newLongWorld(t)
	home := demo()
	home.SelfManaged = true
	w.start(w.write(home))
	s := second()
	s.DualStack, s.Namespace, s.FromNodes = false, "second", true
	w.start(w.write(s))
	before := w.vmIDs(t, s)
	kubeconfig := filepath.Join(w.home, ".kube", "kubeconfig."+home.Name)

	w.tell(t, "its objects move into the other cluster, whose controllers replace a worker", func(t *testing.T, w *world) {
		w.ocne("management", "move", "--to-kubeconfig", kubeconfig)
		require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"), "the embedded one manages nothing any more")
		require.Len(t, machinesOf(t, w.inside(t, home), s), 2)
		require.Equal(t, before, w.vmIDs(t, s), "the same VMs")
		w.expectReplaced(t, w.inside(t, home), s)
	})
	before = w.vmIDs(t, s)
	w.tell(t, "and back; it is scaled", func(t *testing.T, w *world) {
		w.ocne("management", "move", "--to-embedded", "--kubeconfig", kubeconfig, "-C", s.Name)
		require.Empty(t, machinesOf(t, w.inside(t, home), s))
		require.Len(t, machinesOf(t, w.management(), s), 2)
		require.Equal(t, before, w.vmIDs(t, s), "the same VMs")
		w.ocne("cluster", "scale", "-C", s.Name, "--worker-nodes", "2")
		require.Subset(t, w.vmIDs(t, s), before)
		require.Len(t, w.vmIDs(t, s), 3)
	})
	w.ocne("cluster", "delete", "-C", s.Name)
	w.ocne("cluster", "delete", "-C", home.Name)
	require.Empty(t, w.sim.Holds(t).VMs)
}

// vmIDs are those of a cluster's VMs, in order.
func (w *world) vmIDs(t *testing.T, s site) []string {
	t.Helper()
	ids := map[string]bool{}
	for _, vm := range w.sim.Holds(t).VMs {
		if len(vm.Name) > len(s.Name) && vm.Name[:len(s.Name)+1] == s.Name+"-" {
			ids[vm.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}
