package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// AddGraphics gives a VM that is down another graphics console.
func (e *Engine) AddGraphics(call Call, vmID, protocol string) error {
	return e.changeGraphics(call, vmID, "add", func(v *VM) error {
		if slices.Contains(v.Graphics, protocol) {
			return conflict(msgConsoleExists)
		}
		v.Graphics = append(slices.Clone(v.Graphics), protocol)
		return nil
	})
}

// RemoveGraphics takes a graphics console away from a VM that is down.
func (e *Engine) RemoveGraphics(call Call, vmID, protocol string) error {
	return e.changeGraphics(call, vmID, "remove", func(v *VM) error {
		if !slices.Contains(v.Graphics, protocol) {
			return noEntity()
		}
		v.Graphics = without(v.Graphics, protocol)
		return nil
	})
}

func (e *Engine) changeGraphics(call Call, vmID, verb string, change func(*VM) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitEditVM, vmID)
	if err != nil {
		return err
	}
	switch {
	case v.Status == StatusImageLocked:
		return conflict(msgVMLocked, verb+" graphics console of")
	case v.Running():
		return conflict(msgConsoleRunning, verb)
	}
	return change(v)
}

// ChangeCD puts a file into the VM's drive, now or from its next start on; an empty name ejects.
func (e *Engine) ChangeCD(call Call, vmID, file string, current bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitChangeCD, vmID)
	if err != nil {
		return err
	}
	if !current {
		v.CDFile = file
		return nil
	}
	if err := v.checkStatus("change CD of", StatusUp, StatusPoweringUp, StatusPaused); err != nil {
		return err
	}
	v.CurrentCDFile = file
	return nil
}

// acceptance is who may give a command that has no effect here, and in which statuses of the VM; none means any.
type acceptance struct {
	verb, permit string
	allowed      []string
}

func acceptanceOf(command string) acceptance {
	running := []string{StatusUp, StatusPoweringUp, StatusWaitForLaunch, StatusPaused, StatusReboot, StatusMigrating, StatusPoweringDown}
	switch command {
	case "export":
		return acceptance{command, permitExportVM, nil}
	case "freeze", "thaw":
		return acceptance{command, permitSnapshots, []string{StatusUp}}
	case "logon":
		return acceptance{"log on to", permitConnectVM, []string{StatusUp}}
	case "screenshot":
		return acceptance{"take a screenshot of", permitConnectVM, running}
	case "ticket":
		return acceptance{"set console password of", permitConnectVM, running}
	}
	return acceptance{command, permitEditVM, nil}
}

// Accept takes a command on the VM that has no effect here.
func (e *Engine) Accept(call Call, vmID, command string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, job, err := e.accept(call, vmID, command)
	return job, err
}

func (e *Engine) accept(call Call, vmID, command string) (*VM, Job, error) {
	a := acceptanceOf(command)
	v, err := e.commandOn(call, a.permit, vmID)
	if err != nil {
		return nil, Job{}, err
	}
	if v.Status == StatusImageLocked {
		return nil, Job{}, conflict(msgVMLocked, a.verb)
	}
	if len(a.allowed) > 0 {
		if err := v.checkStatus(a.verb, a.allowed...); err != nil {
			return nil, Job{}, err
		}
	}
	job := e.startJob(call, fmt.Sprintf("%s%s VM %s", strings.ToUpper(a.verb[:1]), a.verb[1:], v.Name))
	e.finishJob(job)
	return v, *job, nil
}

// FreezeFilesystems makes the guest of a VM that is up stop writing, or go on.
func (e *Engine) FreezeFilesystems(call Call, vmID string, freeze bool) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	command := "thaw"
	if freeze {
		command = "freeze"
	}
	v, job, err := e.accept(call, vmID, command)
	if err != nil {
		return Job{}, err
	}
	v.Frozen = freeze
	return job, nil
}

// Detach takes a VM out of its pool; pools are not simulated, so no VM is in one.
func (e *Engine) Detach(call Call, vmID string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.commandOn(call, permitEditVM, vmID); err != nil {
		return Job{}, err
	}
	return Job{}, conflict(msgNoPool)
}

// Ticket is a console password of a VM that runs.
func (e *Engine) Ticket(call Call, vmID string) (value string, job Job, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, job, err = e.accept(call, vmID, "ticket"); err != nil {
		return "", Job{}, err
	}
	return strings.ReplaceAll(e.newID(), "-", "")[:12], job, nil
}

// ReorderMACAddresses gives the VM's MAC addresses to its NICs in the order of the NICs' names.
func (e *Engine) ReorderMACAddresses(call Call, vmID string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitConfigureVMNetwork, vmID)
	if err != nil {
		return Job{}, err
	}
	if v.Running() {
		return Job{}, conflict(msgVMRunning, "reorder MAC addresses of")
	}
	nics := slices.Clone(v.NICs)
	slices.SortFunc(nics, func(a, b NIC) int { return cmp.Compare(a.Name, b.Name) })
	var addresses []string
	for _, n := range nics {
		addresses = append(addresses, n.MAC)
	}
	slices.Sort(addresses)
	for i := range nics {
		nics[i].MAC = addresses[i]
	}
	v.NICs = nics
	job := e.startJob(call, fmt.Sprintf("Reordering MAC addresses of VM %s", v.Name))
	e.finishJob(job)
	return *job, nil
}

// PermissionsOn lists what was given on the VM itself.
func (e *Engine) PermissionsOn(vmID string) ([]Permission, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.vms[vmID]; !ok {
		return nil, noEntity()
	}
	return slices.DeleteFunc(slices.Clone(e.permissions), func(p Permission) bool { return p.On != Object{TypeVM, vmID} }), nil
}
