package engine

import "fmt"

// The methods of this file are what somebody else does, whose calls the simulator does not see.

func (e *Engine) vmNamed(name string) (*VM, error) {
	for _, v := range e.vmList() {
		if v.Name == name {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: VM %q", ErrNotFound, name)
}

// PowerOffOutside takes the power from a VM at once.
func (e *Engine) PowerOffOutside(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.vmNamed(name)
	if err != nil {
		return err
	}
	if !v.Running() {
		return fmt.Errorf("power off VM %q: it is %s", name, v.Status)
	}
	v.run++
	e.logEvent(eventStop, v.ID, "", fmt.Sprintf("VM %s powered off by %s (Host: %s).", v.Name, AdminName, e.hostName(v.HostID)))
	e.halted(v, "")
	return nil
}

// RemoveOutside removes a VM with its disks at once, whatever its status.
func (e *Engine) RemoveOutside(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.vmNamed(name)
	if err != nil {
		return err
	}
	v.run++
	if v.Running() {
		e.halted(v, "")
	}
	e.dropVM(v, e.lockForRemoval(v, false), "")
	return nil
}

// RenameOutside gives a VM another name, which must be free.
func (e *Engine) RenameOutside(name, newName string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.vmNamed(name)
	if err != nil {
		return err
	}
	if err := e.checkName("edit", newName); err != nil {
		return err
	}
	if e.nameInUse(e.clusterByID(v.ClusterID).DataCenterID, newName) || e.nameLocks[newName] {
		return conflict(msgNameInUse, "edit")
	}
	if e.nameLocks[name] {
		delete(e.nameLocks, name)
		e.nameLocks[newName] = true
	}
	v.Name = newName
	e.logEvent(eventUpdated, v.ID, "", fmt.Sprintf("VM %s configuration was updated by %s.", v.Name, AdminName))
	return nil
}
