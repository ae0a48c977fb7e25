package machine

import (
	"context"
	"slices"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// hasDisks says whether the machine asks for anything about disks that is done after the VM was made.
func (d Desired) hasDisks() bool { return d.BootDiskSize > 0 || len(d.DataDisks) > 0 }

// observeDisks reads the disks of a VM that has never run, and the first data disk that it does not have: they are made one after the other.
func observeDisks(ctx context.Context, e *engine.Engine, d Desired, o *Observation) error {
	if !d.hasDisks() {
		return nil
	}
	var err error
	if o.Disks, err = e.Client().DiskAttachmentsWithDisks(ctx, d.VMID); err != nil {
		return err
	}
	for _, want := range d.DataDisks {
		if !slices.ContainsFunc(o.Disks, func(a ovirt.AttachedDisk) bool { return a.DiskID == want.ID }) {
			o.LooseDisk, err = looseDisk(ctx, e, want.ID)
			return err
		}
	}
	return nil
}

// observeLooseDisks looks for data disks of a VM that is gone and has never run. Those of a VM that ran were attached, so they went with it;
// who took one out meanwhile wanted to keep it.
func observeLooseDisks(ctx context.Context, e *engine.Engine, d Desired, o *Observation) error {
	if !o.Absent || !d.Deleting || d.Provisioned {
		return nil
	}
	for _, disk := range d.DataDisks {
		var err error
		if o.LooseDisk, err = looseDisk(ctx, e, disk.ID); err != nil || o.LooseDisk != nil {
			return err
		}
	}
	return nil
}

// looseDisk is nil when there is no such disk.
func looseDisk(ctx context.Context, e *engine.Engine, id string) (*ovirt.Disk, error) {
	disk, err := e.Client().Disk(ctx, id)
	if ovirt.KindOf(err) == ovirt.NotFound {
		return nil, nil
	}
	return disk, err
}

// foreignDisks are those that are neither the template's one disk, which is the bootable one, nor the machine's data disks, which the spec
// names, or where there is none any more, their marks. The engine deletes attached disks with the VM, persistent volumes of the cluster's users
// among them.
func foreignDisks(ctx context.Context, e *engine.Engine, d Desired) ([]string, error) {
	attached, err := e.Client().DiskAttachmentsWithDisks(ctx, d.VMID)
	if err != nil {
		return nil, err
	}
	var foreign []string
	for _, a := range attached {
		named := slices.ContainsFunc(d.DataDisks, func(disk DataDisk) bool { return disk.ID == a.DiskID })
		if !a.Bootable && !named && !isDataDisk(a.Disk, d.VMID) {
			foreign = append(foreign, a.DiskID)
		}
	}
	return foreign, nil
}
