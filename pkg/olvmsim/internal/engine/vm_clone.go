package engine

import "fmt"

// CloneVM copies a VM that is down, with its disks and NICs. Both are locked meanwhile.
func (e *Engine) CloneVM(call Call, id, name string) (VM, Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return VM{}, Job{}, noEntity()
	}
	if err := e.authorize(call, permitCreateVM, Object{TypeCluster, v.ClusterID}, Object{TypeVM, id}); err != nil {
		return VM{}, Job{}, err
	}
	if err := e.checkClone(v, name); err != nil {
		return VM{}, Job{}, err
	}
	source := v.snapshot()
	clone := &VM{
		ID: e.newID(), Name: name, Description: v.Description, Comment: v.Comment, ClusterID: v.ClusterID, TemplateID: BlankTemplateID,
		OriginalTemplateID: v.OriginalTemplateID, Status: StatusDown, CreationTime: e.timeline.now(), Hardware: source.Hardware, Init: v.Init,
	}
	clone.DeleteProtected, clone.InstanceTypeID = false, v.InstanceTypeID
	domains := map[string]string{}
	for _, a := range v.Disks {
		domains[a.DiskID] = e.disks[a.DiskID].StorageDomainID
	}
	e.copyDevices(clone, &Template{NICs: source.NICs, Disks: source.Disks}, VMAdd{Clone: true}, domains)
	e.vms[clone.ID] = clone
	e.own(call, clone)
	job := e.startJob(call, fmt.Sprintf("Cloning VM %s from VM %s", name, v.Name))
	e.logEvent(eventAdd, clone.ID, call.CorrelationID, fmt.Sprintf("VM %s creation was initiated by %s.", name, call.User.Name))
	if len(clone.Disks) > 0 {
		v.Status = StatusImageLocked
		e.later(clonedDiskTime, func() {
			if v.Status == StatusImageLocked {
				v.Status = StatusDown
			}
		})
	}
	e.finishAdd(clone, true, job)
	return clone.snapshot(), *job, nil
}

func (e *Engine) checkClone(v *VM, name string) error {
	switch {
	case v.Status == StatusImageLocked:
		return conflict(msgVMLocked, "clone")
	case v.Running():
		return conflict(msgVMRunning, "clone")
	}
	if err := e.checkName("clone", name); err != nil {
		return err
	}
	if e.nameLocks[name] {
		return conflict(msgNameLocked, "clone")
	}
	if e.nameInUse(e.clusterByID(v.ClusterID).DataCenterID, name) {
		return conflict(msgNameInUse, "clone")
	}
	if locked := e.lockedDisks(v.Disks); locked != "" {
		return conflict(msgDisksLocked, "clone VM", locked)
	}
	return nil
}
