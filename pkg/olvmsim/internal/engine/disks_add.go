package engine

import (
	"cmp"
	"fmt"
	"strings"
)

// DiskAdd is a request for a new disk. Sizes are bytes.
type DiskAdd struct {
	// ID is chosen by the client, or empty.
	ID, Alias, Description, Format string
	ContentType, Backup            string
	ProvisionedSize, InitialSize   int64
	// Sparse is true unless the request says otherwise.
	Sparse          *bool
	Shareable, Wipe bool
	PropagateErrors bool
	StorageDomain   Ref
	QuotaID         string
}

// What a new disk takes, in bytes: the first block of a raw file, the tables of a qcow2 file.
const (
	newRawSize = 4096
	newCOWSize = 200_704
	// blockExtent is what a thin disk on block storage gets at first, the engine's 2.5 GiB since 4.4.
	blockExtent = 2560 * mib
	blockUnit   = 128 * mib
)

// AddDisk makes a disk that no VM has.
func (e *Engine) AddDisk(call Call, add DiskAdd) (Disk, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.authorizeNewDisk(call, add); err != nil {
		return Disk{}, err
	}
	disk, err := e.addDisk(call, add, "")
	if err != nil {
		return Disk{}, err
	}
	return *disk, nil
}

func (e *Engine) authorizeNewDisk(call Call, add DiskAdd) error {
	sd, ok := e.storageDomainByRef(add.StorageDomain)
	if !ok {
		return invalid(msgDiskNoStorageDomain)
	}
	return e.authorize(call, permitCreateDisk, Object{TypeStorageDomain, sd.ID})
}

// addDisk makes a disk that is locked until its job is done.
func (e *Engine) addDisk(call Call, add DiskAdd, defaultAlias string) (*Disk, error) {
	sd, ok := e.storageDomainByRef(add.StorageDomain)
	if !ok {
		return nil, invalid(msgDiskNoStorageDomain)
	}
	disk := &Disk{
		Alias: cmp.Or(add.Alias, defaultAlias), Description: add.Description,
		Status: StatusLocked, Format: cmp.Or(add.Format, FormatCOW), StorageDomainID: sd.ID, ContentType: cmp.Or(add.ContentType, "data"),
		ProvisionedSize: add.ProvisionedSize, Sparse: add.Sparse == nil || *add.Sparse, Shareable: add.Shareable, WipeAfterDelete: add.Wipe,
	}
	if err := e.checkQuota("add Virtual Disk", sd.DataCenterID, &add.QuotaID); err != nil {
		return nil, err
	}
	disk.QuotaID = add.QuotaID
	disk.Backup, disk.InitialSize, disk.PropagateErrors = cmp.Or(add.Backup, "none"), add.InitialSize, add.PropagateErrors
	if err := e.checkNewDisk(disk, sd, add.ID); err != nil {
		return nil, err
	}
	disk.ID, disk.ImageID = cmp.Or(add.ID, e.newID()), e.newID()
	disk.ActualSize = newDiskSize(disk, sd)
	e.disks[disk.ID] = disk
	if call.Filtered {
		e.grant(call.User.ID, roleDiskOperator, Object{TypeDisk, disk.ID})
	}
	job := e.startJob(call, fmt.Sprintf("Creating Disk %s", disk.Alias))
	e.later(newDiskTime, func() {
		disk.Status = StatusOK
		e.logEvent(eventDiskAdded, "", call.CorrelationID, fmt.Sprintf("The disk %s was successfully added.", disk.Alias))
		e.finishJob(job)
	})
	return disk, nil
}

func (e *Engine) checkNewDisk(disk *Disk, sd StorageDomain, id string) error {
	switch {
	case disk.ProvisionedSize <= 0:
		return invalid(msgDiskSize, "add")
	case e.disks[id] != nil:
		return conflict(msgDiskIDExists)
	case disk.Shareable && disk.Format == FormatCOW:
		return invalid(msgDiskShareable, "add")
	}
	if err := checkDiskConfiguration("add", disk, sd); err != nil {
		return err
	}
	return e.checkRoom("add Virtual Disk", sd, disk.ProvisionedSize, disk.Sparse)
}

// checkDiskConfiguration refuses combinations of format and allocation that a kind of storage does not have: the engine's
// ImagesHandler.checkImageConfiguration.
func checkDiskConfiguration(verb string, disk *Disk, sd StorageDomain) error {
	incremental := disk.Backup == "incremental"
	thin := map[bool]string{true: "Sparse", false: "Preallocated"}[disk.Sparse]
	switch {
	case disk.Format == FormatCOW && !disk.Sparse && !incremental:
	case disk.Format == FormatRaw && disk.Sparse && sd.Block():
	case disk.Format == FormatRaw && incremental:
	default:
		return nil
	}
	backup := map[bool]string{true: "Incremental", false: "None"}[incremental]
	return invalid(msgDiskConfig, verb, strings.ToUpper(disk.Format), thin, backup)
}

// newDiskSize is what the storage gives a disk before anybody writes to it.
func newDiskSize(disk *Disk, sd StorageDomain) int64 {
	switch {
	case !disk.Sparse:
		return disk.ProvisionedSize
	case sd.Block():
		return volumeSize(disk)
	case disk.Format == FormatRaw:
		return newRawSize
	}
	return newCOWSize
}

// volumeSize is the logical volume of a disk on block storage that was never written.
func volumeSize(disk *Disk) int64 {
	if !disk.Sparse {
		return disk.ProvisionedSize
	}
	if disk.InitialSize > 0 {
		return (disk.InitialSize + blockUnit - 1) / blockUnit * blockUnit
	}
	return blockExtent
}

// cloneDisk makes a locked disk with the content of another one.
func (e *Engine) cloneDisk(source *Disk) *Disk {
	disk := *source
	disk.ID, disk.ImageID, disk.Status, disk.OtherDomainIDs = e.newID(), e.newID(), StatusLocked, nil
	e.disks[disk.ID] = &disk
	e.images().Share(source.ID, disk.ID)
	return &disk
}
