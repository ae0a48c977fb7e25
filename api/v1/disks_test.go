package v1

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNotSaidOfADataDiskHasADefault(t *testing.T) {
	thin := DataDisk{Name: "data", Size: "10GB"}
	require.True(t, thin.Thin())
	require.Equal(t, FormatCOW, thin.ImageFormat())
	require.Equal(t, InterfaceVirtIOSCSI, thin.Model())
	require.Empty(t, thin.FilesystemType(), "a disk that is not mounted has none")

	whole := DataDisk{Name: "data", Size: "10GB", Allocation: AllocationPreallocated, MountPath: "/var/lib/data"}
	require.False(t, whole.Thin())
	require.Equal(t, FormatRaw, whole.ImageFormat(), "the engine preallocates no other")
	require.Equal(t, FilesystemXFS, whole.FilesystemType())
}

func TestWhatIsWrongWithDisksIsToldWithItsField(t *testing.T) {
	good := DataDisk{Name: "data", Size: "10GB"}
	change := func(f func(*DataDisk)) VirtualMachine {
		d := good
		f(&d)
		return VirtualMachine{DataDisks: []DataDisk{good, d}}
	}
	other := func(f func(*DataDisk)) VirtualMachine {
		return change(func(d *DataDisk) { d.Name = "other"; f(d) })
	}
	for name, test := range map[string]struct {
		vm   VirtualMachine
		want string
	}{
		"allocation of the boot disk": {VirtualMachine{StorageAllocation: "copy"}, `storageAllocation is "copy": write thin or clone`},
		"size of the boot disk":       {VirtualMachine{BootDiskSize: "big"}, "bootDiskSize cannot be read"},
		"name twice":                  {change(func(*DataDisk) {}), `dataDisks[1].name "data" is the name of dataDisks[0], too`},
		"no name":                     {change(func(d *DataDisk) { d.Name = "" }), "dataDisks[1].name"},
		"name of other letters":       {change(func(d *DataDisk) { d.Name = "Data_1" }), "dataDisks[1].name"},
		"size":                        {other(func(d *DataDisk) { d.Size = "x" }), "dataDisks[1].size cannot be read"},
		"format":                      {other(func(d *DataDisk) { d.Format = "qcow2" }), `dataDisks[1].format is "qcow2": write cow or raw`},
		"allocation":                  {other(func(d *DataDisk) { d.Allocation = "full" }), "dataDisks[1].allocation"},
		"interface":                   {other(func(d *DataDisk) { d.Interface = "ide" }), "dataDisks[1].interface"},
		"cow and preallocated": {
			other(func(d *DataDisk) { d.Format, d.Allocation = FormatCOW, AllocationPreallocated }), "dataDisks[1].format cannot be cow"},
		"filesystem": {other(func(d *DataDisk) { d.MountPath, d.Filesystem = "/data", "btrfs" }), "dataDisks[1].filesystem"},
		"filesystem that nobody mounts": {
			other(func(d *DataDisk) { d.Filesystem = FilesystemXFS }), "dataDisks[1].filesystem needs a mountPath"},
		"path that is not clean":     {other(func(d *DataDisk) { d.MountPath = "/data/../etc" }), "dataDisks[1].mountPath"},
		"path with a slash too many": {other(func(d *DataDisk) { d.MountPath = "/data/" }), "dataDisks[1].mountPath"},
		"path with a blank":          {other(func(d *DataDisk) { d.MountPath = "/my data" }), "dataDisks[1].mountPath"},
		"path of the system":         {other(func(d *DataDisk) { d.MountPath = "/var" }), "hides files that the node needs"},
		"path of the kernel":         {other(func(d *DataDisk) { d.MountPath = "/proc/data" }), "hides files that the node needs"},
		"mount path twice": {
			VirtualMachine{DataDisks: []DataDisk{{Name: "a", Size: "1GB", MountPath: "/data"}, {Name: "b", Size: "1GB", MountPath: "/data"}}},
			`dataDisks[1].mountPath "/data" is that of dataDisks[0], too`},
	} {
		t.Run(name, func(t *testing.T) {
			problems := test.vm.DiskProblems()
			require.Len(t, problems, 1)
			require.Contains(t, problems[0].String(), test.want)
		})
	}
	require.Empty(t, VirtualMachine{}.DiskProblems())
	require.Empty(t, VirtualMachine{
		BootDiskSize: "50GB", StorageAllocation: CloneAllocation, DataDisks: []DataDisk{
			{Name: "etcd", Size: "10GB", MountPath: "/var/lib/etcd"},
			{Name: "images", Size: "100Gi", Allocation: AllocationPreallocated, Interface: InterfaceVirtIO, MountPath: "/srv/images",
				Filesystem: FilesystemExt4},
			{Name: "raw", Size: "1GB", Format: FormatRaw},
		},
	}.DiskProblems())
}
