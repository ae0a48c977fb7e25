package libvirt

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADomainTypeIsProbedByAGuestThatRuns(t *testing.T) {
	d := systemDaemon(t)
	h := d.open(t)
	p, err := h.ensurePool(DefaultPool)
	require.NoError(t, err)
	stopped := probeDisk()
	copy(stopped, []byte{0xf4, 0xeb, 0xfd}) // hlt; jmp: a guest that never gets anywhere

	ran, err := h.probe(t.Context(), p, TypeQEMU, probeDisk(), patience)
	require.NoError(t, err)
	require.True(t, ran)
	ran, err = h.probe(t.Context(), p, TypeQEMU, stopped, 3*time.Second)
	require.NoError(t, err)
	require.False(t, ran)
	ran, err = h.probe(t.Context(), p, "xen", probeDisk(), patience)
	require.NoError(t, err)
	require.False(t, ran, "a guest that cannot be started")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.probe(ctx, p, TypeQEMU, stopped, patience)
	require.ErrorIs(t, err, context.Canceled)

	require.Empty(t, lines(d.virsh(t, "list", "--all", "--name"))[0], "no guest is left")
	require.NotContains(t, d.everything(t), probePrefix)
	kind, arch, err := h.chooseType(t.Context(), p, "", func(text string) { t.Log(text) })
	require.NoError(t, err)
	t.Logf("this machine: %s for %s", kind, arch)
	require.Contains(t, []string{TypeKVM, TypeQEMU}, kind)
}

func TestUEFIIsUsedWhereTheHostOffersItAndItsVariablesGoToo(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	o := d.tinyOptions(t, "demo")
	o.Firmware = ""
	o.ControlPlane.Memory = 256 << 20
	require.NoError(t, create(t, o, tinyDocument))
	require.Contains(t, d.virsh(t, "dumpxml", "demo-control-plane-1"), "type='pflash'")
	require.Contains(t, d.everything(t), "nvram")
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.everything(t))
}
