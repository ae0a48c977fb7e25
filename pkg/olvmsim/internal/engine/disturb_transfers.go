package engine

import "path"

// PauseTransfers makes the engine pause the transfers of all disks whose aliases match the pattern (path.Match), as it
// does when a host loses its storage.
func (e *Engine) PauseTransfers(pattern string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	paused := false
	for _, t := range e.store.transfers {
		if t.Phase != PhaseTransferring {
			continue
		}
		if ok, _ := path.Match(pattern, e.diskOf(t).Alias); ok {
			e.pauseTransfer(t, PhasePausedSystem)
			paused = true
		}
	}
	if !paused {
		return errNoTransfers
	}
	return nil
}

// diskOf is the transfer's disk; one without properties if somebody else has removed it meanwhile.
func (e *Engine) diskOf(t *Transfer) *Disk {
	if disk, ok := e.disks[t.DiskID]; ok {
		return disk
	}
	return &Disk{ID: t.DiskID}
}
