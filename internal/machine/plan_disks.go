package machine

import (
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// The actions on disks.
const (
	GrowDisk   Action = "grow a disk"
	MakeDisk   Action = "make a data disk"
	AttachDisk Action = "attach a data disk"
	RemoveDisk Action = "remove a data disk"
)

// DataDisk is a disk beside the boot disk.
type DataDisk struct {
	// Name in the spec, and the engine's id that follows from it.
	Name, ID string
	Size     int64 // bytes
	// StorageDomainName is where it goes, and StorageDomainID its id; where the boot disk is when they are empty.
	StorageDomainName, StorageDomainID string
	Format                             string // one of pkg/ovirt's Format constants
	Thin                               bool
	Interface                          string // the model that the guest sees
	QuotaID                            string
}

// disks come before the first start: the guest makes file systems on them then, and sees the size of the one that it boots from.
func disks(d Desired, o Observation) (Plan, bool) {
	if p, missing := bootDisk(d, o); missing {
		return p, true
	}
	for _, want := range d.DataDisks {
		if p, missing := dataDisk(d, o, want); missing {
			return p, true
		}
	}
	return Plan{}, false
}

func bootDisk(d Desired, o Observation) (Plan, bool) {
	boot := findBootDisk(o.Disks)
	if d.BootDiskSize == 0 || boot == nil { // without one the engine refuses the start, and says so
		return Plan{}, false
	}
	return grow(boot.Disk, "the boot disk", d.BootDiskSize)
}

func grow(disk ovirt.Disk, what string, size int64) (Plan, bool) {
	switch {
	case disk.Status == ovirt.StatusLocked:
		return waiting(infrav1.CreatingReason, wakeSoon, "the engine is busy with %s", what), true
	case disk.ProvisionedSize < size && disk.ProvisionedSize > 0:
		p := acting(GrowDisk, infrav1.CreatingReason, "%s is being made larger", what)
		p.DiskID, p.DiskSize = disk.ID, size
		return p, true
	}
	return Plan{}, false
}

func dataDisk(d Desired, o Observation, want DataDisk) (Plan, bool) {
	if i := slices.IndexFunc(o.Disks, func(a ovirt.AttachedDisk) bool { return a.DiskID == want.ID }); i >= 0 {
		return grow(o.Disks[i].Disk, "data disk "+want.Name, want.Size)
	}
	p := Plan{}
	switch loose := o.LooseDisk; {
	case loose == nil:
		p = acting(MakeDisk, infrav1.CreatingReason, "data disk %s is being made", want.Name)
		p.NewDisk = ovirt.AddDisk{
			ID: want.ID, Name: DataDiskName(o.VM.Name, want.Name), Description: DataDiskDescription(d.Owner, d.VMID, want.Name),
			Size: want.Size, Format: want.Format, Preallocated: !want.Thin, StorageDomainID: want.StorageDomainID, QuotaID: want.QuotaID,
		}
		if boot := findBootDisk(o.Disks); want.StorageDomainID == "" && boot != nil && len(boot.Disk.StorageDomainIDs) > 0 {
			p.NewDisk.StorageDomainID = boot.Disk.StorageDomainIDs[0]
		}
	case loose.Status == ovirt.StatusLocked:
		p = waiting(infrav1.CreatingReason, wakeSoon, "the engine makes data disk %s", want.Name)
	case loose.Status == ovirt.StatusIllegal: // nobody has written to it: no VM had it yet
		p = acting(RemoveDisk, infrav1.CreatingReason, "data disk %s cannot be used (it is %s), and is made again", want.Name, loose.Status)
		p.DiskID = want.ID
	default:
		p = acting(AttachDisk, infrav1.CreatingReason, "data disk %s is being attached", want.Name)
		p.DiskID, p.DiskInterface = want.ID, want.Interface
	}
	return p, true
}

// removeLoose removes a data disk that the engine did not remove with the VM, because the VM did not have it yet.
func removeLoose(disk ovirt.Disk) Plan {
	if disk.Status == ovirt.StatusLocked {
		return waiting(infrav1.DeletingReason, wakeSoon, "the VM is gone; the engine is busy with its data disk %s", disk.Name)
	}
	p := acting(RemoveDisk, infrav1.DeletingReason, "the VM is gone; its data disk %s, which it did not have yet, is being removed", disk.Name)
	p.DiskID = disk.ID
	return p
}

func findBootDisk(attached []ovirt.AttachedDisk) *ovirt.AttachedDisk {
	i := slices.IndexFunc(attached, func(a ovirt.AttachedDisk) bool { return a.Bootable })
	if i < 0 {
		return nil
	}
	return &attached[i]
}
