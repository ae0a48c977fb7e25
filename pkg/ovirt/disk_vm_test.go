package ovirt_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// attachedDisk is the only disk of the VM, once it is not locked any more.
func attachedDisk(t *testing.T, c *ovirt.Client) ovirt.AttachedDisk {
	t.Helper()
	var disk ovirt.AttachedDisk
	require.Eventually(t, func() bool {
		disks, err := c.DiskAttachmentsWithDisks(t.Context(), machineID)
		if err != nil || len(disks) != 1 || disks[0].Disk.Status != ovirt.StatusOK {
			return false
		}
		disk = disks[0]
		return true
	}, patience, 5*time.Millisecond)
	return disk
}

func TestADiskIsAddedToAVMAndGrows(t *testing.T) {
	_, c, where := administrator(t, withQuota)
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	domain, err := c.StorageDomainInDataCenter(ctx, where.dataCenter.ID, "data2")
	require.NoError(t, err)
	quota, err := c.QuotaByName(ctx, where.dataCenter.ID, "kubernetes")
	require.NoError(t, err)
	made, err := c.AddDiskToVM(ctx, machineID, ovirt.NewDisk{
		Name: "demo-1-data", Description: "etcd", Size: 8 << 30, StorageDomainID: domain.ID, Format: ovirt.FormatCOW, Sparse: true,
		Interface: ovirt.DiskVirtIOSCSI, QuotaID: quota.ID,
	})
	require.NoError(t, err)
	got := attachedDisk(t, c)
	require.Equal(t, ovirt.DiskAttachment{ID: made.ID, DiskID: made.ID, Interface: ovirt.DiskVirtIOSCSI, Active: true}, got.DiskAttachment)
	require.Equal(t, ovirt.Disk{
		ID: made.ID, Name: "demo-1-data", Description: "etcd", Status: ovirt.StatusOK, ProvisionedSize: 8 << 30, ActualSize: got.Disk.ActualSize,
		StorageDomainIDs: []string{domain.ID}, Format: ovirt.FormatCOW, Sparse: true, QuotaID: quota.ID,
	}, got.Disk)

	require.NoError(t, c.ResizeDisk(ctx, machineID, made.ID, 16<<30))
	require.EqualValues(t, 16<<30, attachedDisk(t, c).Disk.ProvisionedSize)
	require.ErrorIs(t, c.ResizeDisk(ctx, machineID, made.ID, 8<<30), ovirt.Invalid)
	require.ErrorIs(t, c.ResizeDisk(ctx, machineID, otherID, 8<<30), ovirt.NotFound)
	_, err = c.AddDiskToVM(ctx, otherID, ovirt.NewDisk{Name: "d", Size: 1 << 30, StorageDomainID: domain.ID, Format: ovirt.FormatCOW, Sparse: true})
	require.ErrorIs(t, err, ovirt.NotFound)
}

func TestWhatANameStandsForIsFound(t *testing.T) {
	_, c, where := administrator(t, func(have *inventory.Inventory) {
		have.Templates = append(have.Templates, inventory.Template{Name: "ock", Version: 2}, inventory.Template{Name: "ock", Version: 3})
	})
	ctx := t.Context()
	templates, err := c.TemplatesByName(ctx, where.dataCenter.ID, "ock")
	require.NoError(t, err)
	require.Len(t, templates, 3)
	for n, each := range templates {
		require.Equal(t, 3-n, each.Version)
		require.Equal(t, "ock", each.Name)
	}
	require.Equal(t, templates[0], *where.template, "the newest")
	byID, err := c.Template(ctx, templates[2].ID)
	require.NoError(t, err)
	require.Equal(t, templates[2], *byID)
	templates, err = c.TemplatesByName(ctx, where.dataCenter.ID, "nothing")
	require.NoError(t, err)
	require.Empty(t, templates)

	host, err := c.HostByName(ctx, "host2")
	require.NoError(t, err)
	require.Equal(t, where.cluster.ID, host.ClusterID)
	domain, err := c.StorageDomainInDataCenter(ctx, where.dataCenter.ID, "data2")
	require.NoError(t, err)
	require.Equal(t, "active", domain.Status)
	quota, err := c.QuotaByName(ctx, where.dataCenter.ID, "Default")
	require.NoError(t, err)
	require.Equal(t, where.dataCenter.ID, quota.DataCenterID)
	quotas, err := c.Quotas(ctx, where.dataCenter.ID)
	require.NoError(t, err)
	require.Contains(t, quotas, *quota)
	for name, find := range map[string]func() error{
		"host":           func() error { _, err := c.HostByName(ctx, "nothing"); return err },
		"storage domain": func() error { _, err := c.StorageDomainInDataCenter(ctx, where.dataCenter.ID, "nothing"); return err },
		"quota":          func() error { _, err := c.QuotaByName(ctx, where.dataCenter.ID, "nothing"); return err },
		"template":       func() error { _, err := c.TemplateByName(ctx, where.dataCenter.ID, "nothing"); return err },
	} {
		require.EqualError(t, find(), "find "+name+" nothing: not found in the engine, or not visible to this user")
	}
}

func TestAnEngineTakesWhatCloudInitIsTold(t *testing.T) {
	_, c, where := administrator(t, keep)
	_, err := c.AddVM(t.Context(), ovirt.AddVM{
		ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: ovirt.BlankTemplateID, OSType: "other_linux", CustomScript: "runcmd: []",
		Initialization: ovirt.Initialization{
			HostName: "demo-1", UserName: "core", DNSServers: []string{"192.0.2.1"}, DNSSearch: []string{"example.org"},
			NICs: []ovirt.NICConfiguration{{
				Name: "enp1s0", OnBoot: true, BootProtocol: ovirt.BootStatic,
				IPv4:             &ovirt.IPConfiguration{Address: "192.0.2.10", Netmask: "255.255.255.0", Gateway: "192.0.2.254"},
				IPv6BootProtocol: ovirt.BootAutoconf,
			}},
		},
	}, "c1")
	require.NoError(t, err)
	vm, err := c.VM(t.Context(), machineID)
	require.NoError(t, err)
	require.True(t, vm.HasInitialization)
}
