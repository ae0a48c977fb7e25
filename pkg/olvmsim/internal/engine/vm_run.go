package engine

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// launchTime is how long a VM waits for its process.
	launchTime = time.Second
	// guestWaitTime is when a VM whose guest has no agent is called up (vdsm's GUEST_WAIT_TIMEOUT), counted from start.
	guestWaitTime = 60 * time.Second
	restoreTime   = 3 * time.Second
)

// RunOptions is what a start action may say; nil means "not said".
type RunOptions struct {
	UseCloudInit, UseIgnition, UseInitialization, UseSysprep *bool
	// Init is merged over the VM's own for this run only.
	Init *Initialization
	// BootDevices replace the VM's own for this run only.
	BootDevices []string
	// Hosts are the only ones that this run may be on.
	Hosts []Ref
	// Pause leaves the VM paused before its guest runs.
	Pause bool
	// RunOnce says that this run has settings of its own.
	RunOnce bool
}

// StartVM runs a VM, goes on with one that is suspended, or lets go one that is paused.
func (e *Engine) StartVM(call Call, id string, options RunOptions) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return Job{}, noEntity()
	}
	if err := e.authorize(call, permitRunVM, Object{TypeVM, id}); err != nil {
		return Job{}, err
	}
	if err := e.checkRun(v, options); err != nil {
		return Job{}, err
	}
	if v.Status == StatusPaused {
		return *e.unpause(call, v), nil
	}
	change, err := e.resolveChange(VMChange{PlacementHosts: options.Hosts}, "run", v.ClusterID)
	if err != nil {
		return Job{}, err
	}
	host, err := e.schedule("run", v, placement{hosts: change.hostIDs})
	if err != nil {
		return Job{}, err
	}
	if v.Status == StatusSuspended {
		return *e.restore(call, v, host), nil
	}
	drive, err := configDriveFor(v, options)
	if err != nil {
		return Job{}, invalid(msgInternal)
	}
	v.RunOnce = options.RunOnce
	job := e.startJob(call, fmt.Sprintf("Launching VM %s", v.Name))
	e.logEvent(eventStarted, v.ID, call.CorrelationID, fmt.Sprintf("VM %s was started by %s (Host: %s).", v.Name, call.User.Name, host.Name))
	e.launch(v, host, e.bootOf(v, drive), job, options.Pause || v.StartPaused)
	return *job, nil
}

func (e *Engine) bootOf(v *VM, drive configDrive) Boot {
	boot := Boot{
		VMID: v.ID, Name: v.Name, OSType: v.OSType, UserData: drive.userData, MetaData: drive.metaData, NetworkData: drive.networkData,
	}
	if t, ok := e.templates[v.OriginalTemplateID]; ok {
		boot.KubernetesVersion = t.KubernetesVersion
	}
	for _, n := range v.NICs {
		if n.Plugged && n.Linked {
			boot.MACs, boot.Networks = append(boot.MACs, n.MAC), append(boot.Networks, e.networkOf(n))
		}
	}
	return boot
}

// networkOf is the id of the logical network that a NIC is on, or "".
func (e *Engine) networkOf(nic NIC) string {
	for _, p := range e.profiles {
		if nic.ProfileID != "" && p.ID == nic.ProfileID {
			return p.NetworkID
		}
	}
	return ""
}

func (e *Engine) checkRun(v *VM, options RunOptions) error {
	kinds := 0
	for _, use := range []*bool{options.UseCloudInit, options.UseIgnition, options.UseSysprep} {
		if isTrue(use) {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return &Fault{Status: http.StatusConflict, Reason: reasonFailed}
	case v.Status == StatusImageLocked:
		return conflict(msgVMLocked, "run")
	case v.Status == StatusPaused:
		return nil
	case v.Status == StatusPoweringDown, v.Status == StatusSavingState, v.Status == StatusRestoringState:
		return conflict(msgVMStatus, "run VM", statusWords(v.Status))
	case v.Running() && v.Status != StatusSuspended:
		return conflict(msgVMRunning, "run")
	}
	if locked := e.lockedDisks(v.Disks); locked != "" {
		return conflict(msgDisksLocked, "run VM", locked)
	}
	devices := v.BootDevices
	if options.BootDevices != nil {
		devices = options.BootDevices
	}
	// The words speak of a bootable disk, the engine's RunVmValidator asks for any, and only where nothing else may be booted from.
	if len(v.Disks) == 0 && (len(devices) == 0 || len(devices) == 1 && devices[0] == "hd") {
		return conflict(msgNoBootableDisk)
	}
	if v.HighlyAvailable {
		return nil // the engine lets these run whatever the storage says
	}
	return e.checkSpace("run VM", e.domainsOf(v.Disks)...)
}

// domainsOf lists where the thin disks among the attached ones are: those grow while a VM runs.
func (e *Engine) domainsOf(attachments []Attachment) (ids []string) {
	for _, a := range attachments {
		if disk := e.disks[a.DiskID]; disk.Sparse {
			ids = append(ids, disk.StorageDomainID)
		}
	}
	return ids
}

// launch takes the VM from down to up.
func (e *Engine) launch(v *VM, host Host, boot Boot, job *Job, pause bool) {
	v.run++
	run := v.run
	v.Status, v.HostID, v.StartTime, v.StopReason = StatusWaitForLaunch, host.ID, e.timeline.now(), ""
	v.CurrentCDFile, v.waitingBoot = v.CDFile, &boot
	v.Initialized = true // once a host has accepted the run, whatever becomes of it (the engine's CreateVDSCommand)
	e.later(launchTime, func() {
		switch {
		case v.run != run:
		case e.behaviourOf(v).FailsToRun:
			e.failRun(v, host, job.CorrelationID)
		case pause:
			v.Status = StatusPaused
			e.logEvent(eventPaused, v.ID, job.CorrelationID, fmt.Sprintf("VM %s is paused.", v.Name)) // own words
		default:
			e.powerUp(v)
		}
		e.finishJob(job)
	})
	if !pause {
		e.comeUp(v, job.CorrelationID, fmt.Sprintf("VM %s started on Host %s", v.Name, host.Name))
	}
}

// powerUp runs the guest of a VM that has waited for it.
func (e *Engine) powerUp(v *VM) {
	v.Status = StatusPoweringUp
	if v.waitingBoot != nil { // a guest that was paused while it ran goes on
		e.power.On(*v.waitingBoot)
		v.waitingBoot = nil
	}
}

// comeUp makes the VM up when a guest without an agent is called up, unless it is not powering up or rebooting any more by then.
func (e *Engine) comeUp(v *VM, correlationID, description string) {
	run := v.run
	e.later(guestWaitTime+e.behaviourOf(v).Delay, func() {
		if v.run == run && !e.behaviourOf(v).NeverUp {
			v.Status = StatusUp
			e.logEvent(eventRun, v.ID, correlationID, description)
		}
	})
}

// failRun sends a VM back that could not be run.
func (e *Engine) failRun(v *VM, host Host, correlationID string) {
	v.run++
	v.Status, v.HostID, v.StartTime, v.StopTime = StatusDown, "", time.Time{}, e.timeline.now()
	v.waitingBoot, v.RunOnce = nil, false
	e.logAs(severityError, eventRunFailed, v.ID, correlationID, fmt.Sprintf("Failed to run VM %s on Host %s.", v.Name, host.Name))
}

// unpause lets the guest of a paused VM run.
func (e *Engine) unpause(call Call, v *VM) *Job {
	job := e.startJob(call, fmt.Sprintf("Launching VM %s", v.Name))
	v.run++
	e.powerUp(v)
	e.comeUp(v, call.CorrelationID, fmt.Sprintf("VM %s was resumed by %s.", v.Name, call.User.Name))
	e.finishJob(job)
	return job
}

// restore goes on with a suspended VM. The guest boots anew: what it had in memory is not simulated.
func (e *Engine) restore(call Call, v *VM, host Host) *Job {
	job := e.startJob(call, fmt.Sprintf("Launching VM %s", v.Name))
	v.run++
	run := v.run
	v.Status, v.HostID, v.StartTime = StatusRestoringState, host.ID, e.timeline.now()
	boot := e.bootOf(v, configDrive{})
	e.later(restoreTime, func() {
		if v.run == run {
			v.Status = StatusUp
			e.power.On(boot)
			e.logEvent(eventRun, v.ID, call.CorrelationID, fmt.Sprintf("VM %s started on Host %s", v.Name, host.Name))
		}
		e.finishJob(job)
	})
	return job
}

// lockedDisks names the locked disks among the attached ones, separated by commas.
func (e *Engine) lockedDisks(attachments []Attachment) string {
	var names []string
	for _, a := range attachments {
		if disk := e.disks[a.DiskID]; disk.Status == StatusLocked {
			names = append(names, disk.Alias)
		}
	}
	return strings.Join(names, ", ")
}

// statusWords is a status as the engine's messages spell it: "powering_down" is "Powering Down".
func statusWords(status string) string {
	words := strings.Split(status, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

func isTrue(b *bool) bool { return b != nil && *b }
