package engine

import (
	"fmt"
	"net/http"
	"time"
)

const (
	hostNonOperational = "non_operational"
	hostDown           = "down"
	// restartInterval is how often the engine tries to run a highly available VM again (its AutoStartVmsRunner).
	restartInterval = time.Minute
)

// HostDown takes a host away. With migrate it cannot run VMs any more and the engine moves them elsewhere, if another host
// takes them; otherwise they are killed, and those that are highly available run again elsewhere.
func (e *Engine) HostDown(name string, migrate bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.hostNamed(name)
	if h == nil {
		return fmt.Errorf("%w: host %q", ErrNotFound, name)
	}
	if migrate {
		h.Status = hostNonOperational
		e.evacuate(systemCall(), *h)
		return nil
	}
	h.Status = hostDown
	e.pauseTransfersOn(h.ID)
	e.logAs(severityError, eventHostDown, "", "", fmt.Sprintf("Host %s is non responsive.", h.Name))
	for _, v := range e.vmsOn(h.ID) {
		v.run++
		e.logAs(severityError, eventHostKilledVM, v.ID, "",
			fmt.Sprintf("VM %s was set to the Down status due to host reboot or manual fence", v.Name))
		e.switchOff(v)
		if v.HighlyAvailable {
			e.logAs(severityError, eventHAFailed, v.ID, "", fmt.Sprintf("Highly Available VM %s failed. It will be restarted automatically.", v.Name))
			e.runAgain(v)
		}
	}
	return nil
}

// runAgain runs a highly available VM after its host died, as soon as a host takes it, unless somebody else is faster.
func (e *Engine) runAgain(v *VM) {
	host, err := e.schedule("run", v, placement{})
	if err != nil {
		run := v.run
		e.later(restartInterval, func() {
			if e.vms[v.ID] == v && v.run == run && v.Status == StatusDown && v.HighlyAvailable {
				e.runAgain(v)
			}
		})
		return
	}
	job := e.startJob(systemCall(), fmt.Sprintf("Launching VM %s", v.Name))
	e.launch(v, host, e.bootOf(v, configDrive{}), job, false)
}

func (e *Engine) evacuate(call Call, h Host) {
	for _, v := range e.vmsOn(h.ID) {
		if v.Status != StatusUp || v.Affinity == affinityPinned {
			continue
		}
		target, err := e.schedule("migrate", v, placement{leaving: h.ID})
		if err != nil {
			e.logAs(severityError, eventMigrationFailed, v.ID, call.CorrelationID,
				fmt.Sprintf("Migration failed: no available host was found to migrate VM %s to.", v.Name))
			continue
		}
		e.migrate(call, v, target)
	}
}

// MaintainHost empties a host; it is in maintenance when no VM is left on it.
func (e *Engine) MaintainHost(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, err := e.hostCommand(call, id)
	if err != nil {
		return Job{}, err
	}
	if h.Status == StatusMaintenance || h.Status == StatusPreparing {
		return Job{}, refuse(http.StatusConflict, "Cannot switch Host to Maintenance mode. Host is in Maintenance mode already.") // own words
	}
	h.Status = StatusPreparing
	job := e.startJob(call, fmt.Sprintf("Moving Host %s to Maintenance", h.Name))
	e.evacuate(call, *h)
	e.settleHost(h.ID)
	e.finishJob(job)
	return *job, nil
}

// ActivateHost makes a host up.
func (e *Engine) ActivateHost(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, err := e.hostCommand(call, id)
	if err != nil {
		return Job{}, err
	}
	if h.Status == StatusUp {
		return Job{}, refuse(http.StatusConflict, "Cannot activate Host. Host is already active.") // own words
	}
	h.Status = StatusUp
	job := e.startJob(call, fmt.Sprintf("Activating Host %s", h.Name))
	e.finishJob(job)
	return *job, nil
}

func (e *Engine) hostCommand(call Call, id string) (*Host, error) {
	for i := range e.hosts {
		if e.hosts[i].ID == id {
			return &e.hosts[i], e.authorize(call, permitHost, Object{TypeHost, id})
		}
	}
	return nil, noEntity()
}

// settleHost ends the way into maintenance of a host that runs nothing any more.
func (e *Engine) settleHost(id string) {
	for i := range e.hosts {
		h := &e.hosts[i]
		if h.ID == id && h.Status == StatusPreparing && len(e.vmsOn(id)) == 0 {
			h.Status = StatusMaintenance
			e.logEvent(eventHostMaintenance, "", "", fmt.Sprintf("Host %s was switched to Maintenance Mode.", h.Name))
		}
	}
}

func (e *Engine) hostNamed(name string) *Host {
	for i := range e.hosts {
		if e.hosts[i].Name == name {
			return &e.hosts[i]
		}
	}
	return nil
}

// vmsOn lists the VMs on a host by name.
func (e *Engine) vmsOn(hostID string) (out []*VM) {
	for _, v := range e.vmList() {
		if v.HostID == hostID {
			out = append(out, v)
		}
	}
	return out
}

func (e *Engine) vmList() []*VM {
	return sortedByName(e.vms, func(v *VM) (string, string) { return v.Name, v.ID })
}
