package olvmmachine

import (
	"cmp"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/machine"
)

// storage is what the spec asks for, without the engine's ids. Sizes that cannot be read are refused before (see refuse).
func storage(s *subject) machine.Storage {
	vm := s.olvm.Spec.VirtualMachine
	found := machine.Storage{
		StorageDomainName: s.diskDomain(), Clone: vm.StorageAllocation == infrav1.CloneAllocation,
		BootDiskSize: bytes(vm.BootDiskSize),
	}
	vmID := machine.VMID(s.olvm.Spec.ProviderID)
	for _, disk := range vm.DataDisks {
		found.DataDisks = append(found.DataDisks, machine.DataDisk{
			Name: disk.Name, ID: machine.DataDiskID(vmID, disk.Name), Size: bytes(disk.Size), StorageDomainName: disk.StorageDomainName,
			Format: disk.ImageFormat(), Thin: disk.Thin(), Interface: disk.Model(),
		})
	}
	return found
}

// diskDomain is the storage domain of the boot disk; empty for where the template's disk is. A failure domain that is not there is told elsewhere.
func (s *subject) diskDomain() string {
	domain, _ := s.domain()
	return cmp.Or(domain.StorageDomainName, s.olvm.Spec.VirtualMachine.StorageDomainName)
}

func bytes(size string) int64 {
	n, err := infrav1.ParseSize(size)
	if err != nil {
		return 0
	}
	return n
}

// mounts are the data disks that the guest mounts.
func mounts(olvm *infrav1.OLVMMachine) []boot.Disk {
	vmID := machine.VMID(olvm.Spec.ProviderID)
	var mounted []boot.Disk
	for _, disk := range olvm.Spec.VirtualMachine.DataDisks {
		if disk.MountPath == "" {
			continue
		}
		mounted = append(mounted, boot.Disk{
			Device: machine.DataDiskDevice(machine.DataDiskID(vmID, disk.Name), disk.Model()), Label: machine.DataDiskLabel(disk.Name),
			MountPath: disk.MountPath, Filesystem: disk.FilesystemType(),
		})
	}
	return mounted
}
