package libvirt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNetworkAndThePoolOfMachinesAreStartedBeforeThem(t *testing.T) {
	d := systemDaemon(t)
	require.NoError(t, create(t, d.tinyOptions(t, "demo"), tinyDocument))
	d.virsh(t, "destroy", "demo-control-plane-1")
	d.virsh(t, "net-destroy", "ocne-demo")
	d.virsh(t, "pool-destroy", DefaultPool)

	started, err := Wake(t.Context(), d.Connection, "demo", func(string) {})
	require.NoError(t, err)
	require.Equal(t, 1, started)
	require.Contains(t, d.virsh(t, "net-list", "--name"), "ocne-demo")
	require.Contains(t, d.virsh(t, "pool-list", "--name"), DefaultPool)
	require.Contains(t, d.virsh(t, "list", "--name"), "demo-control-plane-1")
}
