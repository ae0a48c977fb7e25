package engine

import (
	"fmt"
	"slices"
	"strings"
)

// resume makes everything that was under way end, in a stable order. The engine is locked.
func (e *Engine) resume(boots map[string]Boot) {
	var running []*Job
	for _, j := range e.jobs.order {
		if j.Status == JobStarted {
			running = append(running, j)
		}
	}
	for _, v := range e.vmList() {
		e.resumeVM(v, boots[v.ID])
	}
	for _, t := range e.templateList() {
		e.resumeTemplate(t)
	}
	for _, d := range sortedByName(e.disks, func(d *Disk) (string, string) { return d.Alias, d.ID }) {
		e.resumeDisk(d)
	}
	for _, t := range e.store.transfers {
		e.resumeTransfer(t)
		running = slices.DeleteFunc(running, func(j *Job) bool { return j == t.job })
	}
	for _, h := range e.hosts {
		e.settleHost(h.ID)
	}
	e.later(guestHaltTime, func() { // not before anything that was queued above, all of which is shorter or was queued before
		for _, j := range running {
			e.finishJob(j)
		}
	})
}

func (e *Engine) resumeVM(v *VM, boot Boot) {
	run := v.run
	up := fmt.Sprintf("VM %s started on Host %s", v.Name, e.hostName(v.HostID))
	switch v.Status {
	case StatusImageLocked:
		e.resumeLocked(v)
	case StatusWaitForLaunch:
		e.later(launchTime, func() {
			if v.run == run {
				e.powerUp(v)
			}
		})
		e.comeUp(v, "", up)
	case StatusPoweringUp:
		e.power.On(boot)
		e.comeUp(v, "", up)
	case StatusReboot:
		e.later(rebootTime, func() {
			if v.run == run {
				e.power.On(e.bootOf(v, configDrive{}))
			}
		})
		e.comeUp(v, "", up)
	case StatusUp, StatusMigrating, StatusRestoringState:
		v.Status = StatusUp
		e.power.On(e.bootAgain(v, boot))
	case StatusPoweringDown:
		e.later(powerOffTime, func() {
			if v.run == run {
				e.halted(v, "")
			}
		})
	case StatusSavingState:
		host := v.HostID
		v.Status, v.HostID = StatusSuspended, ""
		e.settleHost(host)
	}
}

// bootAgain is what a VM booted with, or what it boots with without any initialization where that is not known.
func (e *Engine) bootAgain(v *VM, boot Boot) Boot {
	if boot.VMID == "" {
		return e.bootOf(v, configDrive{})
	}
	return boot
}

// resumeLocked ends what locks a VM: its removal, or any command that leaves it down.
func (e *Engine) resumeLocked(v *VM) {
	removal := e.startedJob("Removing VM %s from system", v.Name)
	var removed []string
	for _, a := range v.Disks {
		if d := e.disks[a.DiskID]; d != nil && d.Status == StatusLocked && !d.Shareable {
			removed = append(removed, d.ID)
		}
	}
	e.later(powerOffTime, func() {
		switch {
		case e.vms[v.ID] != v:
		case removal:
			e.dropVM(v, removed, "")
		default:
			for _, id := range removed {
				e.disks[id].Status = StatusOK
			}
			v.Snapshots = slices.Clone(v.Snapshots)
			for i := range v.Snapshots {
				if v.Snapshots[i].Status == StatusLocked {
					v.Snapshots[i].Status = StatusOK
				}
			}
			v.Status = StatusDown
			delete(e.nameLocks, v.Name)
		}
	})
}

// resumeTemplate leaves one locked that an operator locked.
func (e *Engine) resumeTemplate(t *Template) {
	removal := e.startedJob("Removing Template %s from system", t.Name)
	creation := slices.ContainsFunc(e.jobs.order, func(j *Job) bool {
		return j.Status == JobStarted && strings.HasPrefix(j.Description, fmt.Sprintf("Creating Template %s ", t.Name))
	})
	if t.Status != StatusLocked || !removal && !creation {
		return
	}
	e.later(powerOffTime, func() {
		if removal {
			for _, a := range t.Disks {
				e.dropDisk(a.DiskID)
			}
			delete(e.templates, t.ID)
			e.forget(Object{TypeTemplate, t.ID})
			return
		}
		for _, a := range t.Disks {
			e.disks[a.DiskID].Status = StatusOK
		}
		t.Status = StatusOK
	})
}

// resumeDisk ends what locks a disk by itself.
func (e *Engine) resumeDisk(d *Disk) {
	if d.Status != StatusLocked || e.busy(d.ID) || e.transferring(d.ID) {
		return
	}
	removal := e.startedJob("Removing Disk %s", d.Alias)
	e.later(powerOffTime, func() {
		if !removal {
			d.Status = StatusOK
			return
		}
		for _, v := range e.vmList() {
			v.Disks = slices.DeleteFunc(v.Disks, func(a Attachment) bool { return a.DiskID == d.ID })
		}
		e.dropDisk(d.ID)
	})
}

// resumeTransfer leaves a transfer that was under way paused: its ticket is gone. What was ending ends.
func (e *Engine) resumeTransfer(t *Transfer) {
	t.TicketID, t.TransferURL, t.ProxyURL = "", "", ""
	switch t.Phase {
	case PhaseTransferring, PhaseResuming:
		t.Phase = PhasePausedSystem
	case PhaseFinalizingSuccess:
		e.later(phaseTime, func() { e.finishTransfer(t, PhaseFinishedSuccess, StatusOK) })
	case PhaseCancelledUser, PhaseFinalizingCleanup:
		e.endTransfer(t, PhaseFinalizingCleanup, PhaseFinishedCleanup)
	case PhaseCancelledSystem, PhaseFinalizingFailure:
		e.endTransfer(t, PhaseFinalizingFailure, PhaseFinishedFailure)
	case PhaseFinishedSuccess, PhaseFinishedFailure, PhaseFinishedCleanup:
		keep := keepFailed
		if t.Phase == PhaseFinishedSuccess {
			keep = keepSucceeded
		}
		e.later(keep, func() {
			e.store.transfers = slices.DeleteFunc(e.store.transfers, func(other *Transfer) bool { return other == t })
		})
	}
}
