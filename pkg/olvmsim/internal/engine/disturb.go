package engine

import (
	"errors"
	"path"
	"slices"
)

// disturb is what injected faults ask of the engine's life cycles. The engine's mutex guards it.
type disturb struct {
	// stuck are patterns of the aliases of disks that stay locked.
	stuck []string
	// orphans are disks that VMs held when they were removed, by id, with the VM's name.
	orphans map[string]string
}

// leaveBehind notes the disks that a VM held and that are there without it.
func (e *Engine) leaveBehind(v *VM) {
	for _, a := range v.Disks {
		if d := e.disks[a.DiskID]; d == nil || d.Shareable {
			continue
		}
		if e.disturb.orphans == nil {
			e.disturb.orphans = map[string]string{}
		}
		e.disturb.orphans[a.DiskID] = v.Name
	}
}

// StickDisks locks all disks whose aliases match the pattern (path.Match), now and whenever something would unlock them.
func (e *Engine) StickDisks(pattern string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.disturb.stuck, pattern) {
		e.disturb.stuck = append(e.disturb.stuck, pattern)
	}
	e.stick()
}

// UnstickDisks ends StickDisks with the same pattern: the disks are ok.
func (e *Engine) UnstickDisks(pattern string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.disturb.stuck[:0:0]
	for _, p := range e.disturb.stuck {
		if p != pattern {
			kept = append(kept, p)
		}
	}
	for _, d := range e.disks {
		if ok, _ := path.Match(pattern, d.Alias); ok && d.Status == StatusLocked && !e.busy(d.ID) {
			d.Status = StatusOK
		}
	}
	e.disturb.stuck = kept
}

// stick locks again what an event has unlocked.
func (e *Engine) stick() {
	for _, pattern := range e.disturb.stuck {
		for _, d := range e.disks {
			if ok, _ := path.Match(pattern, d.Alias); ok {
				d.Status = StatusLocked
			}
		}
	}
}

// isStuck says whether a fault keeps the disk locked.
func (e *Engine) isStuck(d *Disk) bool {
	for _, pattern := range e.disturb.stuck {
		if ok, _ := path.Match(pattern, d.Alias); ok {
			return true
		}
	}
	return false
}

// busy says whether a disk belongs to a VM or template that a command holds, which unlocks it when it is done.
func (e *Engine) busy(diskID string) bool {
	if e.transferring(diskID) {
		return true
	}
	for _, id := range e.owners(diskID) {
		if v, ok := e.vms[id]; ok && v.Status == StatusImageLocked {
			return true
		}
		if t, ok := e.templates[id]; ok && t.Status == StatusLocked {
			return true
		}
	}
	return false
}

// errNoTransfers says that there is nothing to pause.
var errNoTransfers = errors.New("no image transfer is under way that could be paused")

// VMName is the VM's name, empty if there is no such VM.
func (e *Engine) VMName(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v, ok := e.vms[id]; ok {
		return v.Name
	}
	return ""
}
