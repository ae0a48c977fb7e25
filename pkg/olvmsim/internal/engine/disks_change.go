package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// copyTime is how long it takes to copy or move a disk, in engine time.
const copyTime = 5 * time.Second

// DiskChange is what a PUT may say of a disk; nil means "not said". The size is in bytes.
type DiskChange struct {
	Alias, Description, Backup       *string
	ProvisionedSize                  *int64
	Shareable, Wipe, PropagateErrors *bool
}

// UpdateDisk merges change into the disk. A disk that grows is locked for a while.
func (e *Engine) UpdateDisk(call Call, id string, change DiskChange) (Disk, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, ok := e.disks[id]
	if !ok {
		return Disk{}, noEntity()
	}
	disk, err := e.changeDisk(call, disk, change)
	if err != nil {
		return Disk{}, err
	}
	return *disk, nil
}

func (e *Engine) changeDisk(call Call, disk *Disk, change DiskChange) (*Disk, error) {
	if err := e.authorize(call, permitEditDisk, Object{TypeDisk, disk.ID}); err != nil {
		return nil, err
	}
	size := disk.ProvisionedSize
	set(&size, change.ProvisionedSize)
	if err := e.checkChange(disk, change, size); err != nil {
		return nil, err
	}
	set(&disk.Alias, change.Alias)
	set(&disk.Description, change.Description)
	set(&disk.Backup, change.Backup)
	set(&disk.Shareable, change.Shareable)
	set(&disk.WipeAfterDelete, change.Wipe)
	set(&disk.PropagateErrors, change.PropagateErrors)
	job := e.startJob(call, fmt.Sprintf("Updating Disk %s", disk.Alias))
	if size == disk.ProvisionedSize {
		e.finishJob(job)
		return disk, nil
	}
	disk.Status = StatusLocked
	e.later(newDiskTime, func() {
		if !disk.Sparse {
			disk.ActualSize += size - disk.ProvisionedSize
		}
		disk.ProvisionedSize, disk.Status = size, StatusOK
		e.finishJob(job)
	})
	return disk, nil
}

func (e *Engine) checkChange(disk *Disk, change DiskChange, size int64) error {
	sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
	switch {
	case e.transferring(disk.ID):
		return conflict(msgDiskTransferred, "edit", disk.Alias)
	case disk.Status == StatusLocked:
		return conflict(msgDiskLocked, "edit")
	case size < disk.ProvisionedSize:
		return invalid(msgDiskShrink)
	case change.Shareable != nil && *change.Shareable && disk.Format == FormatCOW:
		return invalid(msgDiskShareable, "edit")
	case size == disk.ProvisionedSize:
		return nil
	case e.ownedByTemplate(disk.ID):
		return invalid(msgDiskOfTemplate, "edit")
	}
	return e.checkRoom("edit Virtual Disk", sd, size-disk.ProvisionedSize, disk.Sparse)
}

// CopyDisk copies a disk to a storage domain: a template's as a further copy of the same disk, any other as a new disk.
func (e *Engine) CopyDisk(call Call, id string, to Ref, alias string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, sd, err := e.relocation(call, "copy", id, to)
	if err != nil {
		return Job{}, err
	}
	ofTemplate := e.ownedByTemplate(id)
	if ofTemplate && disk.On(sd.ID) {
		return Job{}, conflict(msgDiskSameDomain, "copy", sd.Name)
	}
	job := e.startJob(call, fmt.Sprintf("Copying Disk %s to Storage Domain %s", disk.Alias, sd.Name))
	disk.Status = StatusLocked
	if ofTemplate {
		e.later(copyTime, func() {
			disk.OtherDomainIDs = append(slices.Clone(disk.OtherDomainIDs), sd.ID)
			disk.Status = StatusOK
			e.finishJob(job)
		})
		return *job, nil
	}
	duplicate := e.cloneDisk(disk)
	duplicate.Alias, duplicate.StorageDomainID = cmp.Or(alias, disk.Alias), sd.ID
	if call.Filtered {
		e.grant(call.User.ID, roleDiskOperator, Object{TypeDisk, duplicate.ID})
	}
	e.later(copyTime, func() {
		disk.Status, duplicate.Status = StatusOK, StatusOK
		e.finishJob(job)
	})
	return *job, nil
}

// MoveDisk moves a disk to another storage domain.
func (e *Engine) MoveDisk(call Call, id string, to Ref) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, sd, err := e.relocation(call, "move", id, to)
	if err != nil {
		return Job{}, err
	}
	switch {
	case disk.StorageDomainID == sd.ID:
		return Job{}, conflict(msgDiskSameDomain, "move", sd.Name)
	case e.ownedByTemplate(id):
		return Job{}, invalid(msgDiskOfTemplate, "move")
	}
	job := e.startJob(call, fmt.Sprintf("Moving Disk %s to Storage Domain %s", disk.Alias, sd.Name))
	disk.Status = StatusLocked
	e.later(copyTime, func() {
		disk.StorageDomainID, disk.Status = sd.ID, StatusOK
		e.finishJob(job)
	})
	return *job, nil
}

// relocation checks what copying and moving have in common.
func (e *Engine) relocation(call Call, verb, id string, to Ref) (*Disk, StorageDomain, error) {
	disk, ok := e.disks[id]
	if !ok {
		return nil, StorageDomain{}, noEntity()
	}
	sd, ok := e.storageDomainByRef(to)
	if !ok {
		return nil, StorageDomain{}, invalid(msgDiskNoDomain, verb)
	}
	if err := e.authorize(call, permitConfigureDisk, Object{TypeDisk, id}); err != nil {
		return nil, StorageDomain{}, err
	}
	if err := e.authorize(call, permitCreateDisk, Object{TypeStorageDomain, sd.ID}); err != nil {
		return nil, StorageDomain{}, err
	}
	if err := e.checkIdle(verb, disk); err != nil {
		return nil, StorageDomain{}, err
	}
	moved := *disk
	if sd.Block() && moved.Format == FormatRaw {
		moved.Sparse = false // the engine preallocates on its own here
	}
	if err := checkDiskConfiguration(verb, &moved, sd); err != nil {
		return nil, StorageDomain{}, err
	}
	return disk, sd, e.checkRoom(verb+" Virtual Disk", sd, disk.ActualSize, false)
}

// checkIdle refuses commands on disks that are busy, broken or in use.
func (e *Engine) checkIdle(verb string, disk *Disk) error {
	switch {
	case e.transferring(disk.ID):
		return conflict(msgDiskTransferred, verb, disk.Alias)
	case disk.Status == StatusLocked:
		return conflict(msgDisksLocked, verb+" Virtual Disk", disk.Alias)
	case disk.Status == StatusIllegal:
		return conflict(msgDisksIllegal, verb+" Virtual Disk", disk.Alias)
	case e.inUse(disk.ID):
		return conflict(msgDiskRunning, verb)
	}
	return nil
}

// SparsifyDisk gives back what a thin disk does not use.
func (e *Engine) SparsifyDisk(call Call, id string) (Job, error) {
	return e.treatDisk(call, "sparsify", permitSparsifyDisk, id, func(disk *Disk, _ StorageDomain) error {
		switch {
		case !disk.Sparse:
			return invalid(msgDiskNotThin, "sparsify")
		case e.ownedByTemplate(id):
			return invalid(msgDiskOfTemplate, "sparsify")
		}
		return nil
	}, func(disk *Disk, sd StorageDomain) { e.measure(disk, sd) })
}

// ReduceDisk gives back what a thin disk on block storage does not use.
func (e *Engine) ReduceDisk(call Call, id string) (Job, error) {
	return e.treatDisk(call, "reduce", permitReduceDisk, id, func(disk *Disk, sd StorageDomain) error {
		if !sd.Block() || disk.Format != FormatCOW {
			return invalid(msgDiskNotBlock)
		}
		return nil
	}, func(disk *Disk, sd StorageDomain) { e.measure(disk, sd) })
}

// ConvertDisk changes a disk's format and allocation; empty and nil mean "as it is".
func (e *Engine) ConvertDisk(call Call, id, format string, sparse *bool) (Job, error) {
	converted := func(disk Disk) *Disk {
		disk.Format = cmp.Or(format, disk.Format)
		set(&disk.Sparse, sparse)
		return &disk
	}
	return e.treatDisk(call, "convert", permitConfigureDisk, id, func(disk *Disk, sd StorageDomain) error {
		return checkDiskConfiguration("convert", converted(*disk), sd)
	}, func(disk *Disk, sd StorageDomain) {
		*disk = *converted(*disk)
		e.measure(disk, sd)
	})
}

// RefreshLUN is refused for every disk: none here is a LUN.
func (e *Engine) RefreshLUN(call Call, id string) (Job, error) {
	return e.treatDisk(call, "refresh", permitEditDisk, id, func(*Disk, StorageDomain) error { return invalid(msgDiskNoLUN) }, nil)
}

// treatDisk locks the disk while something is done to it.
func (e *Engine) treatDisk(call Call, verb, permit, id string, check func(*Disk, StorageDomain) error,
	treat func(*Disk, StorageDomain),
) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, ok := e.disks[id]
	if !ok {
		return Job{}, noEntity()
	}
	if err := e.authorize(call, permit, Object{TypeDisk, id}); err != nil {
		return Job{}, err
	}
	if err := e.checkIdle(verb, disk); err != nil {
		return Job{}, err
	}
	sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
	if err := check(disk, sd); err != nil {
		return Job{}, err
	}
	disk.Status = StatusLocked
	job := e.startJob(call, fmt.Sprintf("Running %s on Disk %s", verb, disk.Alias))
	e.later(copyTime, func() {
		treat(disk, sd)
		disk.Status = StatusOK
		e.finishJob(job)
	})
	return *job, nil
}

// measure sets what the disk takes from what is kept of it.
func (e *Engine) measure(disk *Disk, sd StorageDomain) {
	disk.ActualSize = newDiskSize(disk, sd)
	if disk.Sparse {
		disk.ActualSize = max(disk.ActualSize, e.images().Allocated(disk.ID))
	}
}
