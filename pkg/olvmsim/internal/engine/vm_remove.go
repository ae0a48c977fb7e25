package engine

import "fmt"

// RemoveVM removes a VM that is down, with all its disks that are not shareable unless detachOnly is set.
func (e *Engine) RemoveVM(call Call, id string, detachOnly bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return noEntity()
	}
	if err := e.authorize(call, permitDeleteVM, Object{TypeVM, id}); err != nil {
		return err
	}
	switch {
	case v.Status == StatusImageLocked:
		return conflict(msgVMLocked, "remove")
	case v.Running():
		return conflict(msgVMRunning, "remove")
	case v.DeleteProtected:
		return conflict(msgDeleteProtected)
	case detachOnly && v.TemplateID != BlankTemplateID && len(v.Disks) > 0:
		return conflict(msgDetachBasedTemplate)
	}
	if locked := e.lockedDisks(v.Disks); locked != "" && !detachOnly {
		return conflict(msgDisksLocked, "remove VM", locked)
	}
	v.Status = StatusImageLocked
	removed := e.lockForRemoval(v, detachOnly)
	job := e.startJob(call, fmt.Sprintf("Removing VM %s from system", v.Name))
	e.later(removeTime, func() {
		for _, disk := range removed {
			e.dropDisk(disk)
		}
		delete(e.vms, v.ID)
		e.forget(Object{TypeVM, v.ID})
		e.power.Removed(v.ID)
		e.logEvent(eventRemoved, v.ID, call.CorrelationID, fmt.Sprintf("VM %s was successfully removed.", v.Name))
		e.finishJob(job)
	})
	return nil
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
