package libvirt

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAClusterIsMadeFoundAndRemovedWithoutATrace(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	o := d.tinyOptions(t, "demo")
	o.WorkerNodes = 1
	require.NoError(t, create(t, o, tinyDocument))

	for _, name := range []string{"demo-control-plane-1", "demo-worker-1"} {
		d.awaitConsole(t, name, fmt.Sprintf(`guest: document {"node":"%s"`, name))
	}
	found, err := List(t.Context(), d.Connection)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "demo", found[0].Name)
	require.Equal(t, "ocne-demo", found[0].Network)
	require.Len(t, found[0].Nodes, 2)
	for _, n := range found[0].Nodes {
		require.Equal(t, "running", n.State)
		require.Equal(t, n.ID, lines(d.virsh(t, "domuuid", n.Name))[0])
	}

	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.everything(t))
	require.ErrorIs(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}), ErrNoCluster)
}
