package engine

import (
	"fmt"
	"slices"
)

// RemoveDisk removes a disk, attached or not.
func (e *Engine) RemoveDisk(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.disks[id]; !ok {
		return Job{}, noEntity()
	}
	return e.removeDisk(call, id)
}

// RemoveDiskCopy removes the disk from one storage domain: a further copy of a template's disk, or a disk that is there.
func (e *Engine) RemoveDiskCopy(call Call, domainID, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, ok := e.disks[id]
	if !ok || !disk.On(domainID) {
		return Job{}, noEntity()
	}
	if !e.ownedByTemplate(id) {
		return e.removeDisk(call, id)
	}
	if err := e.authorize(call, permitDeleteDisk, Object{TypeDisk, id}); err != nil {
		return Job{}, err
	}
	if err := e.checkIdle("remove", disk); err != nil {
		return Job{}, err
	}
	if len(disk.OtherDomainIDs) == 0 {
		return Job{}, conflict(msgLastCopy)
	}
	disk.Status = StatusLocked
	job := e.startJob(call, fmt.Sprintf("Removing Disk %s from Storage Domain", disk.Alias))
	e.later(removeTime, func() {
		left := slices.DeleteFunc(disk.DomainIDs(), func(other string) bool { return other == domainID })
		disk.StorageDomainID, disk.OtherDomainIDs = left[0], left[1:]
		disk.Status = StatusOK
		e.finishJob(job)
	})
	return *job, nil
}

func (e *Engine) removeDisk(call Call, id string) (Job, error) {
	if err := e.authorize(call, permitDeleteDisk, Object{TypeDisk, id}); err != nil {
		return Job{}, err
	}
	disk := e.disks[id]
	switch {
	case e.transferring(id):
		return Job{}, conflict(msgDiskTransferred, "remove", disk.Alias)
	case disk.Status == StatusLocked:
		return Job{}, conflict(msgDisksLocked, "remove Virtual Disk", disk.Alias)
	case e.ownedByTemplate(id):
		return Job{}, invalid(msgTemplateDisk)
	case e.inUse(id):
		return Job{}, conflict(msgDiskRunning, "remove")
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
	return *job, nil
}

func (e *Engine) dropDisk(id string) {
	delete(e.disks, id)
	e.forget(Object{TypeDisk, id})
	e.images().Remove(id)
}
