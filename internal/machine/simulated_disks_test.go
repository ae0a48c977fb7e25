package machine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func (b *bench) withData(d *Desired, names ...string) {
	for _, name := range names {
		d.DataDisks = append(d.DataDisks, DataDisk{
			Name: name, ID: DataDiskID(d.VMID, name), Size: 8 * gib, Format: ovirt.FormatCOW, Thin: true, Interface: infrav1.InterfaceVirtIOSCSI,
		})
	}
}

func TestDataDisksComeAndGoWithTheirVM(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	d := b.machine("demo-1")
	b.withData(&d, "data", "logs")
	d.BootDiskSize = 20 * gib
	b.submit(&d, "demo-1", "192.0.2.7")
	actions := b.until(&d, "the VM runs", running)
	require.Equal(t, []Action{AddNIC, GrowDisk, MakeDisk, AttachDisk, MakeDisk, AttachDisk, Start}, actions)

	c := b.engine.Client()
	attached, err := c.DiskAttachmentsWithDisks(ctx, d.VMID)
	require.NoError(t, err)
	require.Len(t, attached, 3)
	require.Equal(t, 20*gib, findBootDisk(attached).Disk.ProvisionedSize)
	for _, want := range d.DataDisks {
		i := slices.IndexFunc(attached, func(a ovirt.AttachedDisk) bool { return a.DiskID == want.ID })
		require.GreaterOrEqual(t, i, 0)
		require.Equal(t, "demo-1-"+want.Name, attached[i].Disk.Name)
		require.Equal(t, infrav1.InterfaceVirtIOSCSI, attached[i].Interface)
		require.True(t, attached[i].Active)
	}

	volume, err := c.AddDisk(ctx, ovirt.AddDisk{
		ID: DataDiskID(d.VMID, "not-ours"), Name: "pvc-1", Size: gib, Format: ovirt.FormatCOW, StorageDomainID: attached[0].Disk.StorageDomainIDs[0],
	}, "somebody-else")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return c.AttachDisk(ctx, d.VMID, ovirt.DiskAttachment{DiskID: volume.ID, Interface: infrav1.InterfaceVirtIOSCSI, Active: true}) == nil
	}, time.Minute, 5*time.Millisecond)

	d.Deleting = true // nobody has noted that it ran
	require.Equal(t, []Action{Stop, DetachDisk, Remove}, b.until(&d, "the VM is gone", gone))
	disks := b.sim.Disks()
	require.Len(t, disks, 2, "the template's and the volume")
	require.True(t, slices.ContainsFunc(disks, func(disk olvmsim.Disk) bool { return disk.ID == volume.ID }))
}

// A disk that was made and not attached, because its machine was deleted in between, goes, too.
func TestADiskOfAVMThatNeverRanIsRemoved(t *testing.T) {
	b := newBench(t)
	d := b.machine("demo-1")
	b.withData(&d, "data")
	b.submit(&d, "demo-1", "192.0.2.7")
	b.until(&d, "the disk is asked for", func(p Plan) bool { return p.Action == MakeDisk })
	require.NoError(t, Act(context.Background(), b.engine, d, Plan{Action: MakeDisk, NewDisk: ovirt.AddDisk{
		ID: d.DataDisks[0].ID, Name: "again", Size: gib, Format: ovirt.FormatCOW, StorageDomainID: b.domain("data"),
	}}), "asked twice, made once")
	require.Len(t, b.sim.Disks(), 3, "the template's, the VM's, the data disk")

	d.Deleting = true
	require.Equal(t, []Action{Remove, RemoveDisk}, b.until(&d, "nothing is left", gone))
	require.Len(t, b.sim.Disks(), 1, "the template's")
}

func (b *bench) domain(name string) string {
	b.t.Helper()
	dataCenter, err := b.engine.DataCenter(context.Background(), b.names.DataCenter)
	require.NoError(b.t, err)
	id, err := b.engine.StorageDomainID(context.Background(), dataCenter.ID, name)
	require.NoError(b.t, err)
	return id
}

func TestStorageThatTheEngineDoesNotHaveIsToldWithWhatThereIs(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	d := b.machine("demo-1")
	found, err := FindStorage(ctx, b.engine, d)
	require.NoError(t, err)
	require.Equal(t, Storage{}, found, "nothing is asked of it")

	d.StorageDomainName = "dta"
	_, err = FindStorage(ctx, b.engine, d)
	require.EqualError(t, err, `the engine has, or shows, no storage domain "dta"; there are data, data2`)

	d.StorageDomainName = "data2"
	_, err = FindStorage(ctx, b.engine, d)
	require.ErrorIs(t, err, ovirt.NotFound)
	require.ErrorContains(t, err, `storage domain "data2" has no copy of the disk of template "ock", which a thin disk depends on ("data" has one)`)

	d.Clone = true
	found, err = FindStorage(ctx, b.engine, d)
	require.NoError(t, err, "a copy goes anywhere")
	require.Len(t, found.TemplateDisks, 1)
	require.Equal(t, b.domain("data2"), found.TemplateDisks[0].StorageDomainID)

	d.BootDiskSize = gib
	_, err = FindStorage(ctx, b.engine, d)
	small := (*TooSmallError)(nil)
	require.ErrorAs(t, err, &small)
	require.ErrorContains(t, err, `bootDiskSize is 1 GiB, and the disk of template "ock" has 15 GiB already`)
	d.Seen = true
	_, err = FindStorage(ctx, b.engine, d)
	require.NoError(t, err, "of a VM that is there, the template does not matter any more")

	b.withData(&d, "data")
	d.DataDisks[0].StorageDomainName = "date"
	_, err = FindStorage(ctx, b.engine, d)
	require.ErrorContains(t, err, `data disk data: the engine has, or shows, no storage domain "date"`)
}
