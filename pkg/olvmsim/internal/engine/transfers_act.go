package engine

import (
	"fmt"
	"slices"
)

// PauseTransfer stops an upload until it is resumed.
func (e *Engine) PauseTransfer(call Call, id string) error {
	return e.actOnTransfer(call, id, func(t *Transfer) error {
		switch {
		case !t.Upload():
			return conflict(msgPauseDownload)
		case t.Phase != PhaseTransferring:
			return conflict(msgTransferState, "pause", t.Phase)
		}
		e.pauseTransfer(t, PhasePausedUser)
		return nil
	})
}

// ResumeTransfer lets a paused transfer go on, with a new ticket.
func (e *Engine) ResumeTransfer(call Call, id string) error {
	return e.actOnTransfer(call, id, func(t *Transfer) error {
		if !t.Paused() {
			return conflict(msgTransferNotPause)
		}
		t.Phase = PhaseResuming
		e.later(phaseTime, func() {
			if t.Phase == PhaseResuming {
				e.reopen(t)
			}
		})
		return nil
	})
}

// reopen goes on with a paused transfer, on another host if its own is not up.
func (e *Engine) reopen(t *Transfer) {
	host, ok := e.transferHost(e.diskOf(t), t.HostID)
	if !ok {
		host, ok = e.transferHost(e.diskOf(t), "")
	}
	if !ok {
		t.Phase = PhasePausedSystem
		return
	}
	t.HostID = host.ID
	e.openTicket(t)
}

// ExtendTransfer says that the client is still there.
func (e *Engine) ExtendTransfer(call Call, id string) error {
	return e.actOnTransfer(call, id, func(t *Transfer) error {
		t.extended = e.timeline.now()
		return nil
	})
}

// CancelTransfer ends a transfer without success.
func (e *Engine) CancelTransfer(call Call, id string) error {
	return e.actOnTransfer(call, id, func(t *Transfer) error {
		if t.Phase != PhaseTransferring && t.Phase != PhaseResuming && !t.Paused() {
			return conflict(msgTransferState, "cancel", t.Phase)
		}
		if e.store.options.LegacyCancel {
			e.endTransfer(t, PhaseCancelledUser, PhaseFinalizingFailure, PhaseFinishedFailure)
		} else {
			e.endTransfer(t, PhaseCancelledUser, PhaseFinalizingCleanup, PhaseFinishedCleanup)
		}
		return nil
	})
}

// FinalizeTransfer ends a transfer with success, unless what was uploaded is no image for the disk.
func (e *Engine) FinalizeTransfer(call Call, id string) error {
	return e.actOnTransfer(call, id, func(t *Transfer) error {
		if t.Phase != PhaseTransferring && !t.Paused() {
			return conflict(msgTransferState, "finalize", t.Phase)
		}
		e.closeTicket(t)
		t.Phase = PhaseFinalizingSuccess
		e.later(phaseTime, func() {
			disk := e.diskOf(t)
			if t.Upload() && t.Format == FormatCOW && disk.Format == FormatCOW && e.images().Check(disk.ID, disk.ProvisionedSize) != nil {
				e.endTransfer(t, PhaseFinalizingFailure, PhaseFinishedFailure)
				return
			}
			e.finishTransfer(t, PhaseFinishedSuccess, StatusOK)
		})
		return nil
	})
}

func (e *Engine) actOnTransfer(call Call, id string, act func(*Transfer) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.store.transfers, func(t *Transfer) bool { return t.ID == id })
	if i < 0 {
		return noEntity()
	}
	t := e.store.transfers[i]
	if err := e.authorize(call, permitEditDisk, Object{TypeDisk, t.DiskID}); err != nil {
		return err
	}
	return act(t)
}

// endTransfer walks through the phases; the last one is the end.
func (e *Engine) endTransfer(t *Transfer, phase string, next ...string) {
	e.closeTicket(t)
	if len(next) > 0 {
		t.Phase = phase
		e.later(phaseTime, func() { e.endTransfer(t, next[0], next[1:]...) })
		return
	}
	status := StatusOK
	if t.Upload() {
		status = StatusIllegal
	}
	e.finishTransfer(t, phase, status)
}

// finishTransfer leaves the disk as the engine does: fit for use, illegal after an upload that failed, or gone after one
// that its user cancelled, unless a VM has it.
func (e *Engine) finishTransfer(t *Transfer, phase, diskStatus string) {
	t.Phase = phase
	disk := e.diskOf(t)
	disk.Status = diskStatus
	if t.Upload() {
		sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
		e.measure(disk, sd)
	}
	keep, code, result := keepFailed, eventTransferFailed, "failed"
	switch phase {
	case PhaseFinishedSuccess:
		keep, code, result = keepSucceeded, eventTransferDone, "succeeded"
	case PhaseFinishedCleanup:
		code, result = eventTransferCancelled, "was cancelled"
		if t.Upload() && len(e.owners(disk.ID)) == 0 {
			e.dropDisk(disk.ID)
		}
	}
	e.logEvent(code, "", t.job.CorrelationID, fmt.Sprintf("Image %s with disk %s %s.", titled(t.Direction), disk.Alias, result))
	e.later(keep, func() {
		e.store.transfers = slices.DeleteFunc(e.store.transfers, func(other *Transfer) bool { return other == t })
	})
	e.finishJob(t.job)
	if phase != PhaseFinishedSuccess {
		t.job.Status = jobFailed
	}
}

const (
	jobFailed = "failed"

	eventTransferStarted   = 1031
	eventTransferDone      = 1032
	eventTransferCancelled = 1033
	eventTransferFailed    = 1034
)
