package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// AttachmentAdd is a request for a disk in a VM: an existing one (DiskID) or a new one (New).
type AttachmentAdd struct {
	DiskID           string
	New              *DiskAdd
	Interface        string
	Bootable, Active bool
	ReadOnly         bool
	PassDiscard      bool
	SCSIReservation  bool
}

// AttachmentChange is what a PUT may say of a disk in a VM; nil means "not said".
type AttachmentChange struct {
	Interface                        *string
	Bootable, Active, ReadOnly       *bool
	PassDiscard, UsesSCSIReservation *bool
	Disk                             *DiskChange
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
	if add.Bootable {
		if err := e.checkBootDisk(verb, v, ""); err != nil {
			return Attachment{}, err
		}
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
		PassDiscard: add.PassDiscard, UsesSCSIReservation: add.SCSIReservation,
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
	return e.authorizeNewDisk(call, *add.New)
}

func (e *Engine) checkAttach(v *VM, add AttachmentAdd) error {
	if add.New != nil {
		return nil
	}
	disk, ok := e.disks[add.DiskID]
	if !ok {
		return noReferenced("Disk", Ref{ID: add.DiskID})
	}
	switch disk.Status {
	case StatusLocked:
		return conflict(msgDisksLocked, "attach Virtual Disk", disk.Alias)
	case StatusIllegal:
		return conflict(msgDisksIllegal, "attach Virtual Disk", disk.Alias)
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

// checkBootDisk refuses a second bootable disk; except is the one that may be bootable.
func (e *Engine) checkBootDisk(verb string, v *VM, except string) error {
	for _, a := range v.Disks {
		if a.Bootable && a.DiskID != except {
			return conflict(msgBootDiskExists, verb, e.disks[a.DiskID].Alias, v.Name)
		}
	}
	return nil
}

// UpdateAttachment merges change into how the VM uses the disk, and into the disk.
func (e *Engine) UpdateAttachment(call Call, vmID, diskID string, change AttachmentChange) (Attachment, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, i, err := e.attachment(vmID, diskID)
	if err != nil {
		return Attachment{}, err
	}
	if err := e.authorize(call, permitConfigureVMStorage, Object{TypeVM, vmID}); err != nil {
		return Attachment{}, err
	}
	if v.Status == StatusImageLocked {
		return Attachment{}, conflict(msgDiskVMLocked, "edit", statusWords(v.Status))
	}
	changed := v.Disks[i]
	set(&changed.Interface, change.Interface)
	set(&changed.Bootable, change.Bootable)
	set(&changed.ReadOnly, change.ReadOnly)
	set(&changed.PassDiscard, change.PassDiscard)
	set(&changed.UsesSCSIReservation, change.UsesSCSIReservation)
	if changed != v.Disks[i] && v.Running() {
		return Attachment{}, conflict(msgDiskRunning, "edit")
	}
	if changed.Bootable {
		if err := e.checkBootDisk("edit", v, diskID); err != nil {
			return Attachment{}, err
		}
	}
	set(&changed.Active, change.Active)
	if change.Disk != nil {
		if _, err := e.changeDisk(call, e.disks[diskID], *change.Disk); err != nil {
			return Attachment{}, err
		}
	}
	v.Disks[i] = changed
	return changed, nil
}

func (e *Engine) attachment(vmID, diskID string) (*VM, int, error) {
	v, ok := e.vms[vmID]
	if !ok {
		return nil, 0, noEntity()
	}
	i := slices.IndexFunc(v.Disks, func(a Attachment) bool { return a.DiskID == diskID })
	if i < 0 {
		return nil, 0, noEntity()
	}
	return v, i, nil
}

// DetachDisk takes a disk out of a VM and, unless detachOnly is set, removes it.
func (e *Engine) DetachDisk(call Call, vmID, diskID string, detachOnly bool) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, i, err := e.attachment(vmID, diskID)
	if err != nil {
		return Job{}, err
	}
	if !detachOnly {
		return e.removeDisk(call, diskID)
	}
	if err := e.authorize(call, permitConfigureVMStorage, Object{TypeVM, vmID}); err != nil {
		return Job{}, err
	}
	if v.Status == StatusImageLocked {
		return Job{}, conflict(msgVMStatus, "detach Virtual Disk", statusWords(v.Status))
	}
	disk := e.disks[diskID]
	if disk.Status == StatusLocked {
		return Job{}, conflict(msgDisksLocked, "detach Virtual Disk", disk.Alias)
	}
	job := e.startJob(call, fmt.Sprintf("Detaching Disk %s from VM %s", disk.Alias, v.Name))
	v.Disks = slices.Delete(v.Disks, i, i+1)
	e.finishJob(job)
	return *job, nil
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
	slices.Sort(ids)
	return ids
}

// ownedByTemplate says whether the disk is a template's.
func (e *Engine) ownedByTemplate(diskID string) bool {
	return slices.ContainsFunc(e.owners(diskID), func(id string) bool { return e.templates[id] != nil })
}

// inUse says whether a VM that is not down holds the disk.
func (e *Engine) inUse(diskID string) bool {
	return slices.ContainsFunc(e.owners(diskID), func(id string) bool { return e.vms[id] != nil && e.vms[id].Status != StatusDown })
}
