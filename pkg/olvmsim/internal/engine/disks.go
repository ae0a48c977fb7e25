package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// AttachmentAdd is a request for a disk in a VM: an existing one (DiskID) or a new one (New).
type AttachmentAdd struct {
	DiskID           string
	New              *DiskAdd
	Interface        string
	Bootable, Active bool
	ReadOnly         bool
}

// DiskAdd is a request for a new disk. Sizes are bytes.
type DiskAdd struct {
	Alias, Description, Format string
	ProvisionedSize            int64
	Sparse, Shareable, Wipe    bool
	StorageDomain              Ref
}

// AttachDisk puts a disk into a VM.
func (e *Engine) AttachDisk(call Call, vmID string, add AttachmentAdd) (Attachment, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok {
		return Attachment{}, noEntity()
	}
	if err := e.authorizeAttach(call, vmID, add); err != nil {
		return Attachment{}, err
	}
	verb := "attach"
	if add.New != nil {
		verb = "add"
	}
	if v.Status == StatusImageLocked {
		return Attachment{}, conflict(msgVMStatus, verb+" Virtual Disk", statusWords(v.Status))
	}
	if err := e.checkAttach(v, add); err != nil {
		return Attachment{}, err
	}
	if err := e.checkBootDisk(verb, v, add); err != nil {
		return Attachment{}, err
	}
	diskID := add.DiskID
	if add.New != nil {
		disk, err := e.addDisk(call, *add.New, fmt.Sprintf("%s_Disk%d", v.Name, len(v.Disks)+1))
		if err != nil {
			return Attachment{}, err
		}
		diskID = disk.ID
	}
	attachment := Attachment{
		DiskID: diskID, Interface: cmp.Or(add.Interface, "virtio"), Bootable: add.Bootable, Active: add.Active, ReadOnly: add.ReadOnly,
	}
	v.Disks = append(v.Disks, attachment)
	e.logEvent(eventDiskAttached, v.ID, call.CorrelationID,
		fmt.Sprintf("Disk %s was successfully attached to VM %s by %s.", e.disks[diskID].Alias, v.Name, call.User.Name))
	return attachment, nil
}

func (e *Engine) authorizeAttach(call Call, vmID string, add AttachmentAdd) error {
	if err := e.authorize(call, permitConfigureVMStorage, Object{TypeVM, vmID}); err != nil {
		return err
	}
	if add.New == nil {
		return e.authorize(call, permitAttachDisk, Object{TypeDisk, add.DiskID})
	}
	sd, ok := e.storageDomainByRef(add.New.StorageDomain)
	if !ok {
		return invalid(msgDiskNoStorageDomain)
	}
	return e.authorize(call, permitCreateDisk, Object{TypeStorageDomain, sd.ID})
}

func (e *Engine) checkAttach(v *VM, add AttachmentAdd) error {
	if add.New != nil {
		return nil
	}
	disk, ok := e.disks[add.DiskID]
	if !ok {
		return noReferenced("Disk", Ref{ID: add.DiskID})
	}
	if disk.Status == StatusLocked {
		return conflict(msgDisksLocked, "attach Virtual Disk", disk.Alias)
	}
	owners := e.owners(disk.ID)
	switch {
	case slices.Contains(owners, v.ID):
		return conflict(msgDiskAlreadyHere)
	case len(owners) > 0 && !disk.Shareable:
		return conflict(msgDiskAttached)
	}
	return nil
}

func (e *Engine) checkBootDisk(verb string, v *VM, add AttachmentAdd) error {
	if !add.Bootable {
		return nil
	}
	for _, a := range v.Disks {
		if a.Bootable {
			return conflict(msgBootDiskExists, verb, e.disks[a.DiskID].Alias, v.Name)
		}
	}
	return nil
}

// addDisk makes a disk that is locked until its job is done.
func (e *Engine) addDisk(call Call, add DiskAdd, defaultAlias string) (*Disk, error) {
	sd, ok := e.storageDomainByRef(add.StorageDomain)
	if !ok {
		return nil, invalid(msgDiskNoStorageDomain)
	}
	if err := e.checkSpace("add Virtual Disk", sd.ID); err != nil {
		return nil, err
	}
	disk := &Disk{
		ID: uuid.NewString(), Alias: cmp.Or(add.Alias, defaultAlias), Description: add.Description,
		Status: StatusLocked, Format: cmp.Or(add.Format, "cow"), StorageDomainID: sd.ID, ImageID: uuid.NewString(), ContentType: "data",
		ProvisionedSize: add.ProvisionedSize, Sparse: add.Sparse, Shareable: add.Shareable, WipeAfterDelete: add.Wipe,
	}
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

// DetachDisk takes a disk out of a VM and, unless detachOnly is set, removes it.
func (e *Engine) DetachDisk(call Call, vmID, diskID string, detachOnly bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok {
		return noEntity()
	}
	i := slices.IndexFunc(v.Disks, func(a Attachment) bool { return a.DiskID == diskID })
	if i < 0 {
		return noEntity()
	}
	if !detachOnly {
		return e.removeDisk(call, diskID)
	}
	if err := e.authorize(call, permitConfigureVMStorage, Object{TypeVM, vmID}); err != nil {
		return err
	}
	if v.Status == StatusImageLocked {
		return conflict(msgVMStatus, "detach Virtual Disk", statusWords(v.Status))
	}
	if disk := e.disks[diskID]; disk.Status == StatusLocked {
		return conflict(msgDisksLocked, "detach Virtual Disk", disk.Alias)
	}
	v.Disks = slices.Delete(v.Disks, i, i+1)
	return nil
}

// RemoveDisk removes a disk, attached or not.
func (e *Engine) RemoveDisk(call Call, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.disks[id]; !ok {
		return noEntity()
	}
	return e.removeDisk(call, id)
}

func (e *Engine) removeDisk(call Call, id string) error {
	if err := e.authorize(call, permitDeleteDisk, Object{TypeDisk, id}); err != nil {
		return err
	}
	disk := e.disks[id]
	if disk.Status == StatusLocked {
		return conflict(msgDisksLocked, "remove Virtual Disk", disk.Alias)
	}
	for _, owner := range e.owners(id) {
		v, isVM := e.vms[owner]
		if !isVM {
			return invalid(msgTemplateDisk)
		}
		if v.Status != StatusDown {
			return conflict(msgDiskVMNotDown)
		}
	}
	disk.Status = StatusLocked
	job := e.startJob(call, fmt.Sprintf("Removing Disk %s", disk.Alias))
	e.later(removeTime, func() {
		for _, v := range e.vms {
			v.Disks = slices.DeleteFunc(v.Disks, func(a Attachment) bool { return a.DiskID == id })
		}
		e.dropDisk(id)
		e.finishJob(job)
	})
	return nil
}

func (e *Engine) dropDisk(id string) {
	delete(e.disks, id)
	e.forget(Object{TypeDisk, id})
}

// owners lists the ids of the VMs and templates that hold the disk.
func (e *Engine) owners(diskID string) (ids []string) {
	holds := func(attachments []Attachment) bool {
		return slices.ContainsFunc(attachments, func(a Attachment) bool { return a.DiskID == diskID })
	}
	for _, v := range e.vms {
		if holds(v.Disks) {
			ids = append(ids, v.ID)
		}
	}
	for _, t := range e.templates {
		if holds(t.Disks) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}
