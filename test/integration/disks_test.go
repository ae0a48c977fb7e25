package integration

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// pool adds a pool of one worker with a shape of its own to the cluster file.
func (w *world) pool(name, virtualMachine string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	before, _, _ := strings.Cut(string(text), "    workerPools:")
	before += "    workerPools: [{name: " + name + ", workerNodes: 1, machine: {virtualMachine: " + virtualMachine + "}}]\n"
	require.NoError(w.t, os.WriteFile(w.config, []byte(before), 0o600))
}

// Workers with disks of their own: what the cluster file says is what the engine holds, and nothing of it is left.
func TestWorkersWithDisksOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := []string{"cluster", "start", "--provider", "olvm", "-w", "0", "-c", w.config}
	w.pool("big", "{storageDomainName: data3}")
	out := w.launch(start...).wait(t, 1)
	require.Contains(t, out, "providers.olvm.workerPools[0].machine.virtualMachine.storageDomainName")
	require.Contains(t, out, `sees no storage domain "data3"; it sees "data", "data2"`)
	w.pool("big", "{storageDomainName: data2, bootDiskSize: 10GB}")
	out = w.launch(start...).wait(t, 1)
	require.Contains(t, out, `has no copy of the disk of template "ock", which a thin disk depends on ("data" has one)`)
	require.Contains(t, out, "the boot disk shall have 10.0 GiB")
	require.Empty(t, w.vms(), "nothing was made")

	w.pool("big", "{storageAllocation: clone, storageDomainName: data2, bootDiskSize: 20GB, dataDisks: ["+
		"{name: images, size: 8GB, mountPath: /var/lib/containers}, {name: scratch, size: 4Gi, storageDomainName: data, allocation: preallocated}]}")
	w.ocne(start...)
	w.expectNodes(1, 1)
	ctx := context.Background()
	for name, vm := range w.vms() {
		disks, err := w.engine.DiskAttachmentsWithDisks(ctx, vm.ID)
		require.NoError(t, err)
		if !strings.HasPrefix(name, "demo-big-") {
			require.Len(t, disks, 1, "the control plane is as ever")
			continue
		}
		require.Len(t, disks, 3)
		require.Equal(t, ovirt.BlankTemplateID, vm.TemplateID, "a clone")
		for _, d := range disks {
			domain, err := w.engine.StorageDomainByName(ctx, map[bool]string{true: "data", false: "data2"}[d.Disk.Name == name+"-scratch"])
			require.NoError(t, err)
			require.Equal(t, []string{domain.ID}, d.Disk.StorageDomainIDs, d.Disk.Name)
			size := map[string]int64{name + "-images": 8 << 30, name + "-scratch": 4 << 30}[d.Disk.Name]
			require.Equal(t, max(size, map[bool]int64{true: 20 << 30}[d.Bootable]), d.Disk.ProvisionedSize, d.Disk.Name)
			require.Equal(t, d.Disk.Name != name+"-scratch", d.Disk.Sparse, d.Disk.Name)
		}
	}
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
}
