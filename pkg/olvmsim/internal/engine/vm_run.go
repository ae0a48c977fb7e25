package engine

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// launchTime is how long a VM waits for its process.
	launchTime = time.Second
	// guestWaitTime is when a VM whose guest has no agent is called up (vdsm's GUEST_WAIT_TIMEOUT), counted from start.
	guestWaitTime = 60 * time.Second
	guestHaltTime = 3 * time.Second
	powerOffTime  = 500 * time.Millisecond
)

// RunOptions is what a start action may say; nil means "not said".
type RunOptions struct {
	UseCloudInit, UseIgnition, UseInitialization *bool
	// Init is merged over the VM's own for this run only.
	Init *Initialization
	// BootDevices replace the VM's own for this run only.
	BootDevices []string
}

// StartVM runs a VM.
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
	host, ok := e.schedule(v)
	if !ok {
		return Job{}, conflict(msgNoHost)
	}
	userData, err := userDataFor(v, options)
	if err != nil {
		return Job{}, invalid(msgInternal)
	}
	boot := Boot{VMID: v.ID, Name: v.Name, OSType: v.OSType, UserData: userData}
	if t, ok := e.templates[v.OriginalTemplateID]; ok {
		boot.KubernetesVersion = t.KubernetesVersion
	}
	job := e.startJob(call, fmt.Sprintf("Launching VM %s", v.Name))
	e.logEvent(eventStarted, v.ID, call.CorrelationID, fmt.Sprintf("VM %s was started by %s (Host: %s).", v.Name, call.User.Name, host.Name))
	e.launch(v, host, boot, job)
	return *job, nil
}

func (e *Engine) checkRun(v *VM, options RunOptions) error {
	switch {
	case isTrue(options.UseCloudInit) && isTrue(options.UseIgnition):
		return &Fault{Status: http.StatusConflict, Reason: reasonFailed}
	case v.Status == StatusImageLocked:
		return conflict(msgVMLocked, "run")
	case v.Status == StatusPoweringDown:
		return conflict(msgVMStatus, "run VM", statusWords(v.Status))
	case v.Running():
		return conflict(msgVMRunning, "run")
	}
	if locked := e.lockedDisks(v.Disks); locked != "" {
		return conflict(msgDisksLocked, "run VM", locked)
	}
	devices := v.BootDevices
	if options.BootDevices != nil {
		devices = options.BootDevices
	}
	bootable := slices.ContainsFunc(v.Disks, func(a Attachment) bool { return a.Bootable })
	if !bootable && (len(devices) == 0 || devices[0] == "hd") {
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

// schedule picks the up host of the VM's cluster that runs the fewest VMs, by name among equals.
func (e *Engine) schedule(v *VM) (Host, bool) {
	load := map[string]int{}
	for _, other := range e.vms {
		load[other.HostID]++
	}
	var best Host
	for _, h := range e.hosts {
		if h.ClusterID != v.ClusterID || h.Status != StatusUp {
			continue
		}
		if best.ID == "" || load[h.ID] < load[best.ID] || load[h.ID] == load[best.ID] && h.Name < best.Name {
			best = h
		}
	}
	return best, best.ID != ""
}

func (e *Engine) launch(v *VM, host Host, boot Boot, job *Job) {
	v.run++
	run := v.run
	v.Status, v.HostID, v.StartTime, v.StopReason = StatusWaitForLaunch, host.ID, e.timeline.now(), ""
	e.later(launchTime, func() {
		if v.run == run {
			v.Status, v.Initialized = StatusPoweringUp, true
			e.power.On(boot)
		}
		e.finishJob(job)
	})
	e.later(guestWaitTime, func() {
		if v.run == run {
			v.Status = StatusUp
			e.logEvent(eventRun, v.ID, job.CorrelationID, fmt.Sprintf("VM %s started on Host %s", v.Name, host.Name))
		}
	})
}

// StopVM takes the power away.
func (e *Engine) StopVM(call Call, id, reason string) (Job, error) {
	return e.powerDown(call, id, "stop", reason)
}

// ShutdownVM asks the guest to halt. Guests here always obey; on a real engine this may never finish.
func (e *Engine) ShutdownVM(call Call, id, reason string) (Job, error) {
	return e.powerDown(call, id, "shutdown", reason)
}

func (e *Engine) powerDown(call Call, id, command, reason string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return Job{}, noEntity()
	}
	permit, duration, verb := permitStopVM, powerOffTime, "Stopping"
	if command == "shutdown" {
		permit, duration, verb = permitShutDownVM, guestHaltTime, "Shutting down"
	}
	if err := e.authorize(call, permit, Object{TypeVM, id}); err != nil {
		return Job{}, err
	}
	switch {
	case !v.Running():
		return Job{}, conflict(msgVMNotRunning, command)
	case command == "shutdown" && v.Status == StatusPoweringDown:
		return Job{}, conflict(msgVMStatus, "shutdown VM", statusWords(v.Status))
	}
	v.run++
	run := v.run
	v.Status, v.StopReason = StatusPoweringDown, reason
	job := e.startJob(call, fmt.Sprintf("%s VM %s", verb, v.Name))
	e.later(duration, func() {
		if v.run == run {
			e.halted(v, call.CorrelationID)
		}
		e.finishJob(job)
	})
	return *job, nil
}

func (e *Engine) halted(v *VM, correlationID string) {
	e.power.Off(v.ID)
	v.Status, v.HostID, v.StopTime, v.StartTime = StatusDown, "", e.timeline.now(), time.Time{}
	e.logEvent(eventVMDown, v.ID, correlationID, fmt.Sprintf("VM %s is down.", v.Name))
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
