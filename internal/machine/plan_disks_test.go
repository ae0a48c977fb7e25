package machine

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const gib = int64(1) << 30

func bootOf(size int64, status string) ovirt.AttachedDisk {
	return ovirt.AttachedDisk{
		DiskAttachment: ovirt.DiskAttachment{DiskID: "boot", Bootable: true},
		Disk:           ovirt.Disk{ID: "boot", Status: status, ProvisionedSize: size, StorageDomainIDs: []string{"fast"}},
	}
}

func dataOf(size int64, status string) ovirt.AttachedDisk {
	return ovirt.AttachedDisk{
		DiskAttachment: ovirt.DiskAttachment{DiskID: "data"}, Disk: ovirt.Disk{ID: "data", Status: status, ProvisionedSize: size},
	}
}

func withDisks(loose *ovirt.Disk, attached ...ovirt.AttachedDisk) Observation {
	o := seen(ovirt.StatusDown)
	o.Disks, o.LooseDisk = attached, loose
	return o
}

func TestWhatAMachineNeedsOfDisks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	large := Desired{Storage: Storage{BootDiskSize: 50 * gib}}
	data := Desired{Storage: Storage{DataDisks: []DataDisk{{Name: "data", ID: "data", Size: 10 * gib}}}}
	boot := bootOf(15*gib, ovirt.StatusOK)
	for _, r := range []rule{
		{name: "a boot disk that is too small grows before the start",
			want: large, see: withDisks(nil, boot), action: GrowDisk, reason: infrav1.CreatingReason},
		{name: "... which takes its time", want: large, see: withDisks(nil, bootOf(15*gib, ovirt.StatusLocked)), reason: infrav1.CreatingReason},
		{name: "... once", want: large, see: withDisks(nil, bootOf(50*gib, ovirt.StatusOK)), action: Start, reason: infrav1.StartingReason},
		{name: "... and never shrinks", want: large, see: withDisks(nil, bootOf(80*gib, ovirt.StatusOK)), action: Start, reason: infrav1.StartingReason},
		{name: "a data disk that is not there is made", want: data, see: withDisks(nil, boot), action: MakeDisk, reason: infrav1.CreatingReason},
		{name: "... and waited for",
			want: data, see: withDisks(&ovirt.Disk{Status: ovirt.StatusLocked}, boot), reason: infrav1.CreatingReason},
		{name: "... and attached",
			want: data, see: withDisks(&ovirt.Disk{Status: ovirt.StatusOK}, boot), action: AttachDisk, reason: infrav1.CreatingReason},
		{name: "... and made again when nothing can be done with it",
			want: data, see: withDisks(&ovirt.Disk{Status: ovirt.StatusIllegal}, boot), action: RemoveDisk, reason: infrav1.CreatingReason},
		{name: "a VM that has its data disk starts",
			want: data, see: withDisks(nil, boot, dataOf(10*gib, ovirt.StatusOK)), action: Start, reason: infrav1.StartingReason},
		{name: "... not while the disk is locked",
			want: data, see: withDisks(nil, boot, dataOf(10*gib, ovirt.StatusLocked)), reason: infrav1.CreatingReason},
		{name: "a data disk that the account cannot see is no reason to wait",
			want: data, see: withDisks(nil, boot, dataOf(0, "")), action: Start, reason: infrav1.StartingReason},
		{name: "a data disk that outlived a VM that never ran is removed",
			want: Desired{Deleting: true}, see: Observation{Absent: true, LooseDisk: &ovirt.Disk{ID: "data", Status: ovirt.StatusOK}},
			action: RemoveDisk, reason: infrav1.DeletingReason},
		{name: "... when the engine is done with it",
			want: Desired{Deleting: true}, see: Observation{Absent: true, LooseDisk: &ovirt.Disk{ID: "data", Status: ovirt.StatusLocked}},
			reason: infrav1.DeletingReason},
	} {
		t.Run(r.name, func(t *testing.T) { r.holds(t, now) })
	}
}

func TestADataDiskIsMadeAsItIsWanted(t *testing.T) {
	d := Desired{VMID: "id", Owner: Mark{Cluster: "ocne/demo", Machine: "ocne/demo-1"}}
	want := DataDisk{Name: "data", ID: "data", Size: 10 * gib, Format: ovirt.FormatRaw, StorageDomainID: "slow", QuotaID: "q"}
	d.DataDisks = []DataDisk{want}
	got, missing := disks(d, withDisks(nil, bootOf(15*gib, ovirt.StatusOK)))
	require.True(t, missing)
	require.Equal(t, ovirt.AddDisk{
		ID: "data", Name: "demo-1-data", Size: 10 * gib, Format: ovirt.FormatRaw, Preallocated: true, StorageDomainID: "slow", QuotaID: "q",
		Description: `{"ocne":"v1","cluster":"ocne/demo","machine":"ocne/demo-1","vm":"id","disk":"data"}`,
	}, got.NewDisk)

	d.DataDisks[0].StorageDomainID, d.DataDisks[0].Thin = "", true
	got, _ = disks(d, withDisks(nil, bootOf(15*gib, ovirt.StatusOK)))
	require.Equal(t, "fast", got.NewDisk.StorageDomainID, "where the boot disk is")
	require.False(t, got.NewDisk.Preallocated)
}

func TestADataDiskIsFoundByItsNameAlone(t *testing.T) {
	const vmID = "0123abcd-0000-4000-8000-000000000000"
	id := DataDiskID(vmID, "data")
	require.Equal(t, id, DataDiskID(vmID, "data"), "a repeated request asks for the same disk")
	require.NotEqual(t, id, DataDiskID(vmID, "logs"))
	require.NotEqual(t, id, DataDiskID(uuid.NewString(), "data"))
	require.EqualValues(t, 5, uuid.MustParse(id).Version())

	marked := ovirt.Disk{ID: id, Description: DataDiskDescription(Mark{Machine: "ocne/demo-1"}, vmID, "data")}
	require.True(t, isDataDisk(marked, vmID), "without its spec, by its mark")
	for _, foreign := range []ovirt.Disk{
		{ID: uuid.NewString(), Description: marked.Description}, {ID: id, Description: "my disk"}, {ID: id, Description: `{"ocne":"v9"}`}, {ID: id},
	} {
		require.False(t, isDataDisk(foreign, vmID), foreign.Description)
	}
	require.False(t, isDataDisk(marked, uuid.NewString()), "of another VM")

	require.Equal(t, "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"+id, DataDiskDevice(id, infrav1.InterfaceVirtIOSCSI))
	require.Equal(t, "/dev/disk/by-id/virtio-"+id[:20], DataDiskDevice(id, infrav1.InterfaceVirtIO))
	require.Equal(t, "twelve-chars", DataDiskLabel("twelve-chars"))
	require.Equal(t, "a-name-cf9c", DataDiskLabel("a-name-that-is-longer"), "shortened, and still its own")
	require.NotEqual(t, DataDiskLabel("a-name-that-is-longer"), DataDiskLabel("a-name-that-is-long-too"))
}
