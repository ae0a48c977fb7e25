package engine

import (
	"fmt"
	"slices"
	"time"
)

const (
	guestHaltTime = 3 * time.Second
	powerOffTime  = 500 * time.Millisecond
	rebootTime    = 3 * time.Second
	saveTime      = 3 * time.Second
)

// commandOn finds the VM and checks the permit.
func (e *Engine) commandOn(call Call, permit, id string) (*VM, error) {
	v, ok := e.vms[id]
	if !ok {
		return nil, noEntity()
	}
	return v, e.authorize(call, permit, Object{TypeVM, id})
}

// checkStatus refuses a command unless the VM runs and is in one of the statuses.
func (v *VM) checkStatus(verb string, allowed ...string) error {
	switch {
	case !v.Running():
		return conflict(msgVMNotRunning, verb)
	case !slices.Contains(allowed, v.Status):
		return conflict(msgVMStatus, verb+" VM", statusWords(v.Status))
	}
	return nil
}

// skipped is the answer to a stop or shutdown of a VM that is down: the engine leaves the command out without an error.
func (e *Engine) skipped(call Call, v *VM, verb string) Job {
	job := e.startJob(call, fmt.Sprintf("%s VM %s", verb, v.Name))
	e.logAs(severityWarning, eventAlreadyDown, v.ID, call.CorrelationID, fmt.Sprintf("VM %s is already down.", v.Name)) // own words
	e.finishJob(job)
	return *job
}

// StopVM takes the power away.
func (e *Engine) StopVM(call Call, id, reason string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitStopVM, id)
	if err != nil {
		return Job{}, err
	}
	switch {
	case v.Status == StatusDown:
		return e.skipped(call, v, "Stopping"), nil
	case !v.Running():
		return Job{}, conflict(msgVMNotRunning, "stop")
	}
	e.logEvent(eventStop, v.ID, call.CorrelationID, fmt.Sprintf("VM %s powered off by %s (Host: %s).", v.Name, call.User.Name, e.hostName(v.HostID)))
	return *e.powerDown(call, v, "Stopping", reason, powerOffTime, func() bool { return true }), nil
}

// ShutdownVM asks the guest to halt, which a deaf one never does.
func (e *Engine) ShutdownVM(call Call, id, reason string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitShutDownVM, id)
	if err != nil {
		return Job{}, err
	}
	if v.Status == StatusDown {
		return e.skipped(call, v, "Shutting down"), nil
	}
	if err := v.checkStatus("shutdown", StatusUp, StatusPoweringUp, StatusWaitForLaunch, StatusReboot); err != nil {
		return Job{}, err
	}
	e.logEvent(eventShutdown, v.ID, call.CorrelationID,
		fmt.Sprintf("VM shutdown initiated by %s on VM %s (Host: %s).", call.User.Name, v.Name, e.hostName(v.HostID)))
	tells := !e.behaviourOf(v).Deaf && e.power.Shutdown(v.ID)
	halts := func() bool { return !tells && !e.behaviourOf(v).Deaf }
	return *e.powerDown(call, v, "Shutting down", reason, guestHaltTime, halts), nil
}

// powerDown makes the VM down after d if it halts then. Otherwise its guest was only asked to: it is deaf, or tells when it has halted.
func (e *Engine) powerDown(call Call, v *VM, verb, reason string, d time.Duration, halts func() bool) *Job {
	v.run++
	run := v.run
	v.Status, v.StopReason = StatusPoweringDown, reason
	job := e.startJob(call, fmt.Sprintf("%s VM %s", verb, v.Name))
	e.later(d, func() {
		if v.run == run && halts() {
			e.halted(v, call.CorrelationID)
		}
		e.finishJob(job)
	})
	return job
}

// GuestHalted makes a VM down whose guest has switched it off, or has died. The engine must not be locked; still is asked with the engine
// locked whether that was the VM's newest run.
func (e *Engine) GuestHalted(id string, still func() bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok || !v.Running() || !still() {
		return
	}
	v.run++
	e.halted(v, "")
}

// halted is the end of a run. What was kept for the next run is the VM's hardware from now on.
func (e *Engine) halted(v *VM, correlationID string) {
	e.logEvent(eventVMDown, v.ID, correlationID, fmt.Sprintf("VM %s is down.", v.Name))
	e.switchOff(v)
}

func (e *Engine) switchOff(v *VM) {
	e.power.Off(v.ID)
	host := v.HostID
	v.Status, v.HostID, v.StopTime, v.StartTime = StatusDown, "", e.timeline.now(), time.Time{}
	v.waitingBoot, v.RunOnce, v.Frozen, v.CurrentCDFile = nil, false, false, ""
	v.applyNextRun()
	e.settleHost(host)
}

func (v *VM) applyNextRun() {
	if v.NextRun != nil {
		v.Hardware, v.NextRun = *v.NextRun, nil
	}
}

// RebootVM lets the guest boot anew.
func (e *Engine) RebootVM(call Call, id string) (Job, error) {
	return e.bootAnew(call, id, "reboot", permitRebootVM, StatusUp, StatusPoweringUp)
}

// ResetVM does the same without asking the guest.
func (e *Engine) ResetVM(call Call, id string) (Job, error) {
	return e.bootAnew(call, id, "reset", permitResetVM, StatusUp, StatusPoweringUp, StatusPaused, StatusReboot)
}

// bootAnew switches the guest off and on. A configuration for the next run takes effect, as by the engine's cold reboot.
func (e *Engine) bootAnew(call Call, id, verb, permit string, allowed ...string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permit, id)
	if err != nil {
		return Job{}, err
	}
	if err := v.checkStatus(verb, allowed...); err != nil {
		return Job{}, err
	}
	v.run++
	run := v.run
	v.Status, v.waitingBoot = StatusReboot, nil
	job := e.startJob(call, fmt.Sprintf("Rebooting VM %s", v.Name))
	e.logEvent(eventReboot, v.ID, call.CorrelationID, fmt.Sprintf("User %s initiated reboot of VM %s.", call.User.Name, v.Name))
	e.power.Off(v.ID)
	e.later(rebootTime, func() {
		if v.run == run {
			v.applyNextRun()
			e.power.On(e.bootOf(v, configDrive{}))
		}
		e.finishJob(job)
	})
	e.comeUp(v, call.CorrelationID, fmt.Sprintf("VM %s is up again after its reboot.", v.Name))
	return *job, nil
}

// SuspendVM saves the VM's memory and switches it off until its next start.
func (e *Engine) SuspendVM(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitHibernateVM, id)
	if err != nil {
		return Job{}, err
	}
	if err := v.checkStatus("suspend", StatusUp); err != nil {
		return Job{}, err
	}
	v.run++
	run := v.run
	v.Status = StatusSavingState
	job := e.startJob(call, fmt.Sprintf("Suspending VM %s", v.Name))
	e.logEvent(eventSuspending, v.ID, call.CorrelationID, fmt.Sprintf("Suspending VM %s was initiated by User %s.", v.Name, call.User.Name))
	e.later(saveTime, func() {
		if v.run == run {
			e.power.Off(v.ID)
			host := v.HostID
			v.Status, v.HostID, v.StartTime = StatusSuspended, "", time.Time{}
			e.logEvent(eventSuspended, v.ID, call.CorrelationID, fmt.Sprintf("VM %s is suspended.", v.Name))
			e.settleHost(host)
		}
		e.finishJob(job)
	})
	return *job, nil
}

func (e *Engine) hostName(id string) string {
	h, _ := pickRef(e.hosts, Ref{ID: id}, hostRef)
	return h.Name
}
