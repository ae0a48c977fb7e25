package engine

import (
	"fmt"
	"time"
)

const migrationTime = 5 * time.Second

// systemCall is on behalf of nobody: the engine itself, or somebody whose client the simulator does not see.
func systemCall() Call { return Call{User: User{ID: AdminID, Name: AdminName, Admin: true}} }

// MigrateVM moves a running VM to another host: the one that is named, or the scheduler's choice.
func (e *Engine) MigrateVM(call Call, id string, host *Ref, force bool) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitMigrateVM, id)
	if err != nil {
		return Job{}, err
	}
	if err := v.checkStatus("migrate", StatusUp); err != nil {
		return Job{}, err
	}
	if v.Affinity == affinityPinned && !force {
		return Job{}, conflict(msgPinned)
	}
	to := placement{leaving: v.HostID}
	if host != nil {
		change, err := e.resolveChange(VMChange{PlacementHosts: []Ref{*host}}, "migrate", v.ClusterID)
		if err != nil {
			return Job{}, err
		}
		to.hosts = change.hostIDs
		if to.hosts[0] == v.HostID {
			return Job{}, conflict(msgSameHost, e.hostName(v.HostID))
		}
	}
	target, err := e.schedule("migrate", v, to)
	if err != nil {
		return Job{}, err
	}
	return *e.migrate(call, v, target), nil
}

func (e *Engine) migrate(call Call, v *VM, target Host) *Job {
	v.run++
	run, source := v.run, v.HostID
	v.Status = StatusMigrating
	job := e.startJob(call, fmt.Sprintf("Migrating VM %s", v.Name))
	e.logEvent(eventMigrationStart, v.ID, call.CorrelationID, fmt.Sprintf("Migration started (VM: %s, Source: %s, Destination: %s, User: %s).",
		v.Name, e.hostName(source), target.Name, call.User.Name))
	e.later(migrationTime, func() {
		if v.run == run {
			v.Status, v.HostID = StatusUp, target.ID
			e.logEvent(eventMigrationDone, v.ID, call.CorrelationID, fmt.Sprintf("Migration completed (VM: %s, Source: %s, Destination: %s).",
				v.Name, e.hostName(source), target.Name))
			e.settleHost(source)
		}
		e.finishJob(job)
	})
	return job
}

// CancelMigration leaves the VM where it is.
func (e *Engine) CancelMigration(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, err := e.commandOn(call, permitMigrateVM, id)
	if err != nil {
		return Job{}, err
	}
	if v.Status != StatusMigrating {
		return Job{}, conflict(msgNotMigrating)
	}
	v.run++
	v.Status = StatusUp
	job := e.startJob(call, fmt.Sprintf("Cancelling migration of VM %s", v.Name))
	e.logAs(severityWarning, eventMigrationFailed, v.ID, call.CorrelationID, fmt.Sprintf("Migration of VM %s was cancelled.", v.Name))
	e.finishJob(job)
	return *job, nil
}
