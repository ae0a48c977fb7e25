package engine

import (
	"fmt"
	"slices"
)

// RemoveOptions say how a VM is removed.
type RemoveOptions struct {
	// DetachOnly keeps the disks.
	DetachOnly bool
	// Force removes a VM that is locked as well, whatever locks it.
	Force bool
}

// RemoveVM removes a VM that is down, with all its disks that are not shareable unless DetachOnly is set.
func (e *Engine) RemoveVM(call Call, id string, options RemoveOptions) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return noEntity()
	}
	if err := e.authorize(call, permitDeleteVM, Object{TypeVM, id}); err != nil {
		return err
	}
	if err := e.checkRemove(v, options); err != nil {
		return err
	}
	v.Status = StatusImageLocked
	v.run++
	// The disks are gone when the reply comes, clients count on it; only what the storage still does takes time.
	removed := e.lockForRemoval(v, options.DetachOnly)
	v.Disks = slices.DeleteFunc(v.Disks, func(a Attachment) bool { return slices.Contains(removed, a.DiskID) })
	for _, disk := range removed {
		e.dropDisk(disk)
	}
	job := e.startJob(call, fmt.Sprintf("Removing VM %s from system", v.Name))
	e.later(removeTime, func() {
		if e.vms[id] == v {
			e.dropVM(v, nil, call.CorrelationID)
		}
		e.finishJob(job)
	})
	return nil
}

func (e *Engine) checkRemove(v *VM, options RemoveOptions) error {
	switch {
	case v.Status == StatusImageLocked && !options.Force:
		return conflict(msgVMLocked, "remove")
	case v.Status == StatusSuspended, v.Status == StatusSavingState, v.Status == StatusRestoringState:
		return conflict(msgVMNotDown)
	case v.Running():
		return conflict(msgVMRunning, "remove")
	case v.DeleteProtected:
		return conflict(msgDeleteProtected)
	case options.DetachOnly && v.TemplateID != BlankTemplateID && len(v.Disks) > 0:
		return conflict(msgDetachBasedTemplate)
	}
	if locked := e.lockedDisks(v.Disks); locked != "" && !options.DetachOnly && !options.Force {
		return conflict(msgDisksLocked, "remove VM", locked)
	}
	return nil
}

// dropVM makes the VM and the disks be gone.
func (e *Engine) dropVM(v *VM, diskIDs []string, correlationID string) {
	for _, disk := range diskIDs {
		e.dropDisk(disk)
	}
	delete(e.vms, v.ID)
	e.leaveBehind(v)
	delete(e.nameLocks, v.Name)
	for _, g := range e.affinityGroups {
		g.VMs = without(g.VMs, v.ID)
	}
	for _, l := range e.affinityLabels {
		l.VMs = without(l.VMs, v.ID)
	}
	e.forget(Object{TypeVM, v.ID})
	e.power.Removed(v.ID)
	e.logEvent(eventRemoved, v.ID, correlationID, fmt.Sprintf("VM %s was successfully removed.", v.Name))
}

func (e *Engine) lockForRemoval(v *VM, detachOnly bool) (removed []string) {
	for _, a := range v.Disks {
		disk := e.disks[a.DiskID]
		if detachOnly || disk.Shareable {
			continue
		}
		disk.Status = StatusLocked
		removed = append(removed, disk.ID)
	}
	return removed
}
