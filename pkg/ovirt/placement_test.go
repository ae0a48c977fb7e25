package ovirt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// shaped is a request that says everything about placement and devices.
func shaped(t *testing.T, c *ovirt.Client, where place) ovirt.AddVM {
	t.Helper()
	hosts, err := c.Hosts(t.Context(), where.cluster.ID)
	require.NoError(t, err)
	domains, err := c.StorageDomains(t.Context(), where.dataCenter.ID)
	require.NoError(t, err)
	quota, err := c.QuotaByName(t.Context(), where.dataCenter.ID, "kubernetes")
	require.NoError(t, err)
	return ovirt.AddVM{
		ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: where.template.ID,
		HostIDs: []string{hosts[1].ID, hosts[2].ID}, HighAvailability: &ovirt.HighAvailability{Priority: 50}, LeaseStorageDomainID: domains[1].ID,
		DeleteProtected: true, QuotaID: quota.ID, Display: ovirt.DisplaySPICE, SerialConsole: true,
	}
}

func withQuota(have *inventory.Inventory) { have.Quotas = []inventory.Quota{{Name: "kubernetes"}} }

func TestAVMIsPlacedAndShapedByItsPost(t *testing.T) {
	_, c, where := administrator(t, withQuota)
	want := shaped(t, c, where)
	made, err := c.AddVM(t.Context(), want, "c1")
	require.NoError(t, err)
	require.True(t, made.SerialConsole)
	awaitStatus(t, c, ovirt.StatusDown)
	vm, err := c.VM(t.Context(), machineID)
	require.NoError(t, err)
	require.Equal(t, want.HostIDs, vm.HostIDs)
	require.Equal(t, want.HighAvailability, vm.HighAvailability)
	require.Equal(t, want.LeaseStorageDomainID, vm.LeaseStorageDomainID)
	require.Equal(t, want.QuotaID, vm.QuotaID)
	require.Equal(t, ovirt.DisplaySPICE, vm.Display)
	require.True(t, vm.DeleteProtected)

	require.NoError(t, c.StartVM(t.Context(), machineID))
	vm, err = c.VM(t.Context(), machineID)
	require.NoError(t, err)
	require.Contains(t, want.HostIDs, vm.HostID)
}

func TestAVMThatSaysNothingHasNoPlacement(t *testing.T) {
	_, c, where := administrator(t, keep)
	addBlank(t, c, where, machineID, "demo-1")
	vm, err := c.VM(t.Context(), machineID)
	require.NoError(t, err)
	require.Empty(t, vm.HostIDs)
	require.Nil(t, vm.HighAvailability)
	require.Empty(t, vm.LeaseStorageDomainID)
	require.False(t, vm.DeleteProtected)
	require.False(t, vm.SerialConsole)
}

func TestAProtectedVMIsRemovedOnlyAfterTheProtectionEnds(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	_, err := c.AddVM(ctx, ovirt.AddVM{
		ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: ovirt.BlankTemplateID, DeleteProtected: true,
	}, "c1")
	require.NoError(t, err)
	require.ErrorIs(t, c.RemoveVM(ctx, machineID), ovirt.Conflict)
	_, err = c.UpdateVM(ctx, machineID, ovirt.VMUpdate{DeleteProtected: new(bool)})
	require.NoError(t, err)
	require.NoError(t, c.RemoveVM(ctx, machineID))
}

func TestAVMBecomesHeadlessWhileItIsDown(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	_, err := c.AddVM(ctx, ovirt.AddVM{ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: where.template.ID}, "c1")
	require.NoError(t, err)
	awaitStatus(t, c, ovirt.StatusDown)
	require.NoError(t, c.StartVM(ctx, machineID))
	require.ErrorIs(t, c.RemoveGraphicsConsoles(ctx, machineID), ovirt.Conflict, "running")
	require.NoError(t, c.StopVM(ctx, machineID))
	awaitStatus(t, c, ovirt.StatusDown)
	vm, err := c.VM(ctx, machineID)
	require.NoError(t, err)
	require.NotEmpty(t, vm.Display)
	require.NoError(t, c.RemoveGraphicsConsoles(ctx, machineID))
	require.NoError(t, c.RemoveGraphicsConsoles(ctx, machineID), "again")
	vm, err = c.VM(ctx, machineID)
	require.NoError(t, err)
	require.Empty(t, vm.Display)
	require.NoError(t, c.StartVM(ctx, machineID))
}

func TestTheTemplatesDiskGoesWhereThePostSays(t *testing.T) {
	_, c, where := administrator(t, withQuota)
	ctx := t.Context()
	want := shaped(t, c, where)
	disks, err := c.TemplateDisks(ctx, where.template.ID)
	require.NoError(t, err)
	domains, err := c.StorageDomains(ctx, where.dataCenter.ID)
	require.NoError(t, err)
	other := domains[1]
	want.Disks = []ovirt.AddVMDisk{{
		ID: disks[0].DiskID, StorageDomainID: other.ID, Format: ovirt.FormatRaw, Sparse: new(bool), QuotaID: want.QuotaID,
	}}
	_, err = c.AddVM(ctx, want, "c1")
	require.ErrorIs(t, err, ovirt.Invalid, "a thin VM's disk depends on a copy of the template's in the same storage domain")

	want.Clone = true
	_, err = c.AddVM(ctx, want, "c1")
	require.NoError(t, err)
	awaitStatus(t, c, ovirt.StatusDown)
	attached, err := c.DiskAttachmentsWithDisks(ctx, machineID)
	require.NoError(t, err)
	require.Len(t, attached, 1)
	require.Equal(t, []string{other.ID}, attached[0].Disk.StorageDomainIDs)
	require.False(t, attached[0].Disk.Sparse)
	require.Equal(t, want.QuotaID, attached[0].Disk.QuotaID)
	require.Equal(t, ovirt.FormatRaw, attached[0].Disk.Format)
}

func TestPlacementThatIsNotThereIsNotFound(t *testing.T) {
	_, c, where := administrator(t, keep)
	disks, err := c.TemplateDisks(t.Context(), where.template.ID)
	require.NoError(t, err)
	for name, change := range map[string]func(*ovirt.AddVM){
		"host":        func(v *ovirt.AddVM) { v.HostIDs = []string{otherID} },
		"lease":       func(v *ovirt.AddVM) { v.LeaseStorageDomainID = otherID },
		"quota":       func(v *ovirt.AddVM) { v.QuotaID = otherID },
		"disk":        func(v *ovirt.AddVM) { v.Disks = []ovirt.AddVMDisk{{ID: otherID}} },
		"storage":     func(v *ovirt.AddVM) { v.Disks = []ovirt.AddVMDisk{{ID: disks[0].DiskID, StorageDomainID: otherID}} },
		"disks quota": func(v *ovirt.AddVM) { v.Disks = []ovirt.AddVMDisk{{ID: disks[0].DiskID, QuotaID: otherID}} },
	} {
		t.Run(name, func(t *testing.T) {
			vm := ovirt.AddVM{ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: where.template.ID}
			change(&vm)
			_, err := c.AddVM(t.Context(), vm, "c1")
			require.ErrorIs(t, err, ovirt.NotFound)
		})
	}
	_, err = c.AddVM(t.Context(), ovirt.AddVM{ID: machineID, Name: "demo-1", Disks: []ovirt.AddVMDisk{{}}}, "c1")
	require.ErrorIs(t, err, ovirt.Invalid)
}
