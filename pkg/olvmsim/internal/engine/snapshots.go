package engine

import (
	"fmt"
	"slices"
	"time"
)

const snapshotTime = 2 * time.Second

// Types of snapshots.
const (
	SnapshotRegular = "regular"
	SnapshotActive  = "active"
)

// Snapshots lists a VM's snapshots, the oldest first and the active VM last.
func (e *Engine) Snapshots(vmID string) ([]Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok {
		return nil, noEntity()
	}
	return append(slices.Clone(v.Snapshots), v.active()), nil
}

// active is the snapshot that stands for the VM as it is.
func (v *VM) active() Snapshot {
	return Snapshot{
		ID: stableID("", "snapshot", v.ID), Description: "Active VM", Status: StatusOK, Type: SnapshotActive, Date: v.CreationTime,
		Hardware: v.Hardware,
	}
}

// AddSnapshot takes a snapshot: it is locked for a while, and so is a VM that does not run.
func (e *Engine) AddSnapshot(call Call, vmID, description string, persistMemory bool) (Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.snapshotCommand(call, "create", vmID)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{
		ID: e.newID(), Description: description, Status: StatusLocked, Type: SnapshotRegular, Date: e.timeline.now(),
		PersistMemory: persistMemory && v.Running(), Hardware: v.snapshot().Hardware,
	}
	v.Snapshots = append(slices.Clone(v.Snapshots), s)
	job := e.startJob(call, fmt.Sprintf("Creating VM Snapshot %s for VM %s", description, v.Name))
	e.logEvent(eventSnapshotStarted, v.ID, call.CorrelationID,
		fmt.Sprintf("Snapshot '%s' creation for VM '%s' was initiated by %s.", description, v.Name, call.User.Name))
	e.whileLocked(v, job, func() {
		v.setSnapshot(s.ID, StatusOK)
		e.logEvent(eventSnapshotDone, v.ID, call.CorrelationID, fmt.Sprintf("Snapshot '%s' creation for VM '%s' has been completed.", description, v.Name))
	})
	return s, nil
}

// RemoveSnapshot merges a snapshot into its successor.
func (e *Engine) RemoveSnapshot(call Call, vmID, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, s, err := e.oneSnapshot(call, "remove", vmID, id)
	if err != nil {
		return err
	}
	if s.Status == StatusInPreview {
		return conflict(msgSnapshotPreview, "remove")
	}
	v.setSnapshot(id, StatusLocked)
	job := e.startJob(call, fmt.Sprintf("Removing Snapshot %s from VM %s", s.Description, v.Name))
	e.whileLocked(v, job, func() {
		v.Snapshots = slices.DeleteFunc(slices.Clone(v.Snapshots), func(s Snapshot) bool { return s.ID == id })
		e.logEvent(eventSnapshotRemoved, v.ID, call.CorrelationID, fmt.Sprintf("Snapshot '%s' for VM '%s' deletion has been completed.", s.Description, v.Name))
	})
	return nil
}

// RestoreSnapshot makes the VM what it was then. Its disks' content is not simulated.
func (e *Engine) RestoreSnapshot(call Call, vmID, id string) (Job, error) {
	return e.returnTo(call, vmID, id, func(v *VM, s Snapshot) { v.Hardware = s.Hardware })
}

// PreviewSnapshot shows the VM as it was then, until that is committed or undone.
func (e *Engine) PreviewSnapshot(call Call, vmID, id string) (Job, error) {
	return e.returnTo(call, vmID, id, func(v *VM, s Snapshot) {
		before := v.Hardware
		v.setSnapshot(s.ID, StatusInPreview)
		v.previewed, v.Hardware = &before, s.Hardware
	})
}

func (e *Engine) returnTo(call Call, vmID, id string, change func(*VM, Snapshot)) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, s, err := e.oneSnapshot(call, "restore", vmID, id)
	if err != nil {
		return Job{}, err
	}
	switch {
	case v.Running():
		return Job{}, conflict(msgVMRunning, "restore")
	case v.previewed != nil:
		return Job{}, conflict(msgSnapshotPreview, "restore")
	}
	job := e.startJob(call, fmt.Sprintf("Restoring Snapshot %s of VM %s", s.Description, v.Name))
	e.whileLocked(v, job, func() { change(v, s) })
	return *job, nil
}

// EndPreview keeps what is previewed, or goes back.
func (e *Engine) EndPreview(call Call, vmID string, commit bool) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	verb := "undo"
	if commit {
		verb = "commit"
	}
	v, err := e.snapshotCommand(call, verb, vmID)
	if err != nil {
		return Job{}, err
	}
	if v.previewed == nil {
		return Job{}, conflict(msgNoPreview, verb)
	}
	job := e.startJob(call, fmt.Sprintf("Ending the preview of a Snapshot of VM %s", v.Name))
	e.whileLocked(v, job, func() {
		if !commit {
			v.Hardware = *v.previewed
		}
		v.previewed = nil
		for _, s := range v.Snapshots {
			v.setSnapshot(s.ID, StatusOK)
		}
	})
	return *job, nil
}

// whileLocked makes a change that takes time. A VM that is down is locked meanwhile.
func (e *Engine) whileLocked(v *VM, job *Job, change func()) {
	wasDown := v.Status == StatusDown
	if wasDown {
		v.Status = StatusImageLocked
	}
	e.later(snapshotTime, func() {
		change()
		if wasDown && v.Status == StatusImageLocked {
			v.Status = StatusDown
		}
		e.finishJob(job)
	})
}

func (e *Engine) snapshotCommand(call Call, verb, vmID string) (*VM, error) {
	v, err := e.commandOn(call, permitSnapshots, vmID)
	if err != nil {
		return nil, err
	}
	if v.Status == StatusImageLocked {
		return nil, conflict(msgVMLocked, verb+" Snapshot for")
	}
	if slices.ContainsFunc(v.Snapshots, func(s Snapshot) bool { return s.Status == StatusLocked }) {
		return nil, conflict(msgSnapshotLocked, verb)
	}
	if locked := e.lockedDisks(v.Disks); locked != "" {
		return nil, conflict(msgDisksLocked, verb+" Snapshot", locked)
	}
	return v, nil
}

func (e *Engine) oneSnapshot(call Call, verb, vmID, id string) (*VM, Snapshot, error) {
	v, err := e.snapshotCommand(call, verb, vmID)
	if err != nil {
		return nil, Snapshot{}, err
	}
	if id == v.active().ID {
		return nil, Snapshot{}, conflict(msgSnapshotActive, verb)
	}
	i := slices.IndexFunc(v.Snapshots, func(s Snapshot) bool { return s.ID == id })
	if i < 0 {
		return nil, Snapshot{}, noEntity()
	}
	return v, v.Snapshots[i], nil
}

func (v *VM) setSnapshot(id, status string) {
	v.Snapshots = slices.Clone(v.Snapshots)
	for i := range v.Snapshots {
		if v.Snapshots[i].ID == id {
			v.Snapshots[i].Status = status
		}
	}
}
